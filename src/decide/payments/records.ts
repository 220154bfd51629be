import type { Address, Hex } from 'viem';
import type { AgentId, PayeeId, PaymentId, ReceivableId, SponsorId, WorkflowId } from '../../core/ids/ids.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx } from '../../store/store.ts';
import type { MandateId } from '../mandates/mandates.ts';
import type { Reason, Review } from '../policy/decision.ts';
import type { Payment } from './payment.ts';
import {
  filteredPayments,
  ofAgentByChainKey,
  type PaymentFilter,
  type PaymentRow,
  paymentById,
  settledIn,
  workingByChainKey,
} from './queries.ts';

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

export async function findPayment(tx: ReadTx, id: string): Promise<Payment | undefined> {
  const row = await tx.get(paymentById, { id });
  return row && toPayment(row);
}

/** The payment that a log of an agent's wallet names. One that is over is looked for among that agent's only. */
export async function findPaymentByChainKey(tx: ReadTx, chainKey: Hex, agentId: string): Promise<Payment | undefined> {
  const row =
    (await tx.get(workingByChainKey, { key: chainKey })) ??
    (await tx.get(ofAgentByChainKey, { agent: agentId, key: chainKey }));
  return row && toPayment(row);
}

/** Newest first. */
export async function listPayments(tx: ReadTx, filter: PaymentFilter): Promise<Payment[]> {
  return (await tx.all(filteredPayments(filter))).map(toPayment);
}

/** The payments that one transaction settled. */
export async function listSettledIn(tx: ReadTx, txHash: string): Promise<Payment[]> {
  return (await tx.all(settledIn, { tx: txHash })).map(toPayment);
}
