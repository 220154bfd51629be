import { BursarError, invariant } from '../../../core/errors/base.ts';
import { sha256 } from '../../../core/ids/digest.ts';
import type { AgentId } from '../../../core/ids/ids.ts';
import type { MicroUsdc } from '../../../core/money/microUsdc.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import { getWorkflow } from '../../../decide/identity/workflows.ts';
import type { Recorded } from '../../../decide/payments/answer.ts';
import { checkPayment, type GateContext, requestPayment } from '../../../decide/payments/gate.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import { paymentByKey } from '../../../decide/payments/queries.ts';
import { findPayment, toPayment } from '../../../decide/payments/records.ts';
import type { PaymentRequest } from '../../../decide/payments/request.ts';
import { appendPaymentEvent, transition } from '../../../decide/payments/transition.ts';
import { type PayableOffer, payableOffers, type RefusedOffer, sameTerms } from '../../../spend/x402/offer.ts';
import { parsePaymentRequired, type Requirement } from '../../../spend/x402/paymentRequired.ts';
import type { ReadTx, Tx } from '../../../store/store.ts';
import type { App } from '../app.ts';
import { currentKey, derivedKey, nextKey } from './derivedKey.ts';
import { hintsFor } from './hints.ts';
import { gateRules } from './paymentRequest.ts';
import { purchaseRequest } from './purchaseRequest.ts';
import { signedTerms } from './queries.ts';
import type { Signature } from './x402Signer.ts';

/** One request that was answered 402. */
export type Purchase = {
  agentId: AgentId;
  /** As requested; the seller's own claims are in the offer. */
  url: URL;
  method: string;
  /** sha-256 hex of the request's body; null without one. */
  bodySha256: string | null;
  /** The PAYMENT-REQUIRED header as received, or decoded. */
  paymentRequired: unknown;
  maxAmount: MicroUsdc | undefined;
  workflow: string | undefined;
  run: string | undefined;
  category: string | undefined;
  memo: string | undefined;
  again: number;
  /** Null: it is derived from the request. */
  idempotencyKey: string | null;
  /** How long to wait for the purse's top-up. */
  waitMs: number;
};
export type Purchased = {
  payment: Payment;
  replayed: boolean;
  /** Null: nothing to present now; the payment's state says why. */
  signature: Signature | null;
  hints: Awaited<ReturnType<typeof hintsFor>>;
};

type Decided = {
  answer: Recorded;
  /** What the decision's own commit signed; null if the signature needs to wait. */
  signedNow: Awaited<ReturnType<App['x402']['signNow']>>;
  context: GateContext;
  request: PaymentRequest | null;
};

/**
 * Pays one 402, for every interface. Chooses among the offers, asks the gate, and returns the signed authorization. The same
 * request gets the same authorization, whatever the seller offers by then; a decided but unsigned one is decided again if the offer
 * has changed.
 */
export async function purchase(app: App, caller: Caller, requested: Purchase): Promise<Purchased> {
  const offer = parsePaymentRequired(requested.paymentRequired);
  const { payable, refused } = payableOffers(offer, app.chainFacts, await app.x402.domain(), requested.maxAmount);
  const decided = await app.store.write(async (tx): Promise<Decided | 'offer_changed'> => {
    const context = await gateRules(tx, app, caller);
    const derived = await derivedOf(tx, requested);
    const bodyHash = requested.idempotencyKey === null ? sha256(derived) : bodyHashOf(requested);
    let key = requested.idempotencyKey ?? (await currentKey(tx, requested.agentId, derived));
    const before = await earlier(tx, requested.agentId, key);
    if (before && (await isStale(tx, before.payment, before.requirement, payable))) {
      await supersede(tx, before.payment, context);
      if (requested.idempotencyKey !== null) return 'offer_changed';
      key = nextKey(key);
    } else if (before) {
      // The gate answers with the payment under the key; the current offer does not matter.
      const { requirement, payment } = before;
      const standing = { requirement, amount: payment.amount, payTo: payment.address, flow: '' };
      const same = purchaseRequest(requested, offer, standing, { idempotencyKey: key, bodyHash });
      return { ...(await paid(app, tx, same, context)), context, request: null };
    }
    const requests = payable.map((each) => purchaseRequest(requested, offer, each, { idempotencyKey: key, bodyHash }));
    const request = await choose(tx, requests, context, refused);
    return { ...(await paid(app, tx, request, context)), context, request };
  });
  if (decided === 'offer_changed') throw new BursarError('x402_offer_changed');
  return { ...(await signed(app, requested, decided)), hints: await hintsOf(app, decided) };
}

/** One commit for the decision and, if everything is ready, its signature. */
async function paid(
  app: App,
  tx: Tx,
  request: PaymentRequest,
  context: GateContext,
): Promise<Pick<Decided, 'answer' | 'signedNow'>> {
  const answer = await requestPayment(tx, request, context);
  const { id, state } = answer.payment;
  return { answer, signedNow: state === 'authorized' ? await app.x402.signNow(tx, id) : null };
}

