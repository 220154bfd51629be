/** The end of a purchase by the seller's answer. It settles and releases nothing: only the chain does. */
export const reportOutcomes = [
  'served',
  'no_answer',
  'refused_after_payment',
  'settlement_pending',
  'settlement_failed',
  'redirected',
  'failed',
] as const;
export type ReportOutcome = (typeof reportOutcomes)[number];

export type Reported = { outcome: ReportOutcome; transaction: string | null };

/** Reads status (0: no answer) and PAYMENT-RESPONSE (base64 of JSON; null: none). A malformed header counts as none. */
export function classify(status: number, paymentResponse: string | null): Reported {
  const settled = paymentResponse === null ? null : decode(paymentResponse);
  const transaction = settled?.transaction ?? null;
  const reported = (outcome: ReportOutcome): Reported => ({ outcome, transaction });
  if (status === 0) return reported('no_answer');
  // `success: false` with a transaction is still pending (x402 settlement_pending): followed on chain, never signed again.
  if (settled?.success === false) return reported(transaction === null ? 'settlement_failed' : 'settlement_pending');
  if (status >= 200 && status < 300) return reported('served');
  if (status >= 300 && status < 400) return reported('redirected');
  return reported(status === 402 ? 'refused_after_payment' : 'failed');
}

function decode(header: string): { success: boolean; transaction: string | null } | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null) return null;
    const { success, transaction } = parsed as { success?: unknown; transaction?: unknown };
    const isHash = typeof transaction === 'string' && /^0x[0-9a-fA-F]{64}$/.test(transaction);
    return typeof success === 'boolean' ? { success, transaction: isHash ? transaction : null } : null;
  } catch {
    return null;
  }
}
