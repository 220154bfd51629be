import { withdrawQueued } from '../../chain/settlement/withdraw.ts';
import { type PaymentRow, toPayment, WORKING } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { ReadTx, Tx } from '../../store/store.ts';

/** Wallet payments that were signed once and of which every transaction is dropped or reverted for good. */
export function unsignable(tx: ReadTx, agentId: string): { id: string; nonce: bigint }[] {
  return tx.all<{ id: string; nonce: bigint }>(
    `SELECT p.id, p.wallet_nonce AS nonce FROM payments p
       WHERE p.${WORKING} AND p.state = 'submitted' AND p.rail = 'wallet' AND p.agent_id = ? AND p.wallet_nonce IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM transaction_payments tp JOIN transactions t ON t.id = tp.transaction_id
           WHERE tp.payment_id = p.id AND t.state <> 'dropped' AND NOT (t.state = 'final' AND t.succeeded = 0))
       ORDER BY p.id LIMIT 200`,
    agentId,
  );
}

/** Ends such a payment once the chain has said that its nonce is unused. */
export function endDead(tx: Tx, id: string, atMs: number): void {
  const row = tx.get<PaymentRow>('SELECT * FROM payments WHERE id = ?', id);
  if (row?.state !== 'submitted') return;
  const payment = toPayment(row);
  if (!withdrawQueued(tx, payment)) return;
  transition(tx, payment, 'cancel', { actor: 'bursar', atMs, data: { reason: 'agent_stopped' } });
}
