import { z } from 'zod';
import { AmountView } from '../../core/schemas/schemas.ts';
import type { Json } from './backend.ts';
import { nextStep, whatWouldPass } from './nextStep.ts';
import type { ToolAnswer } from './tool.ts';
import { Untrusted, untrusted } from './untrusted.ts';
import {
  brief,
  compact,
  HintsOut,
  hintsOut,
  PaymentOut,
  ReasonOut,
  readCheck,
  readPayment,
  reasonsOut,
} from './views.ts';

/** Shortens each kind of answer for a model, and adds the sentence that says what to do next. */

const next = z.string().describe('What to do next');
export const PaymentOutput = z.object({
  next,
  payment: PaymentOut,
  replayed: z.literal(true).optional().describe('The same request was made before: this is that payment'),
  hints: HintsOut.optional(),
});
export function paymentAnswer(answer: Json, args: Json): ToolAnswer {
  const payment = readPayment(answer);
  const replayed = payment.replayed || null;
  const hints = hintsOut(payment.hints);
  return {
    fields: { next: nextStep(payment, args), ...compact({ payment: brief(payment), replayed, hints }) },
    untrusted: null,
  };
}

export const PaymentsOutput = z.object({ next, payments: z.array(PaymentOut), next_cursor: z.string().optional() });
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
  reasons: z.array(ReasonOut),
  hints: HintsOut.optional(),
});
export function checkAnswer(answer: Json): ToolAnswer {
  const { effect, reasons, hints } = readCheck(answer);
  const told = {
    allow: 'The policy would allow it. Nothing was paid: call pay to make the payment.',
    review: `It would need approval by a person. Nothing was paid and no approval was requested: call pay to request it.${whatWouldPass(hints)}`,
    deny: `The policy would deny it.${whatWouldPass(hints)}`,
  };
  return {
    fields: {
      next: told[effect],
      effect,
      reasons: reasonsOut(reasons, 'wallet'),
      ...compact({ hints: hintsOut(hints) }),
    },
    untrusted: null,
  };
}

const outcomes = ['free', 'paid', 'unserved', 'refused', 'in_review', 'pending', 'not_payable'] as const;
export const FetchOutput = z.object({
  next,
  outcome: z
    .enum(outcomes)
    .describe(
      'free: the site asked for no payment. paid: paid and served. unserved: paid, but not served. refused, in_review, pending: nothing was paid. not_payable: the site asks for a payment that Bursar cannot make',
    ),
  payment: PaymentOut.optional(),
  hints: HintsOut.optional(),
  untrusted: Untrusted.optional(),
});
/** The response headers that a model may need; the others are left out. */
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
      ...compact({ payment: payment && brief(payment), hints: hintsOut(payment?.hints) }),
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

/** After approval the model must call fetch_paid again to get the content; a plain payment needs no second call. */
function heldNext(id: string, outcome: (typeof outcomes)[number], otherwise: string): string {
  if (outcome === 'in_review') {
    return `Not paid and not fetched yet: it waits for approval by a person. Call the tool payment (id ${id}) later; once the state is authorized, call fetch_paid with the same arguments to get the answer. It is not paid twice.`;
  }
  if (outcome === 'pending') {
    return `The purse is being topped up for it. Call fetch_paid with the same arguments in a few seconds; it is not paid twice (payment ${id}).`;
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
    ? `The largest payment to that payee that the policy would allow now is ${most.value} USDC.`
    : 'Set payee to get the largest payment to it that the policy would allow now, or call check for one payment.';
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

export const InvoiceOutput = z.object({
  next,
  id: z.string(),
  state: z.string(),
  url: z.string(),
  amount: AmountView,
  due: AmountView,
  expires_at: z.string().optional(),
});
const Invoice = InvoiceOutput.omit({ next: true, url: true }).extend({
  path: z.string(),
  expires_at: z.string().nullable(),
});
export function invoiceAnswer(answer: Json, _args: Json, base: string): ToolAnswer {
  const { path, ...invoice } = Invoice.parse(answer);
  const url = new URL(path, base).href;
  const told = `Give ${url} to the payer: a person opens it in a browser, an agent pays it with fetch_paid. No money has moved yet.`;
  return { fields: { next: told, url, ...compact(invoice) }, untrusted: null };
}

export const MandateOutput = z.looseObject({ next, id: z.string(), status: z.string() });
export function mandateAnswer(answer: Json): ToolAnswer {
  const { agent: _agent, used: _used, signers: _signers, requested_at: _at, ...terms } = answer;
  return {
    fields: {
      next: 'It allows nothing until its approvers have signed it. Do not request the same mandate again; continue with other work, or wait.',
      ...compact(terms),
    },
    untrusted: null,
  };
}
