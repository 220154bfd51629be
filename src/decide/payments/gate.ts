import { addToMeters, ageMeters } from '../../books/meters/meters.ts';
import { addPassedOn } from '../../books/receivables/earnings.ts';
import type { Receivable } from '../../books/receivables/receivable.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId, type PaymentId, paymentIdOnChain } from '../../core/ids/ids.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { passesOn } from '../../core/payment/kinds.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { findMandate, type MandateId } from '../mandates/mandates.ts';
import { refuseWhileStopped } from './chainStops.ts';
import type { GateContext } from './context.ts';
import { type Evaluated, evaluate, gateReason, recordDecision, type Verdict, verdictOf } from './decide.ts';
import { type Funding, purseFunding, walletFunding } from './funding.ts';
import { reserve } from './hold.ts';
import { takeNonce } from './nonces.ts';
import type { Payment } from './payment.ts';
import { paymentByKey } from './queries.ts';
import { insertPayment, toPayment } from './records.ts';
import { checkRefund } from './refunds.ts';
import type { PaymentRequest } from './request.ts';
import { topUpRequest } from './topUp.ts';
import { appendPaymentEvent } from './transition.ts';

export type { GateContext };
/** `evaluated` is null for a replay: the first answer stands. */
export type GateAnswer = { payment: Payment; replayed: boolean; evaluated: Evaluated | null };

/**
 * The gate. Inside the caller's write transaction: the same key gets the same answer; else facts and meters are read, the
 * policy is asked, and payment, decision, hold, meters and events are written, all or nothing. Anyone who is next in the queue
 * sees this payment in every meter, so concurrent requests cannot pass a budget together.
 */
export function requestPayment(tx: Tx, request: PaymentRequest, context: GateContext): GateAnswer {
  const replay = findReplay(tx, request, context);
  if (replay) return { payment: replay, replayed: true, evaluated: null };
  ageMeters(tx, context.policy.meters, context.atMs);
  const { evaluated, outcome, refunded } = judge(tx, request, context);
  const tell = context.shadow?.ask(tx, request, context);
  const payment = record(tx, request, evaluated, outcome, context, null, refunded);
  tell?.(tx, payment, outcome.verdict);
  return { payment, replayed: false, evaluated };
}

/** What the gate would say now. Reads only: no hold, no meter, no payment. */
export function checkPayment(
  tx: ReadTx,
  request: PaymentRequest,
  context: GateContext,
): { evaluated: Evaluated; verdict: Verdict } {
  const { evaluated, outcome } = judge(tx, request, context);
  return { evaluated, verdict: outcome.verdict };
}

/** A verdict with the money behind it. `topUp`: the transfer into the purse that must settle first, judged already. */
export type Outcome = {
  verdict: Verdict;
  funding: Funding | null;
  topUp: { request: PaymentRequest; evaluated: Evaluated; verdict: Verdict } | null;
  /** The mandate that it goes under. */
  mandate: MandateId | null;
};

function judge(
  tx: ReadTx,
  request: PaymentRequest,
  context: GateContext,
): { evaluated: Evaluated; outcome: Outcome; refunded: Receivable | null } {
  refuseWhileStopped(tx, context.chain.chainId);
  const { evaluated, mandate } = decide(tx, request, context);
  const refunded = checkRefund(tx, request, evaluated.facts);
  const verdict = verdictOf(evaluated, request.amount, 0, request.rail);
  return { evaluated, outcome: { ...fund(tx, request, evaluated, verdict, 0n, context), mandate }, refunded };
}

/**
 * Asks the policy; where it wants people, once more with a mandate that they have signed and whose bounds the payment is inside.
 * It is the policy that says whether a mandate may stand in for this review; a deny it never lifts.
 */
