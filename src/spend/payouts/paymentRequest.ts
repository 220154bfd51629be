import { sha256 } from '../../core/ids/digest.ts';
import type { PaymentRequest } from '../../decide/payments/request.ts';
import { canonical, type PayoutLine } from './line.ts';
import type { Payout } from './payout.ts';

/**
 * Makes the request of a line for the gate. The key has spaces, which callers' keys cannot have, and follows from payout, attempt
 * and line id alone, so a line that is requested again is the same payment.
 */
export function lineRequest(
  payout: Pick<Payout, 'id' | 'agentId'>,
  line: PayoutLine & { attempt: number },
): PaymentRequest {
  const requestJson = canonical(line);
  return {
    agentId: payout.agentId,
    idempotencyKey: ` payout ${payout.id} ${line.attempt} ${line.id}`,
    bodyHash: sha256(requestJson),
    requestJson,
    kind: 'payout',
    amount: line.amount,
    payee: line.payee,
    address: line.address,
    workflow: line.workflow === null ? null : { ref: line.workflow, run: line.run },
    category: line.category,
    memo: line.memo,
    refundOf: null,
    batchId: payout.id,
    rail: 'wallet',
    host: null,
    x402: null,
  };
}
