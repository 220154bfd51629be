import { z } from 'zod';
import { idOf, iso } from '../../../core/schemas/schemas.ts';
import { reportOutcomes } from '../../../spend/x402/outcome.ts';
import { noteReport } from '../../../spend/x402/report.ts';
import { actOf } from '../act.ts';
import { nextStep } from '../nextStep.ts';
import { operation } from '../operation.ts';
import { actingAgent } from './paymentRequest.ts';
import { visiblePayment } from './payments.ts';
import { HintsView, PaymentView, paymentView, readPaymentView } from './paymentView.ts';
import { purchase } from './purchase.ts';
import { PurchaseUrl, purchaseErrors, purchaseShape, WAIT_SECONDS } from './purchaseInput.ts';

export const PayX402Input = z.strictObject({
  ...purchaseShape,
  url: PurchaseUrl.describe('The URL that was requested and answered 402'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).default('GET'),
  body_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .default(null)
    .describe("sha-256 (hex) of the request's body; null without one"),
  payment_required: z
    .union([z.string().max(40_000), z.record(z.string(), z.unknown())])
    .describe('The PAYMENT-REQUIRED header, as received or decoded'),
  wait_seconds: z.int().min(0).max(30).default(WAIT_SECONDS).describe("How long to wait for the purse's top-up"),
});
export const PayX402Answer = PaymentView.extend({
  replayed: z.boolean(),
  payment_signature: z
    .string()
    .nullable()
    .describe('Send it as the PAYMENT-SIGNATURE header, to the URL that was requested and nowhere else'),
  valid_before: z.string().nullable().describe('After this time the seller cannot use the authorization'),
  hints: HintsView.nullable(),
  next: z.string().describe('What to do next'),
});

export const x402Operations = [
  operation({
    name: 'pay_x402',
    summary: 'Pay a 402: send the offer as received, get the signed header for the retry, or a refusal with reasons.',
    method: 'POST',
    path: '/v1/x402/payments',
    scope: 'pay',
    cost: 'light',
    input: PayX402Input,
    output: PayX402Answer,
    errors: purchaseErrors,
    idempotent: true,
    derivesKey: true,
    handler: async (app, caller, input, meta) => {
      const { payment, replayed, signature, hints } = await purchase(app, caller, {
        agentId: await actingAgent(app, caller, input.agent),
        url: input.url,
        method: input.method,
        bodySha256: input.body_sha256,
        paymentRequired: input.payment_required,
        maxAmount: input.max_amount,
        workflow: input.workflow,
        run: input.run,
        category: input.category,
        memo: input.memo,
        again: input.again,
        idempotencyKey: meta.idempotencyKey,
        waitMs: input.wait_seconds * 1000,
      });
      return {
        ...(await readPaymentView(app.store, payment)),
        replayed,
        payment_signature: signature?.header ?? null,
        valid_before: signature && iso(signature.validBeforeMs),
        hints,
        next: nextStep(payment, signature !== null),
      };
    },
  }),
  operation({
    name: 'report_x402',
    summary: "Report the seller's answer. It is recorded; only the chain settles or releases.",
    method: 'POST',
    path: '/v1/x402/payments/{id}/report',
    scope: 'pay',
    cost: 'light',
    input: z.strictObject({
      id: idOf('payment'),
      status: z.int().min(0).max(599).describe('The HTTP status; 0 for no answer'),
      payment_response: z
        .string()
        .max(8_192)
        .nullable()
        .default(null)
        .describe('The PAYMENT-RESPONSE header, as received'),
    }),
    output: PaymentView.extend({ outcome: z.enum(reportOutcomes) }),
    errors: ['payment_not_found'],
    handler: (app, caller, { id, status, payment_response }) =>
      app.store.write(async (tx) => {
        const payment = await visiblePayment(tx, caller, id);
        const outcome = await noteReport(
          tx,
          payment,
          { status, paymentResponse: payment_response },
          actOf(app, caller),
        );
        return { ...(await paymentView(tx, payment)), outcome };
      }),
  }),
];
