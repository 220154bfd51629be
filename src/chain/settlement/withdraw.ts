import type { Payment } from '../../decide/payments/payment.ts';
import type { Tx } from '../../store/store.ts';
import { outcomesOfPayment } from '../relayer/outcomes.ts';
import { withdrawTransaction } from '../relayer/transactions.ts';

/**
 * Takes the payment's transaction back if it is not signed yet; true when nothing signed can move this money any more. Payments
 * that were to go in the same batch are queued again by the next tick.
 */
export function withdrawQueued(tx: Tx, payment: Payment): boolean {
  if (payment.rail !== 'wallet') return payment.state === 'authorized';
  return outcomesOfPayment(tx, payment.id).every(({ transactionId, outcome }) => {
    if (outcome.kind === 'queued') return withdrawTransaction(tx, transactionId);
    // What was signed on an invented nonce can still be mined one day.
    if (outcome.kind === 'dropped') return outcome.reason !== 'nonce_gap';
    return outcome.kind === 'final' && !outcome.succeeded;
  });
}

/** Takes back what is queued, unsigned, of agents that are not active: frozen ones wait, a revoked one's payments end. */
export function withdrawInactive(tx: Tx): void {
  const rows = tx.all<{ id: bigint }>(
    `SELECT DISTINCT t.id FROM transactions t JOIN transaction_payments tp ON tp.transaction_id = t.id
     JOIN payments p ON p.id = tp.payment_id JOIN agents a ON a.id = p.agent_id
     WHERE t.state = 'queued' AND a.status <> 'active'`,
  );
  for (const { id } of rows) withdrawTransaction(tx, id);
}
