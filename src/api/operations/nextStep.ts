import type { Payment } from '../../decide/payments/payment.ts';

/** One sentence for agents: what to do about a purchase in this state. `signed`: there is an authorization to present. */
export function nextStep({ state, rail, id }: Payment, signed: boolean): string {
  if (signed) return 'Send the request once more with this signature, to the same URL, without following redirects.';
  switch (state) {
    case 'denied':
      return 'Do not retry unchanged: read the reasons, and the hints for what would pass.';
    case 'in_review':
      return `People decide on ${id}. Send the same request again later; it will not be paid twice.`;
    case 'authorized':
      return rail === 'x402'
        ? 'The purse is being topped up. Send the same request again in a few seconds.'
        : `It is on its way. Read ${id} to see it settle.`;
    case 'submitted':
      return 'The authorization is past its time and the chain has not shown what became of it. Wait: it ends as settled or expired.';
    case 'rejected':
    case 'expired':
    case 'failed':
    case 'cancelled':
      return 'Nothing was paid. To try once more on purpose, send the request with `again` one higher.';
    case 'settled':
    case 'final':
      return 'It is paid.';
    default:
      return state satisfies never;
  }
}
