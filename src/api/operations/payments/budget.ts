import { z } from 'zod';
import { agentAccount, balance } from '../../../books/ledger/journal.ts';
import { calendarStart } from '../../../books/meters/calendar.ts';
import { dimensions, type MeterDeclaration } from '../../../books/meters/declarations.ts';
import { readWalletState } from '../../../chain/contracts/walletState.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { AmountView, amountView, iso, Label, Ref } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import type { Agent } from '../../../decide/identity/identity.ts';
import { type AgentBudget, budgetOf, type MeterBudget } from '../../../decide/payments/budget.ts';
import { refuseForeign } from '../act.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';
import { askableKinds, gateContext } from './paymentRequest.ts';
import { heldOnTheWay } from './queries.ts';

const MeterView = z
  .object({
    meter: z.string(),
    by: z.array(z.enum(dimensions)).describe('What the meter counts for itself: by agent, by payee, …'),
    window: z.string().describe('As "calendar day UTC", "rolling P30D", "lifetime"'),
    spent: AmountView.describe('In the window now, reservations included'),
    payments: z.int(),
    left: AmountView.nullable().describe('What one more payment may be for this meter; null: no limit, or see `needs`'),
    payments_left: z.int().nullable(),
    resets_at: z
      .string()
      .nullable()
      .describe('End of a calendar window; null for a rolling window, which resets continuously'),
    controls: z.array(z.string()),
    needs: z.array(z.enum(dimensions)).describe('Set these parameters to see the rest of the limit'),
  })
  .meta({ id: 'Meter' });

export const BudgetView = z
  .object({
    agent: z.string(),
    largest_amount_now: AmountView.nullable().describe(
      'The most that a payment to this payee would be allowed to be now: policy, ceilings and balance together. Null without a payee',
    ),
    available: AmountView.describe('The available balance of the wallet'),
    purse: AmountView.describe('The available balance of the x402 purse'),
    meters: z.array(MeterView),
    ceilings: z
      .object({
        per_payment: AmountView,
        per_period: AmountView,
        left_in_period: AmountView.nullable().describe(
          'From the chain, less payments in settlement; null when the chain does not answer',
        ),
        period_seconds: z.int(),
      })
      .describe("The wallet contract's own limits"),
    policy_digest: z.string(),
  })
  .meta({ id: 'Budget' });

export const BudgetInput = z.strictObject({
  id: Ref.describe('Agent id or name; an agent\'s own key may say "me"'),
  payee: Ref.optional(),
  category: Label.optional(),
  workflow: Ref.optional(),
  kind: z.enum(askableKinds).default('payout'),
});

export const budgetOperations = [
  operation({
    name: 'budget',
    summary:
      'The remaining budget of an agent: in each meter of the policy and under each ceiling of its wallet. Name a payee to see the limits for it.',
    method: 'GET',
    path: '/v1/agents/{id}/budget',
    scope: 'read',
    cost: 'medium',
    input: BudgetInput,
    output: BudgetView,
    errors: ['agent_not_found', 'payee_not_found', 'workflow_not_found', 'policy_unavailable'],
    handler: async (app, caller, input) => {
      const agent = await agentOf(app, caller, input.id);
      const rules = gateContext(app, caller);
      const { policy, atMs } = rules;
      const subject = {
        agentId: agent.id,
        kind: input.kind,
        payee: input.payee ?? null,
        category: input.category ?? null,
        workflow: input.workflow === undefined ? null : { ref: input.workflow, run: null },
      };
      const { budget, free } = await app.store.read(async (tx) => ({
        budget: await budgetOf(tx, rules, subject),
        free: async (account: 'available' | 'purse') => amountView(await balance(tx, agentAccount(agent.id, account))),
      }));
      return {
        agent: agent.id,
        largest_amount_now: budget.largestNow === null ? null : amountView(budget.largestNow),
        available: await free('available'),
        purse: await free('purse'),
        meters: budget.meters.map((meter) => meterView(meter, atMs)),
        ceilings: await ceilingsOf(app, budget),
        policy_digest: policy.digest,
      };
    },
  }),
];

async function agentOf(app: App, caller: Caller, asked: string): Promise<Agent> {
  const own = caller.credential.agentId;
  const agent = await app.store.read((tx) => getAgent(tx, asked === 'me' && own !== null ? own : asked));
  refuseForeign(caller, agent.id);
  return agent;
}

function meterView(
  { meter, declaration, total, count, left, paymentsLeft, controls, needs }: MeterBudget,
  atMs: number,
) {
  return {
    meter,
    by: declaration.by,
    window: windowText(declaration),
    spent: amountView(BigInt(total)),
    payments: count,
    left: left === null ? null : amountView(left),
    payments_left: paymentsLeft,
    resets_at: resetsAt(declaration, atMs),
    controls,
    needs,
  };
}

function windowText({ window }: MeterDeclaration): string {
  if (window === 'lifetime') return window;
  return 'rolling' in window ? `rolling ${window.rolling}` : `calendar ${window.calendar} ${window.tz}`;
}

const HOUR_MS = 3_600_000;
const longest = { hour: 1, day: 24, week: 168, month: 744, year: 8_784 } as const;

function resetsAt({ window }: MeterDeclaration, atMs: number): string | null {
  if (window === 'lifetime' || 'rolling' in window) return null;
  const { calendar, tz } = window;
  // An instant a little later than the longest such window after its start (clock changes included) is in the next one.
  const inNext = calendarStart(calendar, tz, atMs) + (longest[calendar] + 2) * HOUR_MS;
  return iso(calendar === 'hour' ? calendarStart(calendar, tz, atMs) + HOUR_MS : calendarStart(calendar, tz, inNext));
}

async function ceilingsOf(app: App, { facts }: AgentBudget) {
  const { address, ceilings, deployedAtMs } = facts.agent.wallet;
  const { perPayment, perPeriod, periodSeconds } = ceilings;
  return {
    per_payment: amountView(BigInt(perPayment)),
    per_period: amountView(BigInt(perPeriod)),
    left_in_period: await leftInPeriod(app, facts.agent.id, address, deployedAtMs === null ? BigInt(perPeriod) : null),
    period_seconds: periodSeconds,
  };
}

/** `known`: of a wallet that is not deployed yet and so has spent nothing. */
async function leftInPeriod(app: App, agentId: string, address: `0x${string}`, known: bigint | null) {
  const onItsWay = await app.store.read((tx) => tx.get(heldOnTheWay, { agent: agentId }));
  try {
    const remaining = known ?? (await readWalletState(app.chain, address))?.remainingInPeriod ?? null;
    if (remaining === null) return null;
    const left = remaining - (onItsWay?.micro ?? 0n);
    return amountView(left > 0n ? left : 0n);
  } catch (error) {
    if (error instanceof BursarError && error.code === 'chain_unavailable') return null;
    throw error;
  }
}
