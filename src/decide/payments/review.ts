import { BursarError } from '../../core/errors/base.ts';
import { newId } from '../../core/ids/ids.ts';
import type { Tx } from '../../store/store.ts';
import { type Approver, findApproverByAddress } from '../identity/approvers.ts';
import { commit } from './commit.ts';
import { type Again, decideAgain, waits } from './decideAgain.ts';
import { approvalOf, liveApprovers, newApproval, newestDecision, removeApprovalOf } from './decisionQueries.ts';
import type { ApprovalFact } from './judge.ts';
import { loadAgain } from './load.ts';
import type { Payment } from './payment.ts';
import { lapsedReviews, type PaymentRow, paymentById, setPolicyDigest, setReasons } from './queries.ts';
import { findPayment } from './records.ts';
import type { PaymentRequest } from './request.ts';
import type { GateContext } from './rules.ts';
import { transition } from './transition.ts';

/** A person's verdict whose EIP-712 signature has been verified against the stored payment. */
export type SignedVerdict = {
  verdict: 'approve' | 'reject';
  approverAddress: string;
  signature: string;
  typedDataJson: string;
  expiresAtMs: number;
  /** What the person says about it; not signed. */
  reason: string | null;
  /** Approvers of before whose signature is no longer good on chain: they do not count. */
  noLongerGood: readonly string[];
};

/**
 * Takes a person's verdict. One rejection ends it. An approval is counted, and the gate decides again, now, with all approvals
 * in the input: frozen since, budget gone since, policy or address changed since means no. Throws `invalid_transition`,
 * `review_expired`, `approver_not_found` or `approval_invalid`.
 */
export async function takeVerdict(
  tx: Tx,
  paymentId: string,
  signed: SignedVerdict,
  context: GateContext,
): Promise<Payment> {
  const payment = await findPayment(tx, paymentId);
  if (!payment) throw new BursarError('payment_not_found');
  if (payment.state !== 'in_review') {
    throw new BursarError('invalid_transition', { details: { state: payment.state } });
  }
  if ((payment.reviewExpiresAtMs ?? 0) <= context.atMs) throw new BursarError('review_expired');
  if (signed.expiresAtMs <= context.atMs) {
    throw new BursarError('approval_invalid', { message: 'The signature has expired.' });
  }
  const approver = await findApproverByAddress(tx, signed.approverAddress);
  if (approver?.status !== 'active') {
    throw new BursarError('approver_not_found', { details: { address: signed.approverAddress } });
  }
  await refuseTwice(tx, payment, approver, signed.noLongerGood);
  await tx.run(newApproval, {
    id: newId('approval'),
    payment: payment.id,
    approver: approver.id,
    verdict: signed.verdict,
    signature: signed.signature,
    typedData: signed.typedDataJson,
    expires: signed.expiresAtMs,
    at: context.atMs,
    reason: signed.reason,
    counts: counts(payment, approver, context) ? 1 : 0,
  });
  const who = { ...context, actor: approver.id };
  if (signed.verdict === 'reject')
    return transition(tx, payment, 'reject', { ...who, data: { by: approver.name, reason: signed.reason } });
  return decideAgainInto(tx, payment, signed.noLongerGood, who);
}

/** Once, save where what was signed is void by now: with another policy, other approvers on the wallet or another signer. */
async function refuseTwice(
  tx: Tx,
  payment: Payment,
  { id, address }: Approver,
  noLongerGood: readonly string[],
): Promise<void> {
  const answer = { payment: payment.id, approver: id };
  if (!(await tx.get(approvalOf, answer))) return;
  if (!noLongerGood.includes(address)) {
    throw new BursarError('approval_invalid', { message: 'This approver has answered already.' });
  }
  await tx.run(removeApprovalOf, answer);
}

/** As `approvals.signers` of the policy library says it: of the review's roles, and not the sponsor where that is forbidden. */
function counts({ review, sponsorId }: Payment, { roles, sponsorId: own }: Approver, { policy }: GateContext): boolean {
  const hasRole = roles.some((role) => review?.roles.includes(role));
  return hasRole && (own !== sponsorId || policy.sponsorMayApprove);
}

