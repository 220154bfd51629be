import { withdrawQueued } from '../../chain/settlement/withdraw.ts';
import { toPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { paymentById, withoutLiveTransaction } from './queries.ts';

/** Payments of which no signed transaction can be mined any more: see the statement. */
export const unsignable = (tx: ReadTx, agentId: string) => tx.all(withoutLiveTransaction, { agent: agentId });

/** Ends such a payment once the chain shows that its nonce is unused. */
export async function endDead(tx: Tx, id: string, atMs: number): Promise<void> {
  const row = await tx.get(paymentById, { id });
  if (row?.state !== 'submitted') return;
  const payment = toPayment(row);
  if (!(await withdrawQueued(tx, payment))) return;
  await transition(tx, payment, 'cancel', { actor: 'bursar', atMs, data: { reason: 'agent_stopped' } });
}
