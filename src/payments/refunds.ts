import { isAddressEqual } from 'viem';
import { BursarError } from '../errors/base.ts';
import { getAgent } from '../identity/agents.ts';
import { formatUsdc } from '../money/microUsdc.ts';
import type { ReadTx } from '../store/store.ts';
import type { Facts } from './facts.ts';
import { findPayment } from './records.ts';
import type { PaymentRequest } from './request.ts';

/**
 * A refund goes from the earner to the address that paid, and never exceeds the original in sum. Throws `payment_not_found`,
 * `invalid_request` or `refund_exceeds_original`.
 */
export function checkRefund(tx: ReadTx, request: PaymentRequest, facts: Facts): void {
  if (request.kind !== 'refund') return;
  const original = request.refundOf ? findPayment(tx, request.refundOf) : undefined;
  if (!original) throw new BursarError('payment_not_found', { details: { refund_of: request.refundOf } });
  const earned = tx.get<{ id: string }>(
    "SELECT id FROM receivables WHERE payment_id = ? AND agent_id = ? AND kind IN ('agent_payment', 'x402_sale')",
    original.id,
    request.agentId,
  );
  if (!earned || !original.settlement) {
    throw new BursarError('payment_not_found', { message: 'This agent earned no such payment.' });
  }
  const payer = getAgent(tx, original.agentId).wallet;
  if (!payer || !isAddressEqual(payer.address, facts.address)) {
    throw new BursarError('invalid_request', { message: 'A refund goes to the wallet of the agent that paid.' });
  }
  const before = tx.get<{ total: bigint | null }>(
    "SELECT sum(amount_micro) AS total FROM payments WHERE refund_of = ? AND state NOT IN ('denied', 'rejected', 'expired', 'failed', 'cancelled')",
    original.id,
  );
  const left = original.amount - (before?.total ?? 0n);
  if (request.amount > left) {
    throw new BursarError('refund_exceeds_original', {
      message: `Of ${formatUsdc(original.amount)} USDC, ${formatUsdc(left)} can still be refunded.`,
      details: { refundable: formatUsdc(left) },
    });
  }
}
