import type { Address, Hex } from 'viem';
import { rowDigest } from '../../books/ledger/rowDigest.ts';
import type { AgentId, PayeeId, PaymentId, ReceivableId, SponsorId, WorkflowId } from '../../core/ids/ids.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { MandateId } from '../mandates/mandates.ts';
import type { Reason, Review } from '../policy/decision.ts';
import type { Payment } from './payment.ts';
import {
  filteredPayments,
  type NewRow,
  newColumns,
  newPayment,
  ofAgentByChainKey,
  type PaymentFilter,
  type PaymentRow,
  paymentById,
  settledIn,
  workingByChainKey,
} from './queries.ts';
import type { PaymentRequest } from './request.ts';

export type { PaymentFilter, PaymentRow };

/** A stored row as a payment. The casts are the boundary: the columns' CHECKs and this module's writes are what they rest on. */
export function toPayment(row: PaymentRow): Payment {
  return {
    id: row.id as PaymentId,
    chainKey: row.chain_key as Hex,
    agentId: row.agent_id as AgentId,
    sponsorId: row.sponsor_id as SponsorId,
    workflowId: row.workflow_id as WorkflowId | null,
    workflowRun: row.workflow_run,
    payeeId: row.payee_id as PayeeId | null,
    kind: row.kind,
    rail: row.rail,
    chainId: Number(row.chain_id),
    address: row.address as Address,
    host: row.host,
    amount: microUsdc(row.amount_micro),
    heldMicro: row.held_micro,
    category: row.category,
    memo: row.memo,
    refundOf: row.refund_of as PaymentId | null,
    receivableId: row.receivable_id as ReceivableId | null,
    fundsPayment: row.funds_payment as PaymentId | null,
    batchId: row.batch_id,
    mandateId: row.mandate_id as MandateId | null,
    state: row.state,
    reasons: JSON.parse(row.reasons_json) as Reason[],
    review: row.review_json === null ? null : (JSON.parse(row.review_json) as Review),
    reviewExpiresAtMs: row.review_expires_at === null ? null : Number(row.review_expires_at),
    policyDigest: row.policy_digest,
    decisionHash: row.decision_hash as Hex,
    walletNonce: row.wallet_nonce,
    requiresChainApproval: row.requires_chain_approval === 1n,
    idempotencyKey: row.idempotency_key,
    createdAtMs: Number(row.created_at),
    updatedAtMs: Number(row.updated_at),
    settlement:
      row.tx_hash === null
        ? null
        : {
            txHash: row.tx_hash as Hex,
            logIndex: Number(row.log_index),
            blockNumber: row.block_number ?? 0n,
            blockHash: row.block_hash as Hex,
            settledAtMs: Number(row.settled_at),
          },
  };
}

const hashed = [...newColumns].sort();

/** Stores a new payment, with the request that it answers. Gives the digest of its row, for the payment's first event. */
export function insertPayment(
  tx: Tx,
  payment: Payment,
  evidence: Pick<PaymentRequest, 'bodyHash' | 'requestJson'>,
): string {
  const row: NewRow = {
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
  };
  tx.run(newPayment, row);
  return rowDigest('payments', row, hashed);
}

export function findPayment(tx: ReadTx, id: string): Payment | undefined {
  const row = tx.get(paymentById, { id });
  return row && toPayment(row);
}

/** The payment that a log of an agent's wallet names. One that is over is looked for among that agent's only. */
export function findPaymentByChainKey(tx: ReadTx, chainKey: Hex, agentId: string): Payment | undefined {
  const row =
    tx.get(workingByChainKey, { key: chainKey }) ?? tx.get(ofAgentByChainKey, { agent: agentId, key: chainKey });
  return row && toPayment(row);
}

/** Newest first. */
export function listPayments(tx: ReadTx, filter: PaymentFilter): Payment[] {
  return tx.all(filteredPayments(filter)).map(toPayment);
}

/** The payments that one transaction settled. */
export function listSettledIn(tx: ReadTx, txHash: string): Payment[] {
  return tx.all(settledIn, { tx: txHash }).map(toPayment);
}
