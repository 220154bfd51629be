import { type MeterDeclaration, rollingMs } from '../../books/meters/declarations.ts';
import { meterInWords } from '../../books/meters/meterInWords.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { nextOccurrence } from '../../core/time/cadence.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import { currentAddress } from '../../decide/identity/identity.ts';
import { listPayees } from '../../decide/identity/payees.ts';
import { listWorkflows } from '../../decide/identity/workflows.ts';
import { worstCase } from '../../decide/mandates/mandate.ts';
import { listMandates, mandateUse } from '../../decide/mandates/mandates.ts';
import { type BudgetSubject, imaginedInput, isKnown, largest, searchMeter } from '../../decide/payments/budget.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { PolicyInput } from '../../decide/policy/input.ts';
import type { Policy } from '../../decide/policy/policy.ts';
import type { ReadTx } from '../../store/store.ts';
import { type Horizon, startsWithin } from './horizon.ts';

/** The kinds of spending that an agent's key can request. Refunds return to their payer and are counted separately. */
const kinds = ['payout', 'purchase', 'transfer', 'recurring'] as const;
const WORKFLOWS_MAX = 50;
const PAYEES_MAX = 30;
/** The same bound as in the search of the budget: no balance has a thousand million USDC. */
const MOST = 1_000_000_000_000_000;

type World = { tx: ReadTx; policy: Policy; chain: ChainFacts; agent: Agent };
/** `amount` null: no meter limits it. `meter`: the limiting one, as text. */
export type PolicyReach = { amount: bigint | null; meter: string | null };

/**
 * The most that the policy lets the agent spend within the horizon without people, by the meters that apply to every payment. Of a
 * calendar window: the rest, and a whole limit for each that begins in the horizon; of a rolling window: what has left it by then.
 * Rules on payees, categories and single payments only reduce it, so this is an upper bound.
 */
export async function policyReach(world: World, horizon: Horizon): Promise<PolicyReach> {
  const workflows = (await listWorkflows(world.tx)).filter(({ status }) => status === 'active');
  if (workflows.length > WORKFLOWS_MAX) return { amount: null, meter: null };
  const refs = [null, ...workflows.map(({ id }) => id)];
  const perKind = new Map<string, PolicyReach>(kinds.map((kind) => [kind, { amount: null, meter: null }]));
  let shared: PolicyReach = { amount: null, meter: null };
  for (const [meter, declaration] of Object.entries(world.policy.meters)) {
    const words = meterInWords(declaration);
    const byKind = await mapInOrder(kinds, async (kind) => {
      if (!counts(declaration, kind)) return null;
      const amounts = await mapInOrder(refs, (ref) =>
        meterReach(world, horizon, { meter, declaration }, subjectOf(world.agent, kind, ref)),
      );
      return declaration.by.includes('workflow') ? sumOf(amounts) : mostOf(amounts);
    });
    byKind.forEach((amount, index) => {
      const kind = kinds[index];
      if (kind) perKind.set(kind, tighter(perKind.get(kind), { amount, meter: words }));
    });
    const bindsAll = !declaration.by.includes('kind') && kinds.every((kind) => counts(declaration, kind));
    if (bindsAll) shared = tighter(shared, { amount: mostOf(byKind), meter: words });
  }
  const summed = sumOf([...perKind.values()].map(({ amount }) => amount));
  const names = [...new Set([...perKind.values()].map(({ meter }) => meter))].join(', ');
  return tighter(shared, { amount: summed, meter: names });
}

const counts = ({ kinds: named }: MeterDeclaration, kind: (typeof kinds)[number]): boolean =>
  named?.includes(kind) ?? true;

function subjectOf(agent: Agent, kind: (typeof kinds)[number], workflow: string | null): BudgetSubject {
  return {
    agentId: agent.id,
    kind,
    payee: null,
    category: null,
    workflow: workflow === null ? null : { ref: workflow, run: null },
  };
}

/** Null: this meter limits nothing, or its limit depends on the payment. */
async function meterReach(
  world: World,
  horizon: Horizon,
  { meter, declaration }: { meter: string; declaration: MeterDeclaration },
  subject: BudgetSubject,
): Promise<bigint | null> {
  const { by, window } = declaration;
  if (by.some((dimension) => !isKnown(dimension, { payee: null }, subject))) return null;
  const leftAt = async (atMs: number): Promise<bigint | null> =>
    searchMeter(world.policy, await inputAt(world, subject, atMs), meter).left;
  const whole = async (): Promise<bigint | null> => {
    const input = await inputAt(world, subject, horizon.nowMs);
    const empty = { ...input, meters: { ...input.meters, [meter]: { total: 0, count: 0, last_at: null } } };
    return searchMeter(world.policy, empty, meter).left;
  };
  if (window === 'lifetime') return leftAt(horizon.nowMs);
  if ('rolling' in window) {
    const length = rollingMs(window.rolling);
    const rest = (horizon.endMs - horizon.nowMs) % length;
    const windows = Math.floor((horizon.endMs - horizon.nowMs) / length);
    // Spending in the first part is still in the window when that part ends, in addition to earlier spending.
    const first = rest === 0 ? 0n : await leftAt(horizon.nowMs + rest);
    return windows === 0 ? first : plus(first, times(await whole(), windows));
  }
  const later = startsWithin(window.calendar, window.tz, horizon);
  const now = await leftAt(horizon.nowMs);
  return later === 0 ? now : plus(now, times(await whole(), later));
}

