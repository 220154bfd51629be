import { z } from 'zod';
import { AmountView, ReasonView } from '../operation/schemas.ts';
import type { Json } from './door.ts';

/** What of an operation's answer a model needs. The rest is in the HTTP API and in receipts. */
const Hints = z.object({
  largest_amount_now: AmountView.nullable(),
  earliest_time: z.string().nullable(),
  unlocked_by: z.object({ quorum: z.number(), roles: z.array(z.string()) }).nullable(),
});
const Reason = ReasonView.omit({ rule: true });
const Review = z.object({ quorum: z.number(), roles: z.array(z.string()), expires_at: z.string().nullable() });

export const PaymentBrief = z.object({
  id: z.string(),
  state: z.string(),
  kind: z.string(),
  amount: AmountView,
  payee: z.string().nullish(),
  address: z.string(),
  host: z.string().nullish(),
  workflow: z.string().nullish(),
  run: z.string().nullish(),
  memo: z.string().nullish(),
  refund_of: z.string().nullish(),
  reasons: z.array(Reason),
  review: Review.nullish(),
  settlement: z.object({ tx_hash: z.string(), settled_at: z.string() }).nullish(),
  created_at: z.string(),
});
export type PaymentBrief = z.infer<typeof PaymentBrief>;

/** An answer that carries a payment, as the HTTP API gives it. */
const Answer = PaymentBrief.extend({
  rail: z.string().optional(),
  replayed: z.boolean().optional(),
  hints: Hints.nullish(),
});
export type PaymentAnswer = z.infer<typeof Answer>;
export { Hints, Reason };

export const readPayment = (answer: unknown): PaymentAnswer => Answer.parse(answer);

/** Without what is null: a model reads every word. */
export function brief(payment: PaymentAnswer): Json {
  const { replayed: _replayed, hints: _hints, rail, reasons, ...rest } = payment;
  return compact({ ...rest, reasons: reasons.map((reason) => ownWords(reason, rail)) });
}

export function compact(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

/**
 * Bursar's sentences quote figures and addresses. A control of an operator's own may quote what the seller said of itself; that
 * text is no sentence of ours, so it does not stand here as one.
 */
function ownWords(reason: z.infer<typeof Reason>, rail: string | undefined): Json {
  const { observed } = reason;
  const quotes = reason.message.startsWith('The policy answered ') && typeof observed === 'string';
  if (rail !== 'x402' || !quotes || /^[\w.:/-]{0,66}$/.test(observed)) return compact(reason);
  return { code: reason.code, message: `The policy answered ${reason.code}, about what the seller says of itself.` };
}
