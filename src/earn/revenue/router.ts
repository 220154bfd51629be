import { raiseAlert, raiseOnce } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { readEarnings } from '../../books/receivables/earnings.ts';
import { toReceivable } from '../../books/receivables/readReceivables.ts';
import { earnedKinds, type Receivable } from '../../books/receivables/receivable.ts';
import { findExpectedSale } from '../../books/receivables/sales.ts';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { flatMapInOrder } from '../../core/inOrder.ts';
import { formatUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import { holdsMoney, type PaymentState } from '../../core/payment/states.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import { getSponsor } from '../../decide/identity/sponsors.ts';
import { type GateContext, requestPayment } from '../../decide/payments/gate.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import { refundedOf } from '../../decide/payments/refunds.ts';
import type { ChainFacts, PaymentRequest } from '../../decide/payments/request.ts';
import type { RouteInput } from '../../decide/policy/input.ts';
import type { Leg, Policy } from '../../decide/policy/policy.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { timeIn } from '../../store/time.ts';
import {
  attemptsAtLeg,
  firstToRoute,
  receivableById,
  receivableToRoute,
  routableUnder,
  setRouted,
  setRouteFailed,
} from './queries.ts';

export type RouterOptions = {
  store: LedStore;
  /** The active policy. Throws `policy_unavailable` if there is none: nothing is routed until then. */
  policy: () => Policy;
  /** What the transaction decides by. */
  rulesIn: (tx: ReadTx) => Promise<Pick<GateContext, 'policy' | 'shadow'>>;
  chain: ChainFacts;
  /** Epoch ms. */
  clock: () => number;
  /** There are new payments to send. */
  wake: () => void;
};
export type Router = { tick(): Promise<{ routed: number; legs: number }> };

const RECEIVABLES_PER_TICK = 200;
/**
 * Applies revenue rules to earnings that are final, which a reorg cannot undo. Each receivable is one write: its legs go through
 * the gate and it is marked in the same transaction, so a crash leaves all or nothing, and the settler sends the allowed legs
 * together. A rule that fails splits nothing, raises an alert, and is tried again under another policy.
 */
export function createRouter({ store, policy, rulesIn, chain, clock, wake }: RouterOptions): Router {
  return {
    async tick() {
      if (!(await store.read((tx) => tx.get(firstToRoute)))) return { routed: 0, legs: 0 };
      let inForce: Policy;
      try {
        inForce = policy();
      } catch (error) {
        if (error instanceof BursarError && error.code === 'policy_unavailable') return { routed: 0, legs: 0 };
        throw error;
      }
      const ids = await store.read((tx) =>
        tx.all(routableUnder, { digest: inForce.digest, limit: RECEIVABLES_PER_TICK }),
      );
      let legs = 0;
      for (const { id } of ids) {
        const made = await store.write(async (tx) => {
          const rules = await rulesIn(tx);
          const context = { ...rules, chain, actor: 'bursar', atMs: await timeIn(tx, clock()) };
          return (await routeReceivable(tx, id, context)).length;
        });
        legs += made;
      }
      if (legs > 0) wake();
      return { routed: ids.length, legs };
    },
  };
}

/**
 * Splits one receivable once; returns the requested payments, denied ones too. A leg that the gate does not allow stays with the
 * agent and raises an alert.
 */
async function routeReceivable(tx: Tx, id: string, context: GateContext): Promise<Payment[]> {
  const row = await tx.get(receivableToRoute, { id });
  if (!row) return [];
  const receivable = toReceivable(row);
  // An agent's share of a split is not split again: two agents that split to each other would never end.
  if (await isPassedOn(tx, receivable)) {
    await markRouted(tx, receivable, [], context.atMs);
    return [];
  }
  const input = await routeInput(tx, receivable);
  const { agentId } = receivable;
  const about = { receivable: id, amount: formatUsdc(receivable.amountMicro) };
  const fields = { actor: 'bursar', agentId, sponsorId: input.sponsor.id, policyDigest: context.policy.digest };
  const route = context.policy.route(input);
  if ('failed' in route) {
    await tx.run(setRouteFailed, { id, digest: context.policy.digest });
    const data = { ...about, reason: route.failed };
    await appendEvent(tx, { ...fields, type: 'revenue.failed', data }, context.atMs);
    await raiseOnce(tx, { type: 'revenue_failed', agentId, sponsorId: input.sponsor.id, data }, context.atMs);
    return [];
  }
  const payments: Payment[] = [];
  for (const leg of route.legs) payments.push(...(await payLeg(tx, receivable, { ...leg, attempt: 0 }, context)));
  await markRouted(tx, receivable, route.legs, context.atMs);
  if (route.legs.length > 0) {
    const told = route.legs.map((leg) => ({ leg: leg.name, payee: leg.payee, amount: formatUsdc(leg.amount) }));
    const data = { ...about, legs: told, kept: formatUsdc(route.keptMicro) };
    await appendEvent(tx, { ...fields, type: 'revenue.routed', data }, context.atMs);
  }
  return payments;
}

/**
 * Requests the legs again that moved nothing: denied, failed, or to a missing payee. Legs are those of the original routing; each
 * is paid once. Returns the new payments.
 */
export async function retryLegs(tx: Tx, id: string, context: GateContext): Promise<Payment[]> {
  const row = await tx.get(receivableById, { id });
  const stored = JSON.parse(row?.route_json ?? '[]') as { name: string; payee: string; amount: number }[];
  if (!row) return [];
  return flatMapInOrder(stored, async ({ name, payee, amount }) => {
    const attempts = await tx.all(attemptsAtLeg, { receivable: id, prefix: keyOf(id, name) });
    if (attempts.some(({ state }) => !isOver(state))) return [];
    const leg = { name, payee, amount: microUsdc(BigInt(amount)), attempt: attempts.length };
    return payLeg(tx, toReceivable(row), leg, context);
  });
}

const keyOf = (receivable: string, leg: string): string => ` split ${receivable} ${leg} #`;
/** It moved nothing and never will. */
const isOver = (state: PaymentState): boolean => !holdsMoney[state] && state !== 'settled' && state !== 'final';

/** `attempt`: the number of earlier payments of this leg. */
type LegAttempt = Leg & { attempt: number };

async function payLeg(tx: Tx, receivable: Receivable, leg: LegAttempt, context: GateContext): Promise<Payment[]> {
  const { agentId } = receivable;
  const alert = (data: Record<string, unknown>, payment: Payment | null): Promise<void> =>
    raiseAlert(
      tx,
      {
        type: 'split_refused',
        agentId,
        paymentId: payment?.id ?? null,
        data: { receivable: receivable.id, leg: leg.name, amount: formatUsdc(leg.amount), ...data },
      },
      context.atMs,
    );
  let payment: Payment;
  try {
    payment = (await requestPayment(tx, legRequest(receivable, leg), context)).payment;
  } catch (error) {
    // A rule may name a missing payee, or the agent itself: the other legs are still paid.
    if (!(error instanceof BursarError) || !UNPAYABLE.has(error.code)) throw error;
    await alert({ reason: error.message }, null);
    return [];
  }
  if (payment.state === 'denied') await alert({ reasons: payment.reasons.map((reason) => reason.code) }, payment);
  return [payment];
}
const UNPAYABLE: ReadonlySet<string> = new Set(['payee_not_found', 'payee_address_missing', 'forbidden_address']);

function legRequest(receivable: Receivable, leg: LegAttempt): PaymentRequest {
  const requestJson = JSON.stringify({ kind: 'split', receivable: receivable.id, leg: leg.name, payee: leg.payee });
  return {
    agentId: receivable.agentId,
    // The leading space distinguishes it from callers' keys, which have none.
    idempotencyKey: `${keyOf(receivable.id, leg.name)}${leg.attempt}`,
    bodyHash: sha256(requestJson),
    requestJson,
    kind: 'split',
    amount: leg.amount,
    payee: leg.payee,
    address: null,
    workflow: null,
    category: null,
    memo: null,
    refundOf: null,
    receivableId: receivable.id,
    batchId: null,
    rail: 'wallet',
    host: null,
    x402: null,
  };
}

async function routeInput(tx: ReadTx, receivable: Receivable): Promise<RouteInput> {
  const agent = await getAgent(tx, receivable.agentId);
  const sponsor = await getSponsor(tx, agent.sponsorId);
  const sale =
    receivable.saleNonce === null
      ? undefined
      : await findExpectedSale(tx, receivable.chainId, receivable.payer, receivable.saleNonce);
  const kind = earnedKinds.find((each) => each === receivable.kind);
  if (!kind) throw new BursarError('invariant_violated');
  const available = await balance(tx, agentAccount(agent.id, 'available'));
  const { received, passedOn } = await readEarnings(tx, agent.id);
  return {
    agent: { id: agent.id, name: agent.name, status: agent.status, labels: agent.labels },
    sponsor: { id: sponsor.id, name: sponsor.name, status: sponsor.status },
    // Legs are paid from the wallet, so the purse's balance is not included.
    funds: { available: atLeastZero(available), earned: atLeastZero(received), passed_on: atLeastZero(passedOn) },
    receivable: {
      id: receivable.id,
      kind,
      amount: Number(receivable.amountMicro),
      refunded: Number(await refundedOf(tx, receivable.id)),
      payer: receivable.payer,
      resource: sale?.resource ?? null,
      invoice: receivable.invoiceId,
    },
  };
}

/** The chain may have taken an account below zero; a rule then sees zero. */
const atLeastZero = (micro: bigint): number => (micro > 0n ? Number(micro) : 0);

async function isPassedOn(tx: ReadTx, receivable: Receivable): Promise<boolean> {
  const payment = receivable.paymentId === null ? undefined : await findPayment(tx, receivable.paymentId);
  return payment?.kind === 'split';
}

async function markRouted(tx: Tx, receivable: Receivable, legs: readonly Leg[], atMs: number): Promise<void> {
  const kept = JSON.stringify(legs.map((leg) => ({ ...leg, amount: Number(leg.amount) })));
  await tx.run(setRouted, { id: receivable.id, route: kept, at: atMs });
}