function decide(
  tx: ReadTx,
  request: PaymentRequest,
  context: GateContext,
): { evaluated: Evaluated; mandate: MandateId | null } {
  const { policy, chain, atMs } = context;
  const evaluated = evaluate(tx, policy, chain, request, [], atMs);
  const { review } = evaluated.decision;
  if (review === null) return { evaluated, mandate: null };
  const { facts } = evaluated;
  const subject = {
    agent: facts.agent.id,
    payee: facts.payee?.id ?? null,
    category: facts.category,
    host: request.host,
    amount: request.amount,
  };
  const mandate = findMandate(tx, subject, review, atMs);
  if (!mandate) return { evaluated, mandate: null };
  const under = evaluate(tx, policy, chain, request, [], atMs, {
    mandate: { id: mandate.id, signers: mandate.signers.map(({ address }) => address) },
  });
  return under.decision.effect === 'allow' ? { evaluated: under, mandate: mandate.id } : { evaluated, mandate: null };
}

/** Finds the money for what is not denied; too little is a deny. `heldMicro`: what a payment under review holds already. */
export function fund(
  tx: ReadTx,
  request: PaymentRequest,
  evaluated: Evaluated,
  verdict: Verdict,
  heldMicro: bigint,
  context: GateContext,
): Outcome {
  if (verdict.effect === 'deny') return { verdict, funding: null, topUp: null, mandate: null };
  const needed = request.amount - heldMicro;
  const found =
    request.rail === 'wallet'
      ? walletFunding(tx, request.agentId, needed)
      : purseFunding(tx, request.agentId, needed, context.policy.settings.x402.floatTarget);
  if ('short' in found) {
    const message = `The agent has ${formatUsdc(found.short)} USDC too little available.`;
    return refusedFor(verdict, gateReason('insufficient_funds', message, Number(found.short), 0));
  }
  if (verdict.effect === 'review' && request.rail === 'x402') {
    // The purse is filled only once people have said yes; until then the purchase holds what is there.
    return { verdict, funding: { holdNow: found.holdNow, topUp: 0n }, topUp: null, mandate: null };
  }
  if (found.topUp === 0n) return { verdict, funding: found, topUp: null, mandate: null };
  const topUp = topUpRequest(request, evaluated.facts.agent.wallet.purse, found.topUp);
  const judged = evaluate(tx, context.policy, context.chain, topUp, [], context.atMs);
  const topUpVerdict = verdictOf(judged, topUp.amount, 0, 'wallet');
  if (topUpVerdict.effect !== 'allow') {
    const why = topUpVerdict.reasons.map((reason) => reason.message).join(' ');
    return refusedFor(
      verdict,
      gateReason('top_up_refused', `The purse may not be topped up: ${why}`, Number(topUp.amount), 0),
    );
  }
  return {
    verdict,
    funding: found,
    topUp: { request: topUp, evaluated: judged, verdict: topUpVerdict },
    mandate: null,
  };
}

function refusedFor(verdict: Verdict, reason: Verdict['reasons'][number]): Outcome {
  const kept = verdict.effect === 'review' ? verdict.reasons : [];
  return {
    verdict: { ...verdict, effect: 'deny', reasons: [...kept, reason], review: null },
    funding: null,
    topUp: null,
    mandate: null,
  };
}

function findReplay(tx: Tx, request: PaymentRequest, context: GateContext): Payment | null {
  const row = tx.get(paymentByKey, { agent: request.agentId, key: request.idempotencyKey });
  if (!row) return null;
  const payment = toPayment(row);
  if (row.body_hash !== request.bodyHash) {
    throw new BursarError('idempotency_conflict', { details: { payment: payment.id } });
  }
  appendPaymentEvent(tx, payment, 'payment.retried', { ...context, data: { state: payment.state } });
  return payment;
}

const initialState = { allow: 'authorized', deny: 'denied', review: 'in_review' } as const;
const eventOf = {
  allow: 'payment.allowed',
  deny: 'payment.denied',
  review: 'payment.review_requested',
} as const;