async function inputAt({ tx, policy, chain }: World, subject: BudgetSubject, atMs: number): Promise<PolicyInput> {
  return (await imaginedInput(tx, { policy, chain, atMs }, subject)).input;
}

/**
 * The largest single payment that the policy allows without people to any active payee now, with empty meters and enough money.
 * Null if it allows none (outside working hours, for example).
 */
export async function largestPayment(world: World, atMs: number): Promise<{ amount: bigint; payee: string } | null> {
  // The gate never pays the token or the agent's own wallet and purse, even if they are registered as payees.
  const own = [world.agent.wallet?.address, world.agent.wallet?.purse, world.chain.token];
  const payees = (await listPayees(world.tx)).filter((payee) => {
    const address = payee.status === 'active' ? currentAddress(payee)?.address : undefined;
    return address !== undefined && !own.includes(address);
  });
  let most: { amount: bigint; payee: string } | null = null;
  for (const payee of payees.slice(0, PAYEES_MAX)) {
    for (const kind of ['payout', 'purchase'] as const) {
      const input = await inputAt(world, { ...subjectOf(world.agent, kind, null), payee: payee.id }, atMs);
      const meters = Object.fromEntries(
        Object.keys(input.meters).map((name) => [name, { total: 0, count: 0, last_at: null }]),
      );
      const funds = { ...input.funds, available: MOST };
      const allowed = (amount: number): boolean => {
        const imagined = { ...input, meters, funds, payment: { ...input.payment, amount } };
        return world.policy.evaluate(JSON.stringify(imagined)).decision.effect === 'allow';
      };
      const amount = BigInt(largest(MOST, allowed));
      if (amount > 0n && (most === null || amount > most.amount)) most = { amount, payee: payee.name };
    }
  }
  return most;
}

/**
 * The additional amount that mandates permit: the rest of each one's worst case, limited by its occurrences in the horizon (one may
 * be due already).
 */
export async function mandateReach(tx: ReadTx, agentId: string, horizon: Horizon): Promise<bigint> {
  let sum = 0n;
  for (const { id, status, terms } of await listMandates(tx, agentId)) {
    const untilMs = Math.min(horizon.endMs, terms.expiresAtMs);
    if (status !== 'active' || terms.notBeforeMs >= horizon.endMs || untilMs <= horizon.nowMs) continue;
    const use = await mandateUse(tx, id);
    const left = least(
      least(terms.total - use.total, worstCase(terms)),
      terms.count === null ? null : terms.perPayment * BigInt(Math.max(0, terms.count - use.count)),
    );
    let times: bigint | null = null;
    if (terms.cadence) {
      const cadence = { ...terms.cadence, startsAtMs: terms.notBeforeMs };
      let count = 1;
      for (let at = nextOccurrence(cadence, horizon.nowMs); at !== null && at < untilMs && count < 1_000; count += 1) {
        at = nextOccurrence(cadence, at);
      }
      times = terms.perPayment * BigInt(count);
    }
    const most = least(left, times);
    if (most > 0n) sum += most;
  }
  return sum;
}

const plus = (a: bigint | null, b: bigint | null): bigint | null => (a === null || b === null ? null : a + b);
const times = (a: bigint | null, n: number): bigint | null => (a === null ? null : a * BigInt(n));
const least = (a: bigint, b: bigint | null): bigint => (b === null || a < b ? a : b);
function sumOf(amounts: readonly (bigint | null)[]): bigint | null {
  return amounts.reduce<bigint | null>((sum, amount) => plus(sum, amount), 0n);
}
function mostOf(amounts: readonly (bigint | null)[]): bigint | null {
  return amounts.reduce<bigint | null>(
    (most, amount) => (most === null || amount === null ? null : amount > most ? amount : most),
    0n,
  );
}
function tighter(a: PolicyReach | undefined, b: PolicyReach): PolicyReach {
  if (!a || a.amount === null) return b;
  return b.amount === null || a.amount <= b.amount ? a : b;
}
