import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { readWalletState, type WalletState } from '../../../chain/contracts/walletState.ts';
import { type AgentExposure, exposureOf, type Figure } from '../../../control/exposure/exposure.ts';
import { horizons } from '../../../control/exposure/horizon.ts';
import { stolenKeys } from '../../../control/exposure/stolenKeys.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { AmountView, amountView, iso, Ref } from '../../../core/schemas/schemas.ts';
import { getAgent, listAgents } from '../../../decide/identity/agents.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import { listCredentials } from '../../../decide/identity/credentials.ts';
import type { Agent } from '../../../decide/identity/identity.ts';
import type { Policy } from '../../../decide/policy/policy.ts';
import { visibleAgent } from '../act.ts';
import type { App } from '../app.ts';
import { costs } from '../cost.ts';
import { oneAtATime } from '../oneAtATime.ts';
import { operation } from '../operation.ts';

const FigureView = z
  .object({
    most: AmountView.describe('With the current balance'),
    if_funded: AmountView.nullable().describe('With any balance; null: no limit'),
    because: z.string(),
  })
  .meta({ id: 'ExposureFigure' });
const Figures = z.object({ today: FigureView, month: FigureView }).meta({ id: 'ExposureFigures' });
const View = z
  .object({
    at: z.string(),
    today_until: z.string(),
    month_until: z.string(),
    policy_digest: z.string(),
    total: z.object({ today: AmountView, month: AmountView, on_its_way: AmountView, held: AmountView }),
    agents: z.array(
      z.object({
        agent: z.string(),
        name: z.string(),
        status: z.string(),
        figures: Figures.describe('The most that the agent can still spend without people'),
        on_its_way: AmountView.describe('Decided and not settled; it moves in addition'),
        held: AmountView,
        frozen_on_chain: z.boolean(),
        warnings: z.array(z.object({ code: z.string(), message: z.string() })),
      }),
    ),
    stolen_keys: z
      .array(
        z.object({
          key: z.enum([
            'agent_api_key',
            'operator_api_key',
            'auditor_api_key',
            'executor',
            'approver',
            'guardian',
            'owner',
          ]),
          holder: z.string().describe('An address, or the id of an API key'),
          name: z.string().nullable().describe('Of an API key'),
          agents: z.int(),
          figures: Figures,
        }),
      )
      .describe("Empty for an agent's own key"),
  })
  .meta({ id: 'Exposure' });

const figure = ({ most, ifFunded, because }: Figure): z.input<typeof FigureView> => ({
  most: amountView(most),
  if_funded: ifFunded === null ? null : amountView(ifFunded),
  because,
});
const both = (figures: { today: Figure; month: Figure }) => ({
  today: figure(figures.today),
  month: figure(figures.month),
});

/** Each evaluates the policy a few hundred times and reads the chain once: about this many milliseconds (docs/limits.md). */
const TOKENS_EACH = 110;
const AGENTS_MAX = 500;

export const exposureOperations = [
  operation({
    name: 'exposure',
    summary:
      'The most that each agent, and each stolen key, could move today and this month, from policy, mandates and chain together; and where policy and ceilings differ.',
    method: 'GET',
    path: '/v1/exposure',
    scope: 'read',
    cost: 'bulk',
    input: z.strictObject({ agent: Ref.optional().describe('Only this one; without it all') }),
    output: View,
    errors: ['agent_not_found', 'policy_unavailable'],
    handler: async (app, caller, input, meta) => {
      const own = caller.credential.agentId;
      const isWhole = input.agent === undefined && own === null;
      const report = isWhole ? await wholeReport(app) : await reportOf(app, await oneAgent(app, caller, input.agent));
      const { exposures, nowMs, policy, asked } = report;
      meta.owe?.(Math.max(0, exposures.length * TOKENS_EACH - costs.bulk));
      const credentials = await app.store.read(async (tx) =>
        (await listCredentials(tx)).filter(
          ({ revokedAtMs, expiresAtMs }) => revokedAtMs === null && (expiresAtMs === null || expiresAtMs > nowMs),
        ),
      );
      const sum = (of: (exposure: AgentExposure) => bigint) =>
        amountView(exposures.reduce((total, exposure) => total + of(exposure), 0n));
      const [today, month] = asked;
      return {
        at: iso(nowMs),
        today_until: iso(today.endMs),
        month_until: iso(month.endMs),
        policy_digest: policy.digest,
        total: {
          today: sum(({ figures }) => figures.today.most),
          month: sum(({ figures }) => figures.month.most),
          on_its_way: sum(({ onItsWay }) => onItsWay),
          held: sum(({ held }) => held),
        },
        agents: exposures.map((each) => ({
          agent: each.agent.id,
          name: each.agent.name,
          status: each.agent.status,
          figures: both(each.figures),
          on_its_way: amountView(each.onItsWay),
          held: amountView(each.held),
          frozen_on_chain: each.frozenOnChain,
          warnings: each.warnings,
        })),
        stolen_keys:
          own === null
            ? stolenKeys(exposures, credentials).map(({ figures, ...rest }) => ({
                ...rest,
                figures: both(figures),
              }))
            : [],
      };
    },
  }),
];

async function oneAgent(app: App, caller: Caller, asked: string | undefined): Promise<Agent[]> {
  return app.store.read(async (tx) => {
    const agent = await getAgent(tx, asked ?? (caller.credential.agentId as string));
    visibleAgent(caller, agent.id);
    return [agent];
  });
}

type Report = { exposures: AgentExposure[]; nowMs: number; policy: Policy; asked: ReturnType<typeof horizons> };

/** Reports on all agents, by server: one at a time, shared by all requests that arrive meanwhile. */
const whole = new WeakMap<App, () => Promise<Report>>();
function wholeReport(app: App): Promise<Report> {
  const shared = whole.get(app) ?? oneAtATime(async () => reportOf(app, await app.store.read(listAgents)));
  whole.set(app, shared);
  return shared();
}

async function reportOf(app: App, agents: readonly Agent[]): Promise<Report> {
  if (agents.length > AGENTS_MAX) {
    throw new BursarError('invalid_request', { message: `There are more than ${AGENTS_MAX} agents: ask for one.` });
  }
  const policy = app.policies.active();
  const nowMs = app.clock();
  const asked = horizons(nowMs, policy.settings.timezone);
  const exposures: AgentExposure[] = [];
  for (const agent of agents.filter(({ wallet }) => wallet !== null)) {
    const state = await stateOf(app, agent);
    const found = await app.store.read((tx) =>
      exposureOf({ tx, policy, chain: app.chainFacts, agent, state, nowMs, horizons: asked }),
    );
    exposures.push(found);
    // Payments do not wait for the whole report.
    await setImmediate();
  }
  return { exposures, nowMs, policy, asked };
}

async function stateOf(app: App, agent: Agent): Promise<WalletState | null | undefined> {
  if (!agent.wallet) return null;
  try {
    return await readWalletState(app.chain, agent.wallet.address);
  } catch (error) {
    if (error instanceof BursarError && error.code === 'chain_unavailable') return undefined;
    throw error;
  }
}
