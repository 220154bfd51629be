import type { Address, Hex } from 'viem';
import { rowDigest } from '../../books/ledger/rowDigest.ts';
import type { AgentId, PayeeId, PaymentId, ReceivableId, SponsorId, WorkflowId } from '../../core/ids/ids.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { PaymentKind } from '../../core/payment/kinds.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import type { ReadTx, SqlValue, Tx } from '../../store/store.ts';
import type { MandateId } from '../mandates/mandates.ts';
import type { Reason, Review } from '../policy/decision.ts';
import type { Payment, Rail } from './payment.ts';
import type { PaymentRequest } from './request.ts';

export type PaymentRow = {
  id: string;
  chain_key: string;
  agent_id: string;
  sponsor_id: string;
  workflow_id: string | null;
  workflow_run: string | null;
  payee_id: string | null;
  kind: string;
  rail: string;
  chain_id: bigint;
  address: string;
  host: string | null;
  amount_micro: bigint;
  held_micro: bigint;
  category: string | null;
  memo: string | null;
  refund_of: string | null;
  receivable_id: string | null;
  funds_payment: string | null;
  batch_id: string | null;
  mandate_id: string | null;
  state: string;
  reasons_json: string;
  review_json: string | null;
  review_expires_at: bigint | null;
  policy_digest: string;
  decision_hash: string;
  wallet_nonce: bigint | null;
  requires_chain_approval: bigint;
  idempotency_key: string;
  body_hash: string;
  request_json: string;
  created_at: bigint;
  updated_at: bigint;
  tx_hash: string | null;
  log_index: bigint | null;
  block_number: bigint | null;
  block_hash: string | null;
  settled_at: bigint | null;
};

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
    kind: row.kind as PaymentKind,
    rail: row.rail as Rail,
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
    state: row.state as PaymentState,
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

/** What a new payment fills; the rest comes with its settlement. */
const columns = [
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
] as const satisfies readonly (keyof PaymentRow)[];
type NewRow = Record<(typeof columns)[number], SqlValue>;
const INSERT = `INSERT INTO payments (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
const hashed = [...columns].sort();

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
  tx.run(INSERT, ...columns.map((name) => row[name]));
  return rowDigest('payments', row, hashed);
}

/** SQLite takes the partial index of live payments only when a query repeats its very condition. */
export const WORKING = "state IN ('in_review', 'authorized', 'submitted', 'settled')";
const workingStates: readonly string[] = ['in_review', 'authorized', 'submitted', 'settled'];
export const isWorking = (state: PaymentState): boolean => workingStates.includes(state);

export function findPayment(tx: ReadTx, id: string): Payment | undefined {
  const row = tx.get<PaymentRow>('SELECT * FROM payments WHERE id = ?', id);
  return row && toPayment(row);
}

/** The payment that a log of an agent's wallet names. One that is over is looked for among that agent's only. */
export function findPaymentByChainKey(tx: ReadTx, chainKey: Hex, agentId: string): Payment | undefined {
  const row =
    tx.get<PaymentRow>(`SELECT * FROM payments WHERE chain_key = ? AND ${WORKING}`, chainKey) ??
    tx.get<PaymentRow>('SELECT * FROM payments WHERE agent_id = ? AND chain_key = ?', agentId, chainKey);
  return row && toPayment(row);
}

export type PaymentFilter = {
  agentId?: string | undefined;
  payeeId?: string | undefined;
  state?: PaymentState | undefined;
  kind?: PaymentKind | undefined;
  batchId?: string | undefined;
  /** Ids below this one (newest first). */
  before?: string | undefined;
  limit: number;
};

/** Newest first. */
export function listPayments(tx: ReadTx, filter: PaymentFilter): Payment[] {
  const where: string[] = [];
  const values: (string | number)[] = [];
  const add = (clause: string, value: string | undefined): void => {
    if (value === undefined) return;
    where.push(clause);
    values.push(value);
  };
  add('agent_id = ?', filter.agentId);
  add('payee_id = ?', filter.payeeId);
  add('state = ?', filter.state);
  add('kind = ?', filter.kind);
  add('batch_id = ?', filter.batchId);
  add('id < ?', filter.before);
  if (filter.state && isWorking(filter.state)) where.push(WORKING);
  const clause = where.length > 0 ? `WHERE ${where.join(' AND ')}` : '';
  return tx
    .all<PaymentRow>(`SELECT * FROM payments ${clause} ORDER BY id DESC LIMIT ?`, ...values, filter.limit)
    .map(toPayment);
}

/** The payments that one transaction settled. */
export function listSettledIn(tx: ReadTx, txHash: string): Payment[] {
  return tx.all<PaymentRow>('SELECT * FROM payments WHERE tx_hash = ? ORDER BY log_index', txHash).map(toPayment);
}
