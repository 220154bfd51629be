import { agentAccount } from '../../books/ledger/accounts.ts';
import type { EventFields, EventType } from '../../books/ledger/event.ts';
import type { HoldEntry } from '../../books/ledger/ledgerSet.ts';
import { newId, type PaymentId } from '../../core/ids/ids.ts';
import { paymentIdOnChain } from '../../core/ids/paymentIdOnChain.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { isPassThrough } from '../../core/payment/kinds.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import type { Decided, Evidence } from './answer.ts';
import { holdAccounts } from './funding.ts';
import { placesFor } from './judge.ts';
import type { Payment } from './payment.ts';
import { digestOf, rowOf } from './paymentRow.ts';
import type { PaymentRequest } from './request.ts';
import type { Ask, Rules } from './rules.ts';
import type { Resolved, WorkingSet } from './workingSet.ts';

const initialState = { allow: 'authorized', deny: 'denied', review: 'in_review' } as const;
const eventOf = {
  allow: 'payment.allowed',
  deny: 'payment.denied',
  review: 'payment.review_requested',
} as const;

/**
 * Makes the payment that was decided: its row, decision, hold, meters and events, as changes of the set. Everything that could refuse
 * it was asked before, so from here on nothing throws: a request is recorded whole or not at all.
 */
export function record(set: WorkingSet, rules: Rules, ask: Ask, decided: Decided): Decided & { payment: Payment } {
  const resolved = set.resolved(ask.request);
  const payment = recordOne(set, rules, ask, { decided, resolved, funds: null });
  set.noteReplay(payment, ask.request.bodyHash);
  if (decided.topUp) recordTopUp(set, rules, ask, { topUp: decided.topUp, purchase: payment.id });
  return { ...decided, payment };
}

/** Records the decided top-up that a purchase waits for. */
export function recordTopUp(
  set: WorkingSet,
  rules: Rules,
  ask: Ask,
  { topUp, purchase }: { topUp: NonNullable<Decided['topUp']>; purchase: PaymentId },
): void {
  const resolved = set.topUp(ask.request);
  recordOne(set, rules, { ...ask, request: topUp.request }, { decided: topUp.decided, resolved, funds: purchase });
}

/** `funds`: on a top-up, the purchase that waits for it. */
type Made = { decided: Decided; resolved: Resolved; funds: PaymentId | null };

function recordOne(set: WorkingSet, rules: Rules, { request, actor }: Ask, made: Made): Payment {
  const { decided, resolved, funds } = made;
  const { policy, atMs } = rules;
  const payment = paymentOf(set, rules, request, made);
  const row = rowOf(payment, request);
  set.changes.payments.push(row);
  recordDecision(set, payment, decided.evidence, atMs);
  let entry: HoldEntry | null = null;
  let meters: readonly bigint[] = [];
  if (decided.funding) {
    if (payment.heldMicro > 0n) entry = hold(set, payment, { amountMicro: payment.heldMicro, atMs });
    const { id, amount } = payment;
    const places = placesFor(policy, resolved);
    meters = set.meters.count(places, { id, amountMicro: amount }, atMs);
    if (rules.shadow?.own && set.hasShadow) {
      const theirs = placesFor(rules.shadow.policy, resolved);
      set.meters.anticipate(theirs, places, { amountMicro: amount, atMs });
    }
    if (isPassThrough[request.kind]) set.addPassedOn(payment.agentId, amount);
    if (decided.refunded) {
      const refundable = set.refundable(request);
      if (refundable) refundable.left -= amount;
    }
    if (payment.mandateId) set.addUse(payment.agentId, payment.mandateId, amount, atMs);
  }
  appendPaymentEvent(set, payment, eventOf[decided.effect], {
    actor,
    atMs,
    entry,
    data: {
      kind: request.kind,
      rail: request.rail,
      amount: formatUsdc(request.amount),
      payee: payment.payeeId,
      address: payment.address,
      decision_hash: payment.decisionHash,
      reasons: decided.reasons.map((reason) => reason.code),
      ...(request.refundOf ? { refund_of: request.refundOf } : {}),
      ...(funds ? { funds } : {}),
      ...(payment.mandateId ? { mandate: payment.mandateId } : {}),
      // What `ledger check` holds the rows of this payment against.
      row: digestOf(row),
      ...(entry === null ? {} : { held: formatUsdc(payment.heldMicro) }),
      ...(meters.length === 0 ? {} : { meters: meters.map(Number) }),
    },
  });
  if (decided.refunded) {
    const { id: receivable, paymentId: refund_of } = decided.refunded;
    const data = { receivable, refund_of, amount: formatUsdc(payment.amount) };
    appendPaymentEvent(set, payment, 'refund.linked', { actor, atMs, data });
  }
  return payment;
}