function record(
  tx: Tx,
  request: PaymentRequest,
  evaluated: Evaluated,
  outcome: Outcome,
  context: GateContext,
  funds: PaymentId | null,
  refunded: Receivable | null,
): Payment {
  const { verdict, funding, topUp } = outcome;
  const { facts } = evaluated;
  const id = newId('payment');
  const state: PaymentState = initialState[verdict.effect];
  const nonce =
    state === 'authorized' && request.rail === 'wallet' ? takeNonce(tx, request.agentId, context.chain.chainId) : null;
  const payment: Payment = {
    id,
    chainKey: paymentIdOnChain(id),
    agentId: facts.agent.id,
    sponsorId: facts.sponsor.id,
    workflowId: facts.workflow?.id ?? null,
    workflowRun: request.workflow?.run ?? null,
    payeeId: facts.payee?.id ?? null,
    kind: request.kind,
    rail: request.rail,
    chainId: context.chain.chainId,
    address: facts.address,
    host: request.host,
    amount: request.amount,
    heldMicro: funding?.holdNow ?? 0n,
    category: facts.category,
    memo: request.memo,
    refundOf: refunded?.paymentId ?? null,
    receivableId: refunded?.id ?? request.receivableId ?? null,
    fundsPayment: funds,
    batchId: request.batchId,
    mandateId: verdict.effect === 'allow' ? outcome.mandate : null,
    state,
    reasons: verdict.reasons,
    review: verdict.review,
    reviewExpiresAtMs: verdict.review === null ? null : context.atMs + verdict.review.expiresInMs,
    policyDigest: evaluated.policyDigest,
    decisionHash: evaluated.decisionHash,
    walletNonce: nonce,
    requiresChainApproval: verdict.requiresChainApproval,
    idempotencyKey: request.idempotencyKey,
    createdAtMs: context.atMs,
    updatedAtMs: context.atMs,
    settlement: null,
  };
  const row = insertPayment(tx, payment, request);
  recordDecision(tx, id, evaluated, context.atMs);
  let entry: bigint | null = null;
  let meters: readonly bigint[] = [];
  if (funding) {
    entry = reserve(tx, payment, payment.heldMicro, context.atMs);
    meters = addToMeters(tx, context.policy.meters, facts.subject, { id, amountMicro: request.amount }, context.atMs);
    if (passesOn[request.kind]) addPassedOn(tx, payment.agentId, payment.amount);
  }
  appendPaymentEvent(tx, payment, eventOf[verdict.effect], {
    ...context,
    data: {
      kind: request.kind,
      rail: request.rail,
      amount: formatUsdc(request.amount),
      payee: payment.payeeId,
      address: facts.address,
      decision_hash: evaluated.decisionHash,
      reasons: verdict.reasons.map((reason) => reason.code),
      ...(request.refundOf ? { refund_of: request.refundOf } : {}),
      ...(funds ? { funds } : {}),
      ...(payment.mandateId ? { mandate: payment.mandateId } : {}),
      // What `ledger check` holds the rows of this payment against.
      row,
      ...(entry === null ? {} : { entry: Number(entry), held: formatUsdc(payment.heldMicro) }),
      ...(meters.length === 0 ? {} : { meters: meters.map(Number) }),
    },
  });
  if (refunded) {
    const data = { receivable: refunded.id, refund_of: refunded.paymentId, amount: formatUsdc(payment.amount) };
    appendPaymentEvent(tx, payment, 'refund.linked', { ...context, data });
  }
  if (topUp) openTopUp(tx, topUp, context, id);
  return payment;
}

/** Records the judged top-up that a purchase waits for. */
export function openTopUp(
  tx: Tx,
  topUp: NonNullable<Outcome['topUp']>,
  context: GateContext,
  funds: PaymentId,
): Payment {
  const funding = { holdNow: topUp.request.amount, topUp: 0n };
  return record(
    tx,
    topUp.request,
    topUp.evaluated,
    { verdict: topUp.verdict, funding, topUp: null, mandate: null },
    context,
    funds,
    null,
  );
}
