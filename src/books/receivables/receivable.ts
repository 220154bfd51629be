import type { Address, Hex } from 'viem';
import type { AgentId, PaymentId, ReceivableId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx } from '../../store/store.ts';
import { type ReceivableFilter, receivable, receivableAt, receivableOfPayment, receivablesWhere } from './queries.ts';

export const receivableKinds = ['deposit', 'agent_payment', 'x402_sale', 'invoice', 'refund', 'unmatched'] as const;
export type ReceivableKind = (typeof receivableKinds)[number];
/** Money that the agent earned: it may be refunded, and its revenue rule is applied to it. */
export const earnedKinds = ['agent_payment', 'x402_sale', 'invoice'] as const satisfies readonly ReceivableKind[];
export const receivableStates = ['included', 'final', 'orphaned'] as const;
export type ReceivableState = (typeof receivableStates)[number];
/** How an invoice was found, the surest first. */
export type InvoiceBy = 'nonce' | 'claim' | 'amount';

/** Money that one log brought to one agent. Amounts in micro-USDC. */
export type Receivable = {
  id: ReceivableId;
  agentId: AgentId;
  kind: ReceivableKind;
  state: ReceivableState;
  amountMicro: bigint;
  /** Where the money came from: what a refund goes back to. */
  payer: Address;
  /** The payment that it was, where an agent of this Bursar paid. */
  paymentId: PaymentId | null;
  invoiceId: string | null;
  invoiceBy: InvoiceBy | null;
  saleNonce: Hex | null;
  chainId: number;
  txHash: Hex;
  logIndex: number;
  blockNumber: bigint;
  blockHash: Hex;
  routedAtMs: number | null;
  /** The block's time. */
  receivedAtMs: number;
};

export type ReceivableRow = RowIn<'receivables'>;

/** The casts are the boundary: the columns' CHECKs are what they rest on. */
export function toReceivable(row: ReceivableRow): Receivable {
  return {
    id: row.id as ReceivableId,
    agentId: row.agent_id as AgentId,
    kind: row.kind,
    state: row.state,
    amountMicro: row.amount_micro,
    payer: row.payer_address as Address,
    paymentId: row.payment_id as PaymentId | null,
    invoiceId: row.invoice_id,
    invoiceBy: row.invoice_by,
    saleNonce: row.sale_nonce as Hex | null,
    chainId: Number(row.chain_id),
    txHash: row.tx_hash as Hex,
    logIndex: Number(row.log_index),
    blockNumber: row.block_number,
    blockHash: row.block_hash as Hex,
    routedAtMs: row.routed_at === null ? null : Number(row.routed_at),
    receivedAtMs: Number(row.received_at),
  };
}

export function findReceivable(tx: ReadTx, id: string): Receivable | undefined {
  const row = tx.get(receivable, { id });
  return row && toReceivable(row);
}

/** What came in by that log, if the chain still has it. */
export function findReceivableAt(
  tx: ReadTx,
  chainId: number,
  at: { blockHash: string; logIndex: number },
): Receivable | undefined {
  const row = tx.get(receivableAt, { chain: chainId, block: at.blockHash, log: at.logIndex });
  return row && toReceivable(row);
}

/** What an agent's payment was to its receiver, if an agent of this Bursar received it and the chain still has it. */
export function findReceivableOfPayment(tx: ReadTx, paymentId: string): Receivable | undefined {
  const row = tx.get(receivableOfPayment, { payment: paymentId });
  return row && toReceivable(row);
}

/** Newest first. */
export function listReceivables(tx: ReadTx, filter: ReceivableFilter): Receivable[] {
  return tx.all(receivablesWhere(filter)).map(toReceivable);
}
