import { rowDigest } from '../../books/ledger/rowDigest.ts';
import type { Payment } from './payment.ts';
import type { PaymentRequest } from './request.ts';

/** What a new payment fills; the rest comes with its settlement. */
export const newColumns = [
  'id',
  'chain_key',
  'agent_id',
  'sponsor_id',
  'workflow_id',
  'workflow_run',
  'payee_id',
  'kind',
  'rail',
  'chain_id',
  'address',
  'host',
  'amount_micro',
  'held_micro',
  'category',
  'memo',
  'refund_of',
  'receivable_id',
  'funds_payment',
  'batch_id',
  'mandate_id',
  'state',
  'reasons_json',
  'review_json',
  'review_expires_at',
  'policy_digest',
  'decision_hash',
  'wallet_nonce',
  'requires_chain_approval',
  'idempotency_key',
  'body_hash',
  'request_json',
  'created_at',
  'updated_at',
] as const;

/** A new payment as the row that is stored; the rest of its columns comes with its settlement. */
export function rowOf(payment: Payment, evidence: Pick<PaymentRequest, 'bodyHash' | 'requestJson'>) {
  return {
    id: payment.id,
    chain_key: payment.chainKey,
    agent_id: payment.agentId,
    sponsor_id: payment.sponsorId,
    workflow_id: payment.workflowId,
    workflow_run: payment.workflowRun,
    payee_id: payment.payeeId,
    kind: payment.kind,
    rail: payment.rail,
    chain_id: payment.chainId,
    address: payment.address,
    host: payment.host,
    amount_micro: payment.amount,
    held_micro: payment.heldMicro,
    category: payment.category,
    memo: payment.memo,
    refund_of: payment.refundOf,
    receivable_id: payment.receivableId,
    funds_payment: payment.fundsPayment,
    batch_id: payment.batchId,
    mandate_id: payment.mandateId,
    state: payment.state,
    reasons_json: JSON.stringify(payment.reasons),
    review_json: payment.review === null ? null : JSON.stringify(payment.review),
    review_expires_at: payment.reviewExpiresAtMs,
    policy_digest: payment.policyDigest,
    decision_hash: payment.decisionHash,
    wallet_nonce: payment.walletNonce,
    requires_chain_approval: payment.requiresChainApproval ? 1 : 0,
    idempotency_key: payment.idempotencyKey,
    body_hash: evidence.bodyHash,
    request_json: evidence.requestJson,
    created_at: payment.createdAtMs,
    updated_at: payment.updatedAtMs,
  } satisfies Record<(typeof newColumns)[number], unknown>;
}
export type NewPaymentRow = ReturnType<typeof rowOf>;

/** In order of their names: the digest in a payment's first event covers them so. */
const hashed = [...newColumns].sort();

/** What the payment's first event says of its row; `ledger check` holds the row against it. */
export const digestOf = (row: NewPaymentRow): string => rowDigest('payments', row, hashed);
