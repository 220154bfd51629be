import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type Address, encodeFunctionData, erc20Abi, numberToHex } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { rateLimit } from '../../core/limits/rateLimit.ts';
import { formatUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import { readJson } from '../../core/text/json.ts';
import type { Paid, Pending } from '../../earn/invoices/x402Resource.ts';
import type { App } from '../operations/app.ts';
import { invalidRequest } from '../operations/dispatch.ts';
import { findInvoice } from '../operations/earn/invoices.ts';
import { type InvoiceView, invoiceView } from '../operations/earn/invoiceView.ts';
import { claimByPayer, PayerClaim } from '../operations/payments/payerClaim.ts';
import { type ApiKeyAuth, refuseAfter } from './apiKeyAuth.ts';
import { invoicePage, pageHeaders } from './invoicePage.ts';

const CLAIM_MAX_BYTES = 16 * 1024;
/** Each request reads the chain and needs no key, so it is limited. */
const SIGNATURES = { perSecond: 5, burst: 60 };

/**
 * `/i/{id}`: one link for everyone. A browser gets a page; an agent gets a 402 (x402 v2) and, after payment, a receipt. It needs no
 * key: everyone with the link may pay, and sees what a payer must see.
 */
export function invoiceRoutes(app: App, addressOf: ApiKeyAuth['addressOf']): Hono {
  const http = new Hono();
  const signatures = rateLimit(SIGNATURES);
  const bound = (c: Context): void =>
    refuseAfter(signatures.take(addressOf(c), app.clock()), 'Too many signatures from this address.');
  const shown = (id: string): Promise<InvoiceView> =>
    app.store.read(async (tx) => invoiceView(tx, await findInvoice(tx, id), app.chainFacts, app.clock()));

  http.get('/:id', async (c) => {
    const id = c.req.param('id');
    const view = await shown(id);
    if (wantsPage(c)) return c.body(invoicePage(view, pageCall(app, view)), 200, pageHeaders);
    c.header('cache-control', 'no-store');
    c.header('vary', 'accept');
    const url = new URL(c.req.url);
    return answerAgent(c, id, view, `${url.origin}${url.pathname}`);
  });
  http.get('/:id/status', async (c) => {
    c.header('cache-control', 'no-store');
    return c.json(publicView(await shown(c.req.param('id'))));
  });
  const limit = bodyLimit({
    maxSize: CLAIM_MAX_BYTES,
    onError: () => {
      throw new BursarError('body_too_large', { message: 'The body is larger than 16 KiB.' });
    },
  });
  http.post('/:id/claims', limit, async (c) => {
    bound(c);
    const parsed = PayerClaim.safeParse(readJson(await c.req.arrayBuffer()));
    if (!parsed.success) throw invalidRequest(parsed.error);
    await claimByPayer(app, c.req.param('id'), parsed.data);
    return c.json(publicView(await shown(c.req.param('id'))), 202);
  });

  async function answerAgent(c: Context, id: string, view: InvoiceView, url: string): Promise<Response> {
    const invoice = await app.store.read((tx) => findInvoice(tx, id));
    const signature = c.req.header('payment-signature');
    const asks = view.payment_uri !== null;
    if (signature !== undefined) bound(c);
    if (!app.invoices || (!asks && signature === undefined)) {
      if (view.state === 'paid' || view.state === 'overpaid') return c.json(publicView(view));
      if (!asks) throw new BursarError('invoice_closed', { details: { state: view.state } });
      return c.json(publicView(view), 402);
    }
    const answer =
      signature === undefined ? await app.invoices.ask(invoice, url) : await app.invoices.pay(invoice, url, signature);
    switch (answer.kind) {
      case 'asked':
        if (!asks) throw new BursarError('invoice_closed', { details: { state: view.state } });
        c.header('payment-required', answer.header);
        return c.json({ error: answer.body.error ?? 'Payment required', invoice: publicView(view) }, 402);
      case 'busy':
        c.header('retry-after', String(answer.retryAfterS));
        throw new BursarError('conflict', { message: 'Another payment of this invoice is on its way.' });
      case 'pending':
        c.header('payment-response', answer.header);
        return c.json(receipt(id, answer), 202);
      case 'paid':
        if (answer.header !== null) c.header('payment-response', answer.header);
        app.wake();
        return c.json(receipt(id, answer));
      default:
        return answer satisfies never;
    }
  }

  function receipt(invoice: string, paid: Paid | Pending): Record<string, unknown> {
    const { kind: state, payer, txHash } = paid;
    const amount = state === 'paid' ? { value: formatUsdc(paid.amountMicro), currency: 'USDC' } : null;
    return { invoice, state, payer, amount, network: app.chainFacts.network, tx_hash: txHash };
  }
  return http;
}

/** Browsers accept text/html by name; agents and their libraries do not. */
function wantsPage(c: Context): boolean {
  return /\btext\/html\b/.test(c.req.header('accept') ?? '') && c.req.header('payment-signature') === undefined;
}

/** The part that everyone with the link may see: not who else has paid. */
function publicView(view: InvoiceView): Record<string, unknown> {
  const { id, state, agent_name: payee, amount, received, due, excess, late, memo, address, network } = view;
  const { payment_uri, expires_at } = view;
  return { id, state, payee, amount, received, due, excess, late, memo, address, network, payment_uri, expires_at };
}

function pageCall(app: App, view: InvoiceView) {
  const args = [view.address as Address, parseUsdc(view.due.value)] as const;
  return {
    token: app.chainFacts.token,
    data: encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args }),
    chainIdHex: numberToHex(app.chainFacts.chainId),
    claimPrefix: `Bursar invoice ${view.id} is paid by transaction `,
  };
}
