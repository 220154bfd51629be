import { everyInOrder } from '../../core/inOrder.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import type { Tx } from '../../store/store.ts';
import { mayBeMined, outcomesOfPayment } from '../relayer/outcomes.ts';
import { withdrawTransaction } from '../relayer/transactions.ts';
import { queuedOfInactive } from './queries.ts';

/**
 * Takes the payment's transaction back if it is not signed yet; true when nothing signed can move this money any more. Payments
 * that were to go in the same batch are queued again by the next tick.
 */
export async function withdrawQueued(tx: Tx, payment: Payment): Promise<boolean> {
  if (payment.rail !== 'wallet') return payment.state === 'authorized';
  return everyInOrder(await outcomesOfPayment(tx, payment.id), async ({ transactionId, outcome }) => {
    if (outcome.kind === 'queued') return withdrawTransaction(tx, transactionId);
    return !mayBeMined(outcome);
  });
}

/** Takes back what is queued, unsigned, of agents that are not active: frozen ones wait, a revoked one's payments end. */
export async function withdrawInactive(tx: Tx): Promise<void> {
  for (const { id } of await tx.all(queuedOfInactive)) await withdrawTransaction(tx, id);
}