async function signed(
  app: App,
  requested: Purchase,
  { answer, signedNow }: Decided,
): Promise<Omit<Purchased, 'hints'>> {
  if (signedNow) return { ...signedNow, replayed: answer.replayed };
  const { id, state } = answer.payment;
  if (state === 'authorized') await makeReady(app, answer.payment);
  // Also after it has settled: a lost answer is requested again with the same authorization.
  const signs = ['authorized', 'submitted', 'settled', 'final'].includes(state);
  const found = signs ? await app.x402.signature(id, requested.waitMs) : null;
  const payment = await app.store.read((tx) => findPayment(tx, id));
  invariant(payment, 'A payment vanished after its decision.', { id });
  // An authorization that was not used and can no longer be is not presented: only the chain ends it.
  const isOver = found !== null && payment.state === 'submitted' && found.validBeforeMs <= app.clock();
  return { payment, replayed: answer.replayed, signature: isOver ? null : found };
}

async function hintsOf(app: App, { answer, context, request }: Decided): Promise<Purchased['hints']> {
  return answer.replayed || !request ? null : await hintsFor(app, request, answer, context);
}

/**
 * A purchase whose money is held needs no worker, except if the purse was filled before it was deployed: nothing else deploys it
 * then.
 */
async function makeReady(app: App, payment: Payment): Promise<void> {
  if (payment.heldMicro < payment.amount) return app.wake();
  const agent = await app.store.read((tx) => getAgent(tx, payment.agentId));
  if (agent.wallet?.deployedAtMs === null) await app.deployWallet(agent);
}

/** A workflow's name and its id are one workflow. */
async function derivedOf(tx: ReadTx, { url, method, bodySha256, workflow, run, again }: Purchase): Promise<string> {
  const id = workflow === undefined ? null : (await getWorkflow(tx, workflow)).id;
  return derivedKey({ workflow: id, run: run ?? null, method, url: url.href, bodySha256, again });
}

/** Not the offer: a seller that changes it must not turn a retry into a conflict. */
function bodyHashOf({ url, method, bodySha256, workflow, run, category, memo, maxAmount, again }: Purchase): string {
  const request = [url.href, method, bodySha256, workflow, run, category, memo, maxAmount?.toString(), again];
  return sha256(JSON.stringify(request));
}

/** The payment under that key. Throws `idempotency_conflict` if it is not a purchase. */
async function earlier(
  tx: ReadTx,
  agentId: AgentId,
  key: string,
): Promise<{ payment: Payment; requirement: Requirement } | null> {
  const row = await tx.get(paymentByKey, { agent: agentId, key });
  if (!row) return null;
  const { requirement } = JSON.parse(row.request_json) as { requirement?: Requirement };
  if (!requirement) throw new BursarError('idempotency_conflict', { details: { payment: row.id } });
  return { payment: toPayment(row), requirement };
}

/** Decided, not signed, and no longer offered on those terms: the seller would not accept a signature. */
async function isStale(
  tx: ReadTx,
  payment: Payment,
  requirement: Requirement,
  payable: readonly PayableOffer[],
): Promise<boolean> {
  if (payment.state !== 'authorized' || payment.rail !== 'x402') return false;
  if (await tx.get(signedTerms, { payment: payment.id })) return false;
  return !payable.some((each) => sameTerms(each.requirement, requirement));
}

async function supersede(tx: Tx, payment: Payment, context: GateContext): Promise<void> {
  const data = { reason: 'offer_changed' };
  await appendPaymentEvent(tx, payment, 'x402.offer_changed', { ...context, data });
  await transition(tx, payment, 'cancel', { ...context, data });
}

/** The cheapest offer that the policy allows; else the cheapest that people may approve; else the cheapest, with its denial. */
async function choose(
  tx: Tx,
  requests: readonly PaymentRequest[],
  context: GateContext,
  refused: readonly RefusedOffer[],
): Promise<PaymentRequest> {
  const [first] = requests;
  if (!first) throw new BursarError('x402_no_acceptable_offer', { details: { offers: refused } });
  if (requests.length === 1) return first;
  let best: { request: PaymentRequest; rank: number } | null = null;
  for (const request of requests) {
    const rank = await rankOf(tx, request, context);
    if (!best || rank < best.rank) best = { request, rank };
    if (rank === 0) break;
  }
  return best?.request ?? first;
}

/** An offer that the gate refuses to evaluate (money to the own wallet, for example) must not hide the others. */
async function rankOf(tx: Tx, request: PaymentRequest, context: GateContext): Promise<number> {
  try {
    const { effect } = await checkPayment(tx, request, context);
    return { allow: 0, review: 1, deny: 2 }[effect];
  } catch (error) {
    if (error instanceof BursarError && error.code === 'forbidden_address') return 3;
    throw error;
  }
}
