import type { Json } from './backend.ts';
import type { Hints, PaymentAnswer } from './views.ts';

const usdc = ({ value }: { value: string }): string => `${value} USDC`;

/** Says what the policy would allow instead, from the hints of a denial or a review. Empty where there are no hints. */
export function whatWouldPass(hints: Hints | null | undefined): string {
  if (!hints) return '';
  const { largest_amount_now: most, earliest_time: at, unlocked_by: people } = hints;
  const ways = [
    ...(most ? [`at most ${usdc(most)} now`] : []),
    ...(at ? [`the same request from ${at} on`] : []),
    ...(people ? [`approval by ${people.quorum} of: ${people.roles.join(', ')}`] : []),
  ];
  return ways.length === 0 ? '' : ` Allowed instead: ${ways.join('; or ')}.`;
}

/** One or two sentences for a model: what this state means, and which tool to call next, if any. */
export function nextStep(payment: PaymentAnswer, args: Json): string {
  const again = (typeof args.again === 'number' ? args.again : 1) + 1;
  const repeated = !payment.replayed
    ? ''
    : payment.state === 'denied'
      ? `This is the earlier answer to the same request; for a new decision set again to ${again}. `
      : `The same request made this payment before; nothing was paid a second time. Only if you want a second payment, set again to ${again}. `;
  return repeated + ofState(payment, again);
}

function ofState({ id, state, rail, hints, review, settlement }: PaymentAnswer, again: number): string {
  const isPurchase = rail === 'x402';
  switch (state) {
    case 'denied':
      return `Not paid: the policy denies it. Do not repeat it unchanged, and do not split it to get around a limit.${whatWouldPass(hints) || ' Tell your user the reasons.'}`;
    case 'in_review':
      return `Not paid yet: it waits for approval by a person${review?.expires_at ? ` until ${review.expires_at}` : ''}. Do not send it again. Call the tool payment (id ${id}) later, or continue with other work.`;
    case 'authorized':
    case 'submitted':
      if (isPurchase) {
        return 'Authorized, not settled yet. If you have no answer from the site yet, call fetch_paid with the same arguments; it is not paid twice.';
      }
      return `Accepted, not settled yet. Do not send it again. Call the tool payment (id ${id}) every few seconds until the state is settled.`;
    case 'settled':
    case 'final':
      return `Paid${settlement ? `, transaction ${settlement.tx_hash}` : ''}.`;
    case 'rejected':
    case 'expired':
    case 'failed':
    case 'cancelled':
      return `It ended as ${state}: nothing was paid. Only if you still want it, send it once more with again: ${again}.`;
    default:
      return `Its state is ${state}.`;
  }
}
