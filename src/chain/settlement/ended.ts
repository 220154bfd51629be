import type { Payment } from '../../decide/payments/payment.ts';
import { type PaymentRow, toPayment, WORKING } from '../../decide/payments/records.ts';
import type { ReadTx } from '../../store/store.ts';
import { revertText } from '../contracts/reverts.ts';
import type { DropReason } from '../relayer/transactions.ts';

/** A payment that still waits, whose newest transaction was refused by the simulation or reverted at a final block. */
export type Ended = {
  payment: Payment;
  transactionId: bigint;
  /** Null: it was mined and reverted. */
  dropped: DropReason | null;
  /** What the contract or the node said, decoded. Null where nothing was said. */
  said: string | null;
  /** Payments in that transaction. */
  together: number;
  /** How often a transaction that carried it was mined and reverted. */
  reverts: number;
  /** Something was signed for it that could be mined later: it must not be given up. */
  mayComeLater: boolean;
};

/** No transaction that could still pay it. In a query with `payments p`. */
export const NOTHING_LIVE = `NOT EXISTS (SELECT 1 FROM transaction_payments tp JOIN transactions t ON t.id = tp.transaction_id
  WHERE tp.payment_id = p.id AND t.state <> 'dropped' AND NOT (t.state = 'final' AND t.succeeded = 0))`;
const NEWEST = '(SELECT max(transaction_id) FROM transaction_payments WHERE payment_id = p.id)';
/** Its newest transaction was refused or reverted, so the chain's state is asked before it goes again. In a query with `payments p`. */
export const REFUSED = `EXISTS (SELECT 1 FROM transactions t WHERE t.id = ${NEWEST}
  AND (t.drop_reason IN ('refused', 'no_contract', 'dependency_failed', 'withheld') OR t.succeeded = 0))`;

type Row = PaymentRow & {
  t_id: bigint;
  t_reason: DropReason | null;
  t_detail: string | null;
  together: bigint;
  reverts: bigint;
  gapped: bigint;
};

/** The oldest transactions first. `except`: payments that are not to be looked at yet. */
export function endedPayments(tx: ReadTx, except: readonly string[], limit: number): Ended[] {
  const rows = tx.all<Row>(
    `SELECT p.*, t.id AS t_id, t.drop_reason AS t_reason, t.drop_detail AS t_detail,
       (SELECT count(*) FROM transaction_payments c WHERE c.transaction_id = t.id) AS together,
       (SELECT count(*) FROM transaction_payments c JOIN transactions r ON r.id = c.transaction_id
          WHERE c.payment_id = p.id AND r.succeeded = 0) AS reverts,
       (SELECT count(*) FROM transaction_payments c JOIN transactions r ON r.id = c.transaction_id
          WHERE c.payment_id = p.id AND r.drop_reason = 'nonce_gap') AS gapped
     FROM payments p JOIN transactions t ON t.id = ${NEWEST}
     WHERE p.${WORKING} AND p.state IN ('authorized', 'submitted') AND p.rail = 'wallet' AND ${NOTHING_LIVE} AND ${REFUSED}
       AND p.id NOT IN (SELECT value FROM json_each(?))
     ORDER BY t.id, p.id LIMIT ?`,
    JSON.stringify(except),
    limit,
  );
  return rows.map((row) => ({
    payment: toPayment(row),
    transactionId: row.t_id,
    dropped: row.t_reason,
    said: row.t_detail !== null && row.t_reason !== 'no_contract' ? revertText(row.t_detail) : null,
    together: Number(row.together),
    reverts: Number(row.reverts),
    mayComeLater: row.gapped > 0n,
  }));
}