async function decideAgainInto(
  tx: Tx,
  payment: Payment,
  bad: readonly string[],
  context: GateContext,
): Promise<Payment> {
  const row = await tx.get(paymentById, { id: payment.id });
  if (!row) throw new BursarError('payment_not_found');
  const request = requestOf(payment, row);
  const { set, own } = await loadAgain(tx, context, payment, request);
  const again: Again = {
    ask: { request, actor: context.actor },
    own,
    // In the next input, so that its hash holds all decisions before it.
    previous: (await tx.get(newestDecision, { payment: payment.id }))?.hash ?? null,
    ...(await liveApprovals(tx, payment, bad, context.atMs)),
    // What was signed names the policy: with another one in force it is void, and all look again.
    isOther: context.policy.digest !== payment.policyDigest,
  };
  const decided = decideAgain(context, set, again);
  await commit(tx, set, context.chain.chainId);
  const { evidence, reasons } = decided;
  if (decided.effect === 'deny') {
    await tx.run(setReasons, { id: payment.id, reasons: JSON.stringify(reasons) });
    const { approvals } = again.isOther ? { approvals: [] } : again;
    const data = { decision_hash: evidence.decisionHash, effect: decided.effect, approvals: approvals.length };
    const codes = reasons.map(({ code }) => code);
    return transition(tx, payment, 'reject', { ...context, data: { ...data, reasons: codes } });
  }
  if (waits(decided, again) && again.isOther)
    await tx.run(setPolicyDigest, { id: payment.id, digest: evidence.policyDigest });
  return (await findPayment(tx, payment.id)) ?? payment;
}

/** Approvals that count now: by approvers still active, not expired, and not among the `bad`. */
async function liveApprovals(
  tx: Tx,
  payment: Payment,
  bad: readonly string[],
  atMs: number,
): Promise<{ approvals: ApprovalFact[]; onChain: string[] }> {
  const all = await tx.all(liveApprovers, { payment: payment.id, at: atMs });
  const rows = all.filter(({ address }) => !bad.includes(address));
  return {
    approvals: rows.map((row) => ({
      approver_id: row.id,
      address: row.address,
      roles: JSON.parse(row.roles_json) as string[],
      is_sponsor: row.sponsor_id === payment.sponsorId,
    })),
    onChain: rows.map((row) => row.address),
  };
}

/** The stored payment as the request it was; the address is the one that people saw, not the payee's newest. */
function requestOf(payment: Payment, row: PaymentRow): PaymentRequest {
  const original = JSON.parse(row.request_json) as { x402?: PaymentRequest['x402'] };
  return {
    agentId: payment.agentId,
    idempotencyKey: payment.idempotencyKey,
    bodyHash: row.body_hash,
    requestJson: row.request_json,
    kind: payment.kind,
    amount: payment.amount,
    payee: payment.payeeId,
    address: payment.address,
    workflow: payment.workflowId ? { ref: payment.workflowId, run: payment.workflowRun } : null,
    category: payment.category,
    memo: payment.memo,
    refundOf: payment.kind === 'refund' ? payment.receivableId : null,
    ...(payment.receivableId === null ? {} : { receivableId: payment.receivableId }),
    batchId: payment.batchId,
    rail: payment.rail,
    host: payment.host,
    x402: original.x402 ?? null,
  };
}

/** Ends reviews whose time is over; the holds go back. At most `limit` at once. */
export async function lapseReviews(tx: Tx, atMs: number, limit: number): Promise<number> {
  const rows = await tx.all(lapsedReviews, { at: atMs, limit });
  for (const { id } of rows) {
    const payment = await findPayment(tx, id);
    if (payment) await transition(tx, payment, 'lapse', { actor: 'bursar', atMs, data: { reason: 'review_expired' } });
  }
  return rows.length;
}
