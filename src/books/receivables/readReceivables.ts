import type { Address, Hex } from 'viem';
import type { AgentId, PaymentId, ReceivableId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx } from '../../store/store.ts';
import { type ReceivableFilter, receivable, receivableAt, receivableOfPayment, receivablesWhere } from './queries.ts';
import type { Receivable } from './receivable.ts';

export type ReceivableRow = RowIn<'receivables'>;

/** The casts are the boundary: the CHECKs of the columns guarantee them. */
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

export async function findReceivable(tx: ReadTx, id: string): Promise<Receivable | undefined> {
  const row = await tx.get(receivable, { id });
  return row && toReceivable(row);
}

/** The receivable of that log, if the chain still has the log. */
export async function findReceivableAt(
  tx: ReadTx,
  chainId: number,
  at: { blockHash: string; logIndex: number },
): Promise<Receivable | undefined> {
  const row = await tx.get(receivableAt, { chain: chainId, block: at.blockHash, log: at.logIndex });
  return row && toReceivable(row);
}

/** The receivable of an agent's payment, if an agent of this Bursar received it and the chain still has it. */
export async function findReceivableOfPayment(tx: ReadTx, paymentId: string): Promise<Receivable | undefined> {
  const row = await tx.get(receivableOfPayment, { payment: paymentId });
  return row && toReceivable(row);
}

/** Newest first. */
export async function listReceivables(tx: ReadTx, filter: ReceivableFilter): Promise<Receivable[]> {
  return (await tx.all(receivablesWhere(filter))).map(toReceivable);
}
