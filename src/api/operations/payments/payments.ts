import { z } from 'zod';
import { appendEvent } from '../../../books/ledger/events.ts';
import { withdrawQueued } from '../../../chain/settlement/withdraw.ts';
import { BursarError, invariant } from '../../../core/errors/base.ts';
import { sha256 } from '../../../core/ids/digest.ts';
import { newId } from '../../../core/ids/ids.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { toJson } from '../../../core/money/json.ts';
import { paymentKinds } from '../../../core/payment/kinds.ts';
import { states } from '../../../core/payment/states.ts';
import { idOf, Limit, ReasonView, Ref, ReviewView, Time, UsdcText } from '../../../core/schemas/schemas.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import { checkPayment, decideInto, recorded } from '../../../decide/payments/gate.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import { findPayment } from '../../../decide/payments/records.ts';
import { searchPayments } from '../../../decide/payments/search.ts';
import { transition } from '../../../decide/payments/transition.ts';
import type { ReadTx } from '../../../store/store.ts';
import { actOf, refuseForeign, visibleAgent } from '../act.ts';
import { operation, type RequestMeta } from '../operation.ts';
import { firstIdAt, HOUR_MS } from '../reports/reportSums.ts';
import { hintsFor } from './hints.ts';
import { selfKeyedRequest } from './payKey.ts';
import { actingAgent, gateRules, PayInput, payShape, toPaymentRequest } from './paymentRequest.ts';
import { HintsView, PaymentView, paymentView, readPaymentView } from './paymentView.ts';

const Answer = PaymentView.extend({
  replayed: z.boolean().describe('The Idempotency-Key was seen before: this is that payment as it stands now'),
  hints: HintsView.nullable().describe('On a denial or a review: what the policy would allow instead'),
});
const BATCH_MAX = 200;

/** HTTP has checked it already; other interfaces may not have. */
export function keyOf(meta: RequestMeta): string {
  if (meta.idempotencyKey === null) throw new BursarError('idempotency_key_required');
  return meta.idempotencyKey;
}

export async function visiblePayment(tx: ReadTx, caller: Caller, id: string): Promise<Payment> {
  const payment = await findPayment(tx, id);
  if (!payment) throw new BursarError('payment_not_found', { details: { payment: id } });
  refuseForeign(caller, payment.agentId);
  return payment;
}

