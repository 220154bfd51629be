import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { appendEvent } from '../ledger/events.ts';
import { checkPayment, type GateContext, requestPayment } from '../payments/gate.ts';
import type { PaymentRequest } from '../payments/request.ts';
import type { Tx } from '../store/store.ts';
import { type PayableOffer, parsePaymentRequired, payableOffers } from '../x402/offer.ts';
import { hintsFor } from './hints.ts';
import { operation } from './operation.ts';
import { actingAgent, gateContext, sha256 } from './paymentRequest.ts';
import { keyOf, visiblePayment } from './payments.ts';
import { HintsView, PaymentView, paymentView } from './paymentView.ts';
import { Amount, idOf, Label, Ref, safeText } from './schemas.ts';

/** A top-up takes a block or two. */
const WAIT_MS = 20_000;

const Url = z.url({ protocol: /^https?$/ }).max(2048);
const Method = z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']);

/** The cheapest offer that the policy allows; else the cheapest that people may allow; else the cheapest, with its denial. */
function choose(tx: Tx, requests: PaymentRequest[], context: GateContext): PaymentRequest {
  let best: { request: PaymentRequest; rank: number } | null = null;
  for (const request of requests) {
    const { effect } = checkPayment(tx, request, context).verdict;
    const rank = effect === 'allow' ? 0 : effect === 'review' ? 1 : 2;
    if (!best || rank < best.rank) best = { request, rank };
    if (rank === 0) break;
  }
  if (!best) throw new BursarError('x402_no_acceptable_offer');
  return best.request;
}

export const x402Operations = [
  operation({
    name: 'pay_x402',
    summary:
      'Pay a 402: hand in the offer as received, get the signed header to retry with, or a refusal with reasons.',
    method: 'POST',
    path: '/v1/x402/payments',
    scope: 'pay',
    input: z.strictObject({
      agent: Ref.optional(),
      url: Url.describe('The URL that was requested and answered 402'),
      method: Method.default('GET'),
      payment_required: z
        .union([z.string().max(40_000), z.record(z.string(), z.unknown())])
        .describe('The PAYMENT-REQUIRED header, as received or decoded'),
      max_amount: Amount.optional().describe('Refuse above this, whatever the policy allows'),
      workflow: Ref.optional(),
      run: safeText(120).optional(),
      category: Label.optional(),
      memo: safeText(280).optional(),
    }),
    output: PaymentView.extend({
      replayed: z.boolean(),
      payment_signature: z
        .string()
        .nullable()
        .describe(
          'Send it as the PAYMENT-SIGNATURE header. Null: denied, in review, or the purse is being topped up; ask again with the same key',
        ),
      hints: HintsView.nullable(),
    }),
    errors: [
      'x402_invalid',
      'x402_no_acceptable_offer',
      'agent_not_found',
      'workflow_not_found',
      'idempotency_conflict',
      'policy_unavailable',
    ],
    idempotent: true,
    handler: async (app, caller, input, meta) => {
      const agentId = actingAgent(app, caller, input.agent);
      const key = keyOf(meta);
      const offer = parsePaymentRequired(input.payment_required);
      const { payable, refused } = payableOffers(offer, app.chainFacts, await app.x402.domain());
      const within = payable.filter(({ amount }) => input.max_amount === undefined || amount <= input.max_amount);
      if (within.length === 0) {
        const tooDear = payable.map(({ requirement }) => ({
          scheme: requirement.scheme,
          network: requirement.network,
          reason: `${requirement.amount} micro-USDC is above max_amount.`,
        }));
        throw new BursarError('x402_no_acceptable_offer', { details: { offers: [...refused, ...tooDear] } });
      }
      const url = new URL(input.url);
      const body = sha256(
        JSON.stringify([input.url, input.method, offer.accepts, input.workflow, input.run, input.category, input.memo]),
      );
      const requests = within.map((payable) => toRequest(payable));

      function toRequest({ requirement, amount, payTo, flow }: PayableOffer): PaymentRequest {
        const x402 = {
          path: url.pathname.slice(0, 2048),
          method: input.method,
          scheme: requirement.scheme,
          payment_flow: flow,
          max_timeout_seconds: requirement.maxTimeoutSeconds,
          resource: offer.resource.url,
          description: offer.resource.description ?? null,
        };
        return {
          agentId,
          idempotencyKey: key,
          bodyHash: body,
          requestJson: JSON.stringify({
            x402,
            url: input.url,
            requirement,
            resource: offer.resource,
            extensions: offer.extensions ?? null,
          }),
          kind: 'purchase',
          amount,
          payee: null,
          address: payTo,
          workflow: input.workflow === undefined ? null : { ref: input.workflow, run: input.run ?? null },
          category: input.category ?? null,
          memo: input.memo ?? null,
          refundOf: null,
          batchId: null,
          rail: 'x402',
          host: url.host,
          x402,
        };
      }

      const { answer, context } = await app.store.write((tx) => {
        const now = gateContext(app, caller);
        const chosen = requests.length === 1 ? (requests[0] as PaymentRequest) : choose(tx, requests, now);
        return { answer: { ...requestPayment(tx, chosen, now), chosen }, context: now };
      });
      const { payment } = answer;
      if (payment.state === 'authorized') app.wake();
      // Also when it has settled: a lost answer is asked for again with the same authorization.
      const signs = ['authorized', 'submitted', 'settled', 'final'].includes(payment.state);
      const signature = signs ? await app.x402.signature(payment.id, WAIT_MS) : null;
      return {
        ...app.store.read((tx) => paymentView(tx, visiblePayment(tx, caller, payment.id))),
        replayed: answer.replayed,
        payment_signature: signature,
        hints: answer.evaluated && hintsFor(app, answer.chosen, answer.evaluated, payment.reasons, context),
      };
    },
  }),
  operation({
    name: 'report_x402',
    summary: 'Tell what the seller answered. It is noted; only the chain settles or releases.',
    method: 'POST',
    path: '/v1/x402/payments/{id}/report',
    scope: 'pay',
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
    output: PaymentView,
    errors: ['payment_not_found'],
    handler: (app, caller, input) =>
      app.store.write((tx) => {
        const payment = visiblePayment(tx, caller, input.id);
        const reported = { status: input.status, payment_response: input.payment_response };
        tx.run(
          'UPDATE x402_authorizations SET reported_json = ? WHERE payment_id = ?',
          JSON.stringify(reported),
          payment.id,
        );
        appendEvent(
          tx,
          {
            type: 'x402.reported',
            actor: caller.actor,
            paymentId: payment.id,
            agentId: payment.agentId,
            sponsorId: payment.sponsorId,
            workflowId: payment.workflowId,
            policyDigest: payment.policyDigest,
            data: reported,
          },
          app.clock(),
        );
        return paymentView(tx, payment);
      }),
  }),
];
