import type { Payment } from '../../decide/payments/payment.ts';
import { appendPaymentEvent } from '../../decide/payments/transition.ts';
import type { Tx } from '../../store/store.ts';
import { classify, type ReportOutcome } from './outcome.ts';
import { setReported } from './queries.ts';

/** Records the seller's answer to a presented authorization: an event and evidence, never a change of state. */
export async function noteReport(
  tx: Tx,
  payment: Payment,
  { status, paymentResponse }: { status: number; paymentResponse: string | null },
  act: { actor: string; atMs: number },
): Promise<ReportOutcome> {
  const { outcome, transaction } = classify(status, paymentResponse);
  const reported = { status, outcome, transaction, payment_response: paymentResponse };
  await tx.run(setReported, { payment: payment.id, reported: JSON.stringify(reported) });
  await appendPaymentEvent(tx, payment, 'x402.reported', { ...act, data: reported });
  return outcome;
}
