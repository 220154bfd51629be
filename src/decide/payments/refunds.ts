import type { Address } from 'viem';
import { findReceivable, findReceivableOfPayment } from '../../books/receivables/readReceivables.ts';
import type { Receivable } from '../../books/receivables/receivable.ts';
import { isEarned } from '../../books/receivables/record.ts';
import type { ReadTx } from '../../store/store.ts';
import { getAgent } from '../identity/agents.ts';
import { refundedTotal } from './queries.ts';
import { findPayment } from './records.ts';

/** What was earned by a payment's or a receivable's id; undefined where nothing was. */
export async function refundedReceivable(tx: ReadTx, id: string | null): Promise<Receivable | undefined> {
  if (id === null) return undefined;
  const found = id.startsWith('pay_') ? await findReceivableOfPayment(tx, id) : await findReceivable(tx, id);
  return found && isEarned(found.kind) && found.state !== 'orphaned' ? found : undefined;
}

/** The paying address. An agent of this Bursar gets it in its wallet, also when its purse had paid: a purse stays small. */
export async function refundAddress(tx: ReadTx, receivable: Receivable): Promise<Address> {
  const payment = receivable.paymentId === null ? undefined : await findPayment(tx, receivable.paymentId);
  return (payment && (await getAgent(tx, payment.agentId)).wallet?.address) ?? receivable.payer;
}

/** What can still be given back: refunds count from their hold on. Micro-USDC. */
export async function refundableOf(tx: ReadTx, receivable: Receivable): Promise<bigint> {
  return receivable.amountMicro - (await refundedOf(tx, receivable.id));
}

/** What has been given back of a receivable, or is held for it. Micro-USDC. */
export async function refundedOf(tx: ReadTx, receivableId: string): Promise<bigint> {
  return (await tx.get(refundedTotal, { receivable: receivableId }))?.total ?? 0n;
}