export const paymentOperations = [
  operation({
    name: 'pay',
    summary: 'Request a payment. The answer says at once whether it is authorized, in review or denied, and why.',
    method: 'POST',
    path: '/v1/payments',
    scope: 'pay',
    cost: 'light',
    input: PayInput.extend({
      again: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe(
          'Instead of an Idempotency-Key: 1 makes the request itself the key, so that the same one is paid once; to pay once more on purpose say 2, then 3, …',
        ),
    }),
    output: Answer,
    errors: [
      'agent_not_found',
      'payee_not_found',
      'workflow_not_found',
      'payee_address_missing',
      'forbidden_address',
      'invalid_amount',
      'invalid_address',
      'idempotency_conflict',
      'refund_exceeds_original',
      'policy_unavailable',
    ],
    idempotent: true,
    derivesKey: true,
    handler: async (app, caller, { again, ...input }, meta) => {
      const agentId = await actingAgent(app, caller, input.agent);
      const key = meta.idempotencyKey;
      const keyed = key === null ? null : toPaymentRequest(input, agentId, key, null);
      const asked = await app.gate.ask({
        request: keyed ?? ((tx) => selfKeyedRequest(tx, input, agentId, again)),
        actor: caller.actor,
      });
      invariant(asked, 'A request vanished on its way to the gate.');
      const { answer, request, rules } = asked;
      if (answer.payment.state === 'authorized') app.wake();
      return {
        ...(await readPaymentView(app.store, answer.payment)),
        replayed: answer.replayed,
        hints: answer.replayed ? null : await hintsFor(app, request, answer, { ...rules, owe: meta.owe }),
      };
    },
  }),
  operation({
    name: 'pay_batch',
    summary:
      'Request up to 200 payments of one wallet at once. Each is decided separately; the authorized ones settle together.',
    method: 'POST',
    path: '/v1/batches',
    scope: 'pay',
    cost: 'heavy',
    input: z.strictObject({
      agent: Ref.optional(),
      payments: z.array(z.strictObject(payShape)).min(1).max(BATCH_MAX),
    }),
    output: z.object({ batch: z.string(), payments: z.array(PaymentView) }),
    errors: ['agent_not_found', 'payee_not_found', 'idempotency_conflict', 'policy_unavailable'],
    idempotent: true,
    handler: async (app, caller, input, meta) => {
      const agentId = await actingAgent(app, caller, input.agent);
      const key = keyOf(meta);
      const batch = {
        id: newId('batch'),
        text: sha256(toJson(input)),
      };
      const requests = input.payments.map((line, index) =>
        toPaymentRequest({ ...line, agent: agentId }, agentId, `${key} #${index}`, batch),
      );
      const payments = await app.store.write(async (tx) => {
        const { actor, ...rules } = await gateRules(tx, app, caller);
        const asks = requests.map((request) => ({ request, actor }));
        return (await decideInto(tx, rules, asks)).map((answer) => recorded(answer).payment);
      });
      app.wake();
      return {
        batch: payments[0]?.batchId ?? batch.id,
        payments: await app.store.read((tx) => mapInOrder(payments, (payment) => paymentView(tx, payment))),
      };
    },
  }),
  operation({
    name: 'check_payment',
    summary: 'Dry run: would this be allowed, and why? Writes nothing but an event.',
    method: 'POST',
    path: '/v1/payments/check',
    scope: 'pay',
    cost: 'medium',
    input: PayInput,
    output: z.object({
      effect: z.enum(['allow', 'deny', 'review']),
      reasons: z.array(ReasonView),
      review: ReviewView.omit({ expires_at: true }).nullable(),
      policy_digest: z.string(),
      hints: HintsView.nullable(),
    }),
    errors: [
      'agent_not_found',
      'payee_not_found',
      'workflow_not_found',
      'payee_address_missing',
      'forbidden_address',
      'policy_unavailable',
    ],
    handler: async (app, caller, input, meta) => {
      const agentId = await actingAgent(app, caller, input.agent);
      const request = toPaymentRequest(input, agentId, ` check ${newId('payment')}`, null);
      const { checked, context } = await app.store.write(async (tx) => {
        const now = await gateRules(tx, app, caller);
        const result = await checkPayment(tx, request, now);
        const { facts, evidence } = result;
        await appendEvent(
          tx,
          {
            type: 'payment.checked',
            actor: caller.actor,
            agentId,
            sponsorId: facts.sponsor.id,
            workflowId: facts.workflow?.id ?? null,
            policyDigest: evidence.policyDigest,
            data: { effect: result.effect, amount: input.amount.toString(), payee: facts.payee?.id ?? null },
          },
          now.atMs,
        );
        return { checked: result, context: now };
      });
      const { effect, reasons, review, evidence } = checked;
      return {
        effect,
        reasons: [...reasons],
        review: review && { quorum: review.quorum, roles: [...review.roles] },
        policy_digest: evidence.policyDigest,
        hints: await hintsFor(app, request, checked, { ...context, owe: meta.owe }),
      };
    },
  }),
  operation({
    name: 'get_payment',
    summary: 'Read a payment. An agent reads its own.',
    method: 'GET',
    path: '/v1/payments/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: idOf('payment') }),
    output: PaymentView,
    errors: ['payment_not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => paymentView(tx, await visiblePayment(tx, caller, id))),
  }),
  operation({
    name: 'list_payments',
    summary:
      'List payments, newest first. `next_cursor` is the `cursor` of the next page; a page may be short and have a next one.',
    method: 'GET',
    path: '/v1/payments',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({
      agent: idOf('agent').optional(),
      payee: idOf('payee').optional(),
      state: z.enum(states).optional(),
      kind: z.enum(paymentKinds).optional(),
      batch: idOf('batch').optional(),
      from: Time.optional().describe('Requested at this time or later'),
      to: Time.optional().describe('Requested before this time'),
      min_amount: UsdcText.optional().describe('At least this many USDC, as 1.25'),
      max_amount: UsdcText.optional().describe('At most this many USDC'),
      q: z
        .string()
        .trim()
        .min(2)
        .max(100)
        .optional()
        .describe('Of an id, a transaction hash, an address, the name of an agent or payee, or a memo'),
      cursor: idOf('payment').optional(),
      limit: Limit,
    }),
    output: z.object({ payments: z.array(PaymentView), next_cursor: z.string().nullable() }),
    errors: ['invalid_amount'],
    handler: (app, caller, input) =>
      app.store.read(async (tx) => {
        const fromMs = input.from === undefined ? undefined : Date.parse(input.from);
        const toMs = input.to === undefined ? undefined : Date.parse(input.to);
        const beforeTime = toMs === undefined ? undefined : firstIdAt('payment', toMs + HOUR_MS);
        const before = [input.cursor, beforeTime].flatMap((id) => id ?? []).sort()[0];
        const { payments, nextCursor } = await searchPayments(tx, {
          agentId: visibleAgent(caller, input.agent),
          payeeId: input.payee,
          state: input.state,
          kind: input.kind,
          batchId: input.batch,
          fromMs,
          toMs,
          minMicro: input.min_amount,
          maxMicro: input.max_amount,
          text: input.q,
          before,
          after: fromMs === undefined ? undefined : firstIdAt('payment', fromMs - HOUR_MS),
          limit: input.limit,
        });
        return {
          payments: await mapInOrder(payments, (payment) => paymentView(tx, payment)),
          next_cursor: nextCursor,
        };
      }),
  }),
  operation({
    name: 'cancel_payment',
    summary:
      'Cancel a payment that is in review, or authorized and not signed yet. Only the chain can end a signed one.',
    method: 'POST',
    path: '/v1/payments/{id}/cancel',
    scope: 'pay',
    cost: 'light',
    input: z.strictObject({ id: idOf('payment') }),
    output: PaymentView,
    errors: ['payment_not_found', 'invalid_transition'],
    handler: (app, caller, { id }) =>
      app.store.write(async (tx) => {
        const payment = await visiblePayment(tx, caller, id);
        if (payment.state !== 'in_review' && !(payment.state === 'authorized' && (await withdrawQueued(tx, payment)))) {
          throw new BursarError('invalid_transition', { details: { state: payment.state } });
        }
        return paymentView(tx, await transition(tx, payment, 'cancel', { ...actOf(app, caller), data: {} }));
      }),
  }),
];
