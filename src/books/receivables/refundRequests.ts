import { BursarError, invariant } from '../../core/errors/base.ts';
import { newId } from '../../core/ids/ids.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { addRefundRequest, answerRefundRequest, openRefundRequestOf, refundRequestsWhere } from './queries.ts';

/** A buyer's request for a refund; the refund itself is a payment of the earner. Micro-USDC. */
export type RefundRequest = {
  id: string;
  state: 'open' | 'accepted' | 'declined';
  paymentId: string;
  receivableId: string;
  buyerId: string;
  earnerId: string;
  amountMicro: bigint;
  reason: string;
  answer: string | null;
  refundPayment: string | null;
  createdAtMs: number;
  answeredAtMs: number | null;
};
type Row = RowOf<ReturnType<typeof refundRequestsWhere>>;
const toRequest = (row: Row): RefundRequest => ({
  id: row.id,
  state: row.state,
  paymentId: row.payment_id,
  receivableId: row.receivable_id,
  buyerId: row.buyer_id,
  earnerId: row.earner_id,
  amountMicro: row.amount_micro,
  reason: row.reason,
  answer: row.answer,
  refundPayment: row.refund_payment,
  createdAtMs: Number(row.created_at),
  answeredAtMs: row.answered_at === null ? null : Number(row.answered_at),
});

/** A payment may have one open request. Throws `conflict` if there is one. */
export async function openRefundRequest(
  tx: Tx,
  ask: { paymentId: string; receivableId: string; amountMicro: bigint; reason: string },
  atMs: number,
): Promise<RefundRequest> {
  const open = await tx.get(openRefundRequestOf, { payment: ask.paymentId });
  if (open) throw new BursarError('conflict', { message: `${open.id} is open for this payment already.` });
  const id = newId('refundRequest');
  await tx.run(addRefundRequest, {
    id,
    payment: ask.paymentId,
    receivable: ask.receivableId,
    amount: ask.amountMicro,
    reason: ask.reason,
    at: atMs,
  });
  return reread(tx, id);
}

export async function findRefundRequest(tx: ReadTx, id: string): Promise<RefundRequest | undefined> {
  const row = await tx.get(refundRequestsWhere({ id, limit: 1 }));
  return row && toRequest(row);
}

export async function answerRequest(
  tx: Tx,
  id: string,
  end: { state: 'accepted' | 'declined'; answer: string | null; refund: string | null; atMs: number },
): Promise<RefundRequest> {
  const { state, answer, refund, atMs } = end;
  await tx.run(answerRefundRequest, { id, state, answer, refund, at: atMs });
  return reread(tx, id);
}

/** Newest first. `agent`: the buyer or the earner. */
export async function listRefundRequests(
  tx: ReadTx,
  filter: { agent?: string | undefined; state?: RefundRequest['state'] | undefined; limit: number },
): Promise<RefundRequest[]> {
  return (await tx.all(refundRequestsWhere(filter))).map(toRequest);
}

async function reread(tx: Tx, id: string): Promise<RefundRequest> {
  const found = await findRefundRequest(tx, id);
  invariant(found, 'A refund request vanished inside its transaction.');
  return found;
}