function paymentOf(set: WorkingSet, rules: Rules, request: PaymentRequest, { decided, funds }: Made): Payment {
  const { chain, atMs } = rules;
  const { facts, evidence, funding, review, refunded } = decided;
  const id = rules.newId?.(request) ?? newId('payment');
  const state: PaymentState = initialState[decided.effect];
  return {
    id,
    chainKey: paymentIdOnChain(id),
    agentId: facts.agent.id,
    sponsorId: facts.sponsor.id,
    workflowId: facts.workflow?.id ?? null,
    workflowRun: request.workflow?.run ?? null,
    payeeId: facts.payee?.id ?? null,
    kind: request.kind,
    rail: request.rail,
    chainId: chain.chainId,
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
    mandateId: decided.effect === 'allow' ? decided.mandate : null,
    state,
    reasons: decided.reasons,
    review,
    reviewExpiresAtMs: review === null ? null : atMs + review.expiresInMs,
    policyDigest: evidence.policyDigest,
    decisionHash: evidence.decisionHash,
    walletNonce: state === 'authorized' && request.rail === 'wallet' ? set.takeNonce(facts.agent.id) : null,
    requiresChainApproval: decided.requiresChainApproval,
    idempotencyKey: request.idempotencyKey,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    settlement: null,
  };
}

/** Sets money of the agent aside. */
export function hold(
  set: WorkingSet,
  { id, agentId, rail }: Pick<Payment, 'id' | 'agentId' | 'rail'>,
  { amountMicro, atMs, isNoted = false }: { amountMicro: bigint; atMs: number; isNoted?: boolean },
): HoldEntry {
  const { free, held } = holdAccounts(rail);
  const accounts = { from: agentAccount(agentId, free), to: agentAccount(agentId, held) };
  return set.ledger.reserve({ kind: 'reserve', atMs, paymentId: id, ...accounts, amountMicro, isNoted });
}

/** Keeps the decision with the exact texts that it can be made again from. A policy that failed is an event of its own. */
export function recordDecision(set: WorkingSet, payment: Payment, evidence: Evidence, atMs: number): void {
  const { decision, failure, policyDigest } = evidence;
  set.changes.decisions.push({
    payment: payment.id,
    hash: evidence.decisionHash,
    digest: policyDigest,
    effect: decision.effect,
    at: atMs,
    result: evidence.resultText,
    input: evidence.inputText,
  });
  if (failure === null) return;
  const data = { code: decision.reasons[0]?.code ?? null, failure };
  const { id: paymentId, agentId, sponsorId, workflowId } = payment;
  const fields = { actor: 'bursar', paymentId, agentId, sponsorId, workflowId, policyDigest, data };
  set.ledger.append({ type: 'policy.failed', ...fields }, atMs);
}

/** `entry`: the journal entry that the event reports. */
type EventContext = { actor: string; atMs: number; data: Record<string, unknown>; entry?: HoldEntry | null };

export function appendPaymentEvent(
  set: WorkingSet,
  payment: Payment,
  type: EventType,
  { actor, atMs, data, entry = null }: EventContext,
): void {
  set.ledger.append(eventOfPayment(payment, type, actor, data), atMs, entry);
}

/** Every event of a payment names its agent, sponsor, workflow and policy. */
export function eventOfPayment(
  payment: Payment,
  type: EventType,
  actor: string,
  data: Record<string, unknown>,
): EventFields {
  const { id: paymentId, agentId, sponsorId, workflowId, policyDigest } = payment;
  return { type, actor, paymentId, agentId, sponsorId, workflowId, policyDigest, data };
}
