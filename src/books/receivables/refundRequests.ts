import { BursarError, invariant } from '../../core/errors/base.ts';
import { newId } from '../../core/ids/ids.ts';
import type { ReadTx, Tx } from '../../store/store.ts';

/** A buyer's wish to have money back; the refund itself is a payment of the earner. Micro-USDC. */
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
type Row = {
  id: string;
  state: string;
  payment_id: string;
  receivable_id: string;
  buyer_id: string;
  earner_id: string;
  amount_micro: bigint;
  reason: string;
  answer: string | null;
  refund_payment: string | null;
  created_at: bigint;
  answered_at: bigint | null;
};
const SELECT = `SELECT q.*, p.agent_id AS buyer_id, r.agent_id AS earner_id FROM refund_requests q
  JOIN payments p ON p.id = q.payment_id JOIN receivables r ON r.id = q.receivable_id`;
const toRequest = (row: Row): RefundRequest => ({
  id: row.id,
  state: row.state as RefundRequest['state'],
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

/** One may be open for a payment. Throws `conflict` where one is. */
export function openRefundRequest(
  tx: Tx,
  ask: { paymentId: string; receivableId: string; amountMicro: bigint; reason: string },
  atMs: number,
): RefundRequest {
  const open = tx.get<{ id: string }>(
    "SELECT id FROM refund_requests WHERE payment_id = ? AND state = 'open'",
    ask.paymentId,
  );
  if (open) throw new BursarError('conflict', { message: `${open.id} is open for this payment already.` });
  const id = newId('refundRequest');
  tx.run(
    "INSERT INTO refund_requests (id, payment_id, receivable_id, amount_micro, reason, state, created_at) VALUES (?, ?, ?, ?, ?, 'open', ?)",
    id,
    ask.paymentId,
    ask.receivableId,
    ask.amountMicro,
    ask.reason,
    atMs,
  );
  return reread(tx, id);
}

export function findRefundRequest(tx: ReadTx, id: string): RefundRequest | undefined {
  const row = tx.get<Row>(`${SELECT} WHERE q.id = ?`, id);
  return row && toRequest(row);
}

export function answerRequest(
  tx: Tx,
  id: string,
  end: { state: 'accepted' | 'declined'; answer: string | null; refund: string | null; atMs: number },
): RefundRequest {
  tx.run(
    "UPDATE refund_requests SET state = ?, answer = ?, refund_payment = ?, answered_at = ? WHERE id = ? AND state = 'open'",
    end.state,
    end.answer,
    end.refund,
    end.atMs,
    id,
  );
  return reread(tx, id);
}

/** Newest first. `agent`: as buyer or as earner. */
export function listRefundRequests(
  tx: ReadTx,
  filter: { agent?: string | undefined; state?: string | undefined; limit: number },
): RefundRequest[] {
  const { agent = null, state = null, limit } = filter;
  return tx
    .all<Row>(
      `${SELECT} WHERE (? IS NULL OR p.agent_id = ? OR r.agent_id = ?) AND (? IS NULL OR q.state = ?) ORDER BY q.id DESC LIMIT ?`,
      agent,
      agent,
      agent,
      state,
      state,
      limit,
    )
    .map(toRequest);
}

function reread(tx: Tx, id: string): RefundRequest {
  const found = findRefundRequest(tx, id);
  invariant(found, 'A refund request vanished inside its transaction.');
  return found;
}
