import { z } from 'zod';
import { AmountView } from '../operation/schemas.ts';
import type { Json } from './door.ts';
import { nextStep, whatWouldPass } from './nextStep.ts';
import type { ToolAnswer } from './tool.ts';
import { Untrusted, untrusted } from './untrusted.ts';
import { brief, compact, Hints, PaymentBrief, Reason, readPayment } from './views.ts';

/** How each kind of answer is cut down for a model, and what it is told to do next. */

const next = z.string().describe('What to do next');
export const PaymentOutput = z.object({
  next,
  payment: PaymentBrief,
  replayed: z.boolean().optional(),
  hints: Hints.nullish(),
});
export function paymentAnswer(answer: Json, args: Json): ToolAnswer {
  const payment = readPayment(answer);
  const { replayed, hints } = payment;
  return {
    fields: { next: nextStep(payment, args), ...compact({ payment: brief(payment), replayed, hints }) },
    untrusted: null,
  };
}

export const PaymentsOutput = z.object({ next, payments: z.array(PaymentBrief), next_cursor: z.string().nullish() });
export function paymentsAnswer(answer: Json): ToolAnswer {
  const payments = (answer.payments as unknown[]).map(readPayment);
  const cursor = answer.next_cursor;
  const more = typeof cursor === 'string' ? ` There are more: call again with cursor ${cursor}.` : '';
  return {
    fields: {
      next: `${payments.length} payment(s), newest first.${more}`,
      payments: payments.map(brief),
      ...compact({ next_cursor: cursor }),
    },
    untrusted: null,
  };
}

export const CheckOutput = z.object({
  next,
  effect: z.enum(['allow', 'deny', 'review']),
  reasons: z.array(Reason),
  hints: Hints.nullish(),
});
const Check = CheckOutput.omit({ next: true });
export function checkAnswer(answer: Json): ToolAnswer {
  const { effect, reasons, hints } = Check.parse(answer);
  const told = {
    allow: 'It would be paid at once. Nothing was paid: call pay to pay it.',
    review: `People would have to decide. Nothing was paid, and nobody was asked: call pay to ask them.${whatWouldPass(hints)}`,
    deny: `It would be refused.${whatWouldPass(hints)}`,
  };
  return { fields: { next: told[effect], effect, reasons, ...compact({ hints }) }, untrusted: null };
}

const outcomes = ['free', 'paid', 'unserved', 'refused', 'in_review', 'pending', 'not_payable'] as const;
export const FetchOutput = z.object({
  next,
  outcome: z
    .enum(outcomes)
    .describe(
      'free: nothing was asked for it. paid: paid and served. unserved: paid for, not served. refused, in_review, pending: nothing was paid. not_payable: a price that cannot be paid',
    ),
  payment: PaymentBrief.nullish(),
  hints: Hints.nullish(),
  untrusted: Untrusted.nullish(),
});
/** The other side's headers that say how to read its answer; the rest is noise. */
const shown = ['location', 'retry-after'];
export function fetchAnswer(answer: Json, args: Json): ToolAnswer {
  const outcome = z.enum(outcomes).parse(answer.outcome);
  const payment = answer.payment ? readPayment({ ...(answer.payment as Json), hints: answer.hints }) : null;
  const isHeld = payment !== null && answer.response === null && outcome !== 'unserved';
  const told = isHeld ? heldNext(payment.id, outcome, nextStep(payment, args)) : String(answer.next);
  const response = answer.response as (Json & { headers: Json }) | null;
  return {
    fields: {
      next: told,
      outcome,
      ...compact({ payment: payment && brief(payment), hints: answer.hints }),
    },
    untrusted:
      response &&
      untrusted(
        compact({
          url: response.url,
          status: response.status,
          content_type: response.content_type,
          ...Object.fromEntries(shown.map((name) => [name, response.headers[name]])),
          text: response.text,
          base64: response.base64,
          bytes: response.bytes,
          truncated: response.truncated,
          omitted: response.omitted,
        }),
      ),
  };
}

/** A purchase is got by fetching again, unlike a payment, which is done once it is approved. */
function heldNext(id: string, outcome: (typeof outcomes)[number], otherwise: string): string {
  if (outcome === 'in_review') {
    return `Not paid and not fetched yet: people decide. Look with the tool payment (id ${id}) later; once it is authorized, call fetch_paid with the same arguments to get the answer. It is not paid twice.`;
  }
  if (outcome === 'pending') {
    return `The money is being made ready. Call fetch_paid with the same arguments in a few seconds; it is not paid twice (payment ${id}).`;
  }
  return otherwise;
}

const MeterBrief = z.object({
  meter: z.string(),
  by: z.array(z.string()),
  window: z.string(),
  spent: AmountView,
  left: AmountView.nullable(),
  payments_left: z.number().nullable(),
  resets_at: z.string().nullable(),
  needs: z.array(z.string()),
});
const Ceilings = z.object({
  per_payment: AmountView,
  per_period: AmountView,
  left_in_period: AmountView.nullable(),
  period_seconds: z.number(),
});
export const BudgetOutput = z.object({
  next,
  largest_amount_now: AmountView.nullish(),
  available: AmountView,
  purse: AmountView,
  meters: z.array(MeterBrief.partial()),
  ceilings: Ceilings.partial(),
});
const Budget = BudgetOutput.omit({ next: true }).extend({ meters: z.array(MeterBrief), ceilings: Ceilings });
export function budgetAnswer(answer: Json): ToolAnswer {
  const { largest_amount_now: most, available, purse, meters, ceilings } = Budget.parse(answer);
  const next = most
    ? `The most that would pass to that payee now is ${most.value} USDC.`
    : 'Say payee to learn the most that would pass to it now; or ask check about one payment.';
  return {
    fields: {
      next,
      ...compact({ largest_amount_now: most }),
      available,
      purse,
      meters: meters.map((meter) => compact({ ...meter, needs: meter.needs.length > 0 ? meter.needs : null })),
      ceilings: compact(ceilings),
    },
    untrusted: null,
  };
}

/** An answer that is short already. */
export const plainAnswer =
  (told: (answer: Json) => string, pick?: readonly string[]) =>
  (answer: Json): ToolAnswer => {
    const kept = pick ? Object.fromEntries(pick.map((name) => [name, answer[name]])) : answer;
    return { fields: { ...compact(kept), next: told(answer) }, untrusted: null };
  };
export const PlainOutput = z.looseObject({ next });
