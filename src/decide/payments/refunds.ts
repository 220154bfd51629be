import type { Address } from 'viem';
import { findReceivable, findReceivableOfPayment } from '../../books/receivables/readReceivables.ts';
import type { Receivable } from '../../books/receivables/receivable.ts';
import { isEarned } from '../../books/receivables/record.ts';
import type { ReadTx } from '../../store/store.ts';
import { getAgent } from '../identity/agents.ts';
import { refundedTotal } from './queries.ts';
import { findPayment } from './records.ts';

/** What was earned by a payment's or a receivable's id; undefined where nothing was. */
export function refundedReceivable(tx: ReadTx, id: string | null): Receivable | undefined {
  if (id === null) return undefined;
  const found = id.startsWith('pay_') ? findReceivableOfPayment(tx, id) : findReceivable(tx, id);
  return found && isEarned(found.kind) && found.state !== 'orphaned' ? found : undefined;
}

/** The paying address. An agent of this Bursar gets it in its wallet, also when its purse had paid: a purse stays small. */
export function refundAddress(tx: ReadTx, receivable: Receivable): Address {
  const payment = receivable.paymentId === null ? undefined : findPayment(tx, receivable.paymentId);
  return (payment && getAgent(tx, payment.agentId).wallet?.address) ?? receivable.payer;
}

/** What can still be given back: refunds count from their hold on. Micro-USDC. */
export function refundableOf(tx: ReadTx, receivable: Receivable): bigint {
  return receivable.amountMicro - refundedOf(tx, receivable.id);
}

/** What has been given back of a receivable, or is held for it. Micro-USDC. */
export function refundedOf(tx: ReadTx, receivableId: string): bigint {
  return tx.get(refundedTotal, { receivable: receivableId })?.total ?? 0n;
}
