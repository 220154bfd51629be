import { z } from 'zod';
import { claimPayment } from '../../../books/receivables/claims.ts';
import {
  cancelInvoice,
  createInvoice,
  getInvoice,
  type Invoice,
  listInvoices,
  MAX_USES,
} from '../../../books/receivables/invoices.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { sha256 } from '../../../core/ids/digest.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { Amount, Hex32, idOf, Limit, Ref, safeText, Time } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import type { ReadTx } from '../../../store/store.ts';
import { refuseForeign, visibleAgent } from '../act.ts';
import { operation } from '../operation.ts';
import { actingAgentIn } from '../payments/paymentRequest.ts';
import { keyOf } from '../payments/payments.ts';
import { InvoiceView, invoiceView } from './invoiceView.ts';

/** Throws `invoice_not_found`; `not_found` for another agent's. */
async function visibleInvoice(tx: ReadTx, caller: Caller, id: string): Promise<Invoice> {
  const invoice = await getInvoice(tx, id);
  refuseForeign(caller, invoice.agentId);
  return invoice;
}

/** For everyone with the link. Throws `invoice_not_found`. */
export const findInvoice = (tx: ReadTx, id: string): Promise<Invoice> => getInvoice(tx, id);

export const invoiceOperations = [
  operation({
    name: 'create_invoice',
    summary:
      'Ask for money: a link that shows a person a page to pay and answers an agent with a 402. Above one use it is a payment link.',
    method: 'POST',
    path: '/v1/invoices',
    scope: 'pay',
    cost: 'light',
    input: z.strictObject({
      agent: Ref.optional().describe("Who is paid; an agent's own key need not say"),
      amount: Amount,
      memo: safeText(280),
      expires_at: Time.optional(),
      max_uses: z.int().min(1).max(MAX_USES).default(1),
    }),
    output: InvoiceView,
    errors: ['agent_not_found', 'agent_not_active', 'invalid_amount', 'idempotency_conflict', 'not_configured'],
    idempotent: true,
    handler: (app, caller, input, meta) =>
      app.store.write(async (tx) => {
        const agent = await getAgent(tx, await actingAgentIn(tx, caller, input.agent));
        if (!agent.wallet)
          throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
        if (agent.status !== 'active') throw new BursarError('agent_not_active');
        const atMs = app.clock();
        const expiresAtMs = input.expires_at === undefined ? null : Date.parse(input.expires_at);
        const { amount, memo, max_uses: maxUses } = input;
        const wanted = {
          agentId: agent.id,
          sponsorId: agent.sponsorId,
          address: agent.wallet.address,
          amount,
          memo,
          maxUses,
          expiresAtMs,
          idempotencyKey: keyOf(meta),
          bodyHash: sha256(JSON.stringify([amount.toString(), memo, maxUses, expiresAtMs])),
        };
        const invoice = await createInvoice(tx, wanted, { actor: caller.actor, atMs });
        return invoiceView(tx, invoice, app.chainFacts, atMs);
      }),
  }),
  operation({
    name: 'get_invoice',
    summary: 'Read an invoice: what has come for it, in part, above or late, and what is still due.',
    method: 'GET',
    path: '/v1/invoices/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: idOf('invoice') }),
    output: InvoiceView,
    errors: ['invoice_not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => invoiceView(tx, await visibleInvoice(tx, caller, id), app.chainFacts, app.clock())),
  }),
  operation({
    name: 'list_invoices',
    summary: 'List invoices, newest first. `cursor` is the last id of the page before.',
    method: 'GET',
    path: '/v1/invoices',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ agent: idOf('agent').optional(), cursor: idOf('invoice').optional(), limit: Limit }),
    output: z.object({ invoices: z.array(InvoiceView), next_cursor: z.string().nullable() }),
    errors: [],
    handler: (app, caller, input) =>
      app.store.read(async (tx) => {
        const { cursor: before, limit } = input;
        const found = await listInvoices(tx, { agentId: visibleAgent(caller, input.agent), before, limit });
        return {
          invoices: await mapInOrder(found, (invoice) => invoiceView(tx, invoice, app.chainFacts, app.clock())),
          next_cursor: found.length === limit ? (found.at(-1)?.id ?? null) : null,
        };
      }),
  }),
  operation({
    name: 'cancel_invoice',
    summary: 'Ask for nothing more. Money that comes anyway is kept and, where it is claimed, shown.',
    method: 'POST',
    path: '/v1/invoices/{id}/cancel',
    scope: 'pay',
    cost: 'light',
    input: z.strictObject({ id: idOf('invoice') }),
    output: InvoiceView,
    errors: ['invoice_not_found', 'invoice_closed'],
    handler: (app, caller, { id }) =>
      app.store.write(async (tx) => {
        await visibleInvoice(tx, caller, id);
        const atMs = app.clock();
        return invoiceView(tx, await cancelInvoice(tx, id, { actor: caller.actor, atMs }), app.chainFacts, atMs);
      }),
  }),
  operation({
    name: 'claim_invoice_payment',
    summary:
      "As the earner, say that a transaction pays this invoice: a part, too much, or one of several equal ones. A payer's own signed claim goes before it.",
    method: 'POST',
    path: '/v1/invoices/{id}/claims',
    scope: 'pay',
    cost: 'medium',
    input: z.strictObject({ id: idOf('invoice'), tx_hash: Hex32 }),
    output: InvoiceView,
    errors: ['invoice_not_found', 'too_many_requests'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => {
        const invoice = await visibleInvoice(tx, caller, input.id);
        const atMs = app.clock();
        const claim = { invoiceId: invoice.id, txHash: input.tx_hash, payer: null, actor: caller.actor };
        await claimPayment(tx, claim, atMs);
        return invoiceView(tx, await getInvoice(tx, invoice.id), app.chainFacts, atMs);
      }),
  }),
];
