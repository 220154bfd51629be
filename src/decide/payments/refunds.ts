import { type Address, isAddressEqual } from 'viem';
import { findReceivable, findReceivableOfPayment, type Receivable } from '../../books/receivables/receivable.ts';
import { isEarned } from '../../books/receivables/record.ts';
import { BursarError } from '../../core/errors/base.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx } from '../../store/store.ts';
import { getAgent } from '../identity/agents.ts';
import type { Facts } from './facts.ts';
import { refundedTotal } from './queries.ts';
import { findPayment } from './records.ts';
import type { PaymentRequest } from './request.ts';

/**
 * A refund goes from the earner to anyone who paid, and never exceeds what was received, in sum. Gives what it gives back; null for
 * other kinds. Throws `payment_not_found`, `receivable_not_final`, `invalid_request` or `refund_exceeds_original`.
 */
export function checkRefund(tx: ReadTx, request: PaymentRequest, facts: Facts): Receivable | null {
  if (request.kind !== 'refund') return null;
  const receivable = refundedReceivable(tx, request.refundOf);
  if (!receivable || receivable.agentId !== request.agentId) {
    throw new BursarError('payment_not_found', {
      message: 'This agent earned no such payment.',
      details: { refund_of: request.refundOf },
    });
  }
  if (receivable.state !== 'final') throw new BursarError('receivable_not_final');
  const payer = refundAddress(tx, receivable);
  if (!isAddressEqual(payer, facts.address)) {
    throw new BursarError('invalid_request', { message: `This refund goes to ${payer}, who paid.` });
  }
  const left = refundableOf(tx, receivable);
  if (request.amount > left) {
    throw new BursarError('refund_exceeds_original', {
      message: `Of ${formatUsdc(receivable.amountMicro)} USDC, ${formatUsdc(left)} can still be refunded.`,
      details: { refundable: formatUsdc(left) },
    });
  }
  return receivable;
}

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
