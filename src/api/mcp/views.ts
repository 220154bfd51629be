import { z } from 'zod';
import { AmountView } from '../../core/schemas/schemas.ts';
import type { Json } from './backend.ts';

/**
 * The part of an operation's answer that a model needs: no nulls, and no values that a sentence names already. The rest is in the
 * HTTP API.
 */

const HintsIn = z.object({
  largest_amount_now: AmountView.nullable(),
  earliest_time: z.string().nullable(),
  unlocked_by: z.object({ quorum: z.number(), roles: z.array(z.string()) }).nullable(),
});
export type Hints = z.infer<typeof HintsIn>;
const ReasonIn = z.object({ code: z.string(), message: z.string(), observed: z.unknown().optional() });
const ReviewIn = z.object({ quorum: z.number(), roles: z.array(z.string()), expires_at: z.string().nullable() });

/** An answer with a payment, as the operations return it. */
const Answer = z.object({
  id: z.string(),
  state: z.string(),
  kind: z.string(),
  rail: z.string(),
  amount: AmountView,
  payee: z.string().nullish(),
  address: z.string(),
  host: z.string().nullish(),
  workflow: z.string().nullish(),
  run: z.string().nullish(),
  memo: z.string().nullish(),
  refund_of: z.string().nullish(),
  reasons: z.array(ReasonIn),
  review: ReviewIn.nullish(),
  settlement: z.object({ tx_hash: z.string(), settled_at: z.string() }).nullish(),
  created_at: z.string(),
  replayed: z.boolean().optional(),
  hints: HintsIn.nullish(),
});
export type PaymentAnswer = z.infer<typeof Answer>;
export const readPayment = (answer: unknown): PaymentAnswer => Answer.parse(answer);

const Check = z.object({
  effect: z.enum(['allow', 'deny', 'review']),
  reasons: z.array(ReasonIn),
  hints: HintsIn.nullish(),
});
export const readCheck = (answer: unknown): z.infer<typeof Check> => Check.parse(answer);

export const ReasonOut = z.object({ code: z.string(), message: z.string() });
export const HintsOut = HintsIn.extend({
  largest_amount_now: AmountView.optional(),
  earliest_time: z.string().optional(),
  unlocked_by: z.object({ quorum: z.number(), roles: z.array(z.string()) }).optional(),
});
export const PaymentOut = z.looseObject({
  id: z.string(),
  state: z.string(),
  amount: AmountView,
  reasons: z.array(ReasonOut).optional(),
  settlement: z.object({ tx_hash: z.string(), settled_at: z.string() }).optional(),
});

export function brief(payment: PaymentAnswer): Json {
  const { replayed: _replayed, hints: _hints, rail, reasons, ...rest } = payment;
  // An allowed payment needs no reasons.
  const asked = reasons.filter(({ code }) => code !== 'all_passed');
  return compact({ ...rest, reasons: asked.length > 0 ? reasonsOut(asked, rail) : null });
}

export function hintsOut(hints: Hints | null | undefined): Json | null {
  const known = compact(hints ?? {});
  return Object.keys(known).length > 0 ? known : null;
}

export function compact(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

/**
 * Bursar's sentences quote amounts and addresses. An operator's own control may quote a seller's text; that is not our sentence, so
 * it is not shown as one.
 */
export function reasonsOut(reasons: readonly z.infer<typeof ReasonIn>[], rail: string): Json[] {
  return reasons.map(({ code, message, observed }) => {
    const quotes = message.startsWith('The policy answered ') && typeof observed === 'string';
    if (rail !== 'x402' || !quotes || /^[\w.:/-]{0,66}$/.test(observed)) return { code, message };
    return { code, message: `The policy answered ${code}, about what the seller says of itself.` };
  });
}
