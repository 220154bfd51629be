import { setTimeout as sleep } from 'node:timers/promises';
import { decodePaymentRequiredHeader, encodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentPayload } from '@x402/core/types';
import type { Address } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimText } from '../src/books/receivables/claims.ts';
import {
  amountOf,
  type Doc,
  type Earner,
  type EarningServer,
  eventually,
  startEarning,
  usdcOf,
} from './support/earning.ts';

let world: EarningServer;
let server: EarningServer['server'];
let { buyer, shop, payer, key, balanceOf, receivables, transfer, client, payingFetch, booksAgree } =
  {} as EarningServer;
beforeAll(async () => {
  world = await startEarning();
  ({ server, buyer, shop, payer, key, balanceOf, receivables, transfer, client, payingFetch, booksAgree } = world);
  await server.operator.call('create_payee', { name: 'shop', kind: 'agent', agent: shop.id, categories: ['data'] });
});
afterAll(() => world.end());

async function invoice(agent: Earner, value: string, more: Doc = {}): Promise<Doc> {
  return agent.client.call('create_invoice', { amount: amountOf(value), memo: 'July labelling', ...more }, key());
}
const invoiceIn = (id: unknown, ...states: string[]): Promise<Doc> =>
  eventually(`invoice ${states.join(' or ')}`, async () => {
    const now = await server.operator.call('get_invoice', { id });
    return states.includes(String(now.state)) && now;
  });

describe('an invoice', () => {
  const link = (made: Doc): string => `${server.url}${made.path}`;

  it('shows a person a page that loads nothing from elsewhere', async () => {
    const made = await invoice(shop, '3.25');
    const answer = await fetch(link(made), { headers: { accept: 'text/html,application/xhtml+xml' } });
    const page = await answer.text();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'sha256-/);
    expect(page).toContain('3.25 USDC');
    expect(page).toContain('July labelling');
    expect(page).toContain(
      `ethereum:${server.local.usdc.address}@31337/transfer?address=${shop.wallet}&amp;uint256=3250000`,
    );
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('answers an agent with a 402 that the official client pays, and with a receipt', async () => {
    const made = await invoice(shop, '1.50');
    const asked = await fetch(link(made));
    expect(asked.status).toBe(402);
    expect(asked.headers.get('payment-required')).toBeTruthy();
    const paid = await payingFetch(payer)(link(made));
    expect(paid.status).toBe(200);
    expect(await paid.json()).toMatchObject({
      invoice: made.id,
      state: 'paid',
      payer: payer.address,
      amount: amountOf('1.50'),
    });
    const now = await invoiceIn(made.id, 'paid');
    expect(now.payments).toMatchObject([{ found_by: 'nonce', payer: payer.address }]);
    expect((await fetch(link(made))).status).toBe(200);
  });

  it('is not paid by nonsense, by another amount, by an authorization for years, or twice at once', async () => {
    const made = await invoice(shop, '1.40');
    const offered = decodePaymentRequiredHeader((await fetch(link(made))).headers.get('payment-required') ?? '');
    const present = (payload: PaymentPayload | string) =>
      fetch(link(made), {
        headers: {
          'payment-signature': typeof payload === 'string' ? payload : encodePaymentSignatureHeader(payload),
        },
      });
    const sign = (account: PrivateKeyAccount, changes: Doc = {}) =>
      client(account).createPaymentPayload({
        ...offered,
        accepts: offered.accepts.map((accept) => ({ ...accept, ...changes })),
      });
    const before = await balanceOf(payer.address);
    const bad = [
      await present('nonsense'),
      await present(await sign(payer, { amount: '1' })),
      await present(await sign(payer, { payTo: buyer.wallet })),
      await present(await sign(payer, { maxTimeoutSeconds: 31_536_000 })),
      await present(await sign(privateKeyToAccount(generatePrivateKey()))),
    ];
    expect(bad.map(({ status }) => status)).toEqual([402, 402, 402, 402, 402]);
    expect(await balanceOf(payer.address)).toBe(before);

    const answers = await Promise.all([present(await sign(payer)), present(await sign(payer))]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await balanceOf(payer.address)).toBe(before - 1_400_000n);
    expect(await invoiceIn(made.id, 'paid')).toMatchObject({ received: amountOf('1.40') });
  });

  it('is paid by a Bursar agent through its own gate', async () => {
    const made = await invoice(shop, '0.75');
    const host = new URL(server.url).host;
    await server.operator.call('update_payee', { id: 'shop', hosts: [host] });
    const asked = await fetch(link(made));
    const payment = await buyer.client.call(
      'pay_x402',
      { url: link(made), payment_required: asked.headers.get('payment-required') },
      key(),
    );
    expect(payment.payment_signature).toEqual(expect.any(String));
    const headers = { 'payment-signature': String(payment.payment_signature) };
    const served = await fetch(link(made), { headers });
    expect(served.status).toBe(200);
    const again = await fetch(link(made), { headers });
    expect(await again.json()).toMatchObject({ state: 'paid', invoice: made.id });
    const now = await invoiceIn(made.id, 'paid');
    expect(now).toMatchObject({ received: amountOf('0.75') });
    const [received] = await receivables({ invoice: made.id });
    expect(received).toMatchObject({ kind: 'invoice', payment: payment.id, payer: { agent: buyer.id } });
  });

  it('takes a plain transfer of exactly its amount, and of several equal ones the oldest', async () => {
    const first = await invoice(shop, '2.000001');
    const second = await invoice(shop, '2.000001');
    await transfer(shop.wallet, '2.000001');
    expect((await invoiceIn(first.id, 'paid')).payments).toMatchObject([{ found_by: 'amount' }]);
    expect((await server.operator.call('get_invoice', { id: second.id })).state).toBe('open');
  });

  it('follows the payer who signs which one it paid', async () => {
    const first = await invoice(shop, '2.000002');
    const second = await invoice(shop, '2.000002');
    const hash = await transfer(shop.wallet, '2.000002');
    await invoiceIn(first.id, 'paid');
    const claim = async (by: PrivateKeyAccount, of: Address) =>
      fetch(`${link(second)}/claims`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          tx_hash: hash,
          payer: of,
          signature: await by.signMessage({ message: claimText(String(second.id), hash) }),
        }),
      });
    const outsider = privateKeyToAccount(generatePrivateKey());
    expect((await claim(outsider, payer.address)).status).toBe(422);
    expect((await claim(outsider, outsider.address)).status).toBe(202);
    expect((await server.operator.call('get_invoice', { id: second.id })).state).toBe('open');
    expect((await claim(payer, payer.address)).status).toBe(202);
    expect(await invoiceIn(second.id, 'paid')).toMatchObject({ payments: [{ found_by: 'claim' }] });
    expect((await server.operator.call('get_invoice', { id: first.id })).state).toBe('open');
  });

  it('counts a part when it is claimed, and the rest by its amount', async () => {
    const made = await invoice(shop, '4');
    const hash = await transfer(shop.wallet, '1.5');
    await eventually('suspense', async () => {
      const { balances } = await server.operator.call('get_agent', { id: shop.id });
      return usdcOf((balances as Doc).suspense) === '1.50';
    });
    await shop.client.call('claim_invoice_payment', { id: made.id, tx_hash: hash });
    expect(await invoiceIn(made.id, 'part_paid')).toMatchObject({ received: amountOf('1.50'), due: amountOf('2.50') });
    expect(((await server.operator.call('get_agent', { id: shop.id })).balances as Doc).suspense).toEqual(
      amountOf('0.00'),
    );
    await transfer(shop.wallet, '2.5');
    expect(await invoiceIn(made.id, 'paid')).toMatchObject({ received: amountOf('4.00'), excess: amountOf('0.00') });
  });

  it('shows what came above it and what came late', async () => {
    const over = await invoice(shop, '1.000003');
    const hash = await transfer(shop.wallet, '1.25');
    await shop.client.call('claim_invoice_payment', { id: over.id, tx_hash: hash });
    expect(await invoiceIn(over.id, 'overpaid')).toMatchObject({ excess: amountOf('0.249997') });
    const soon = new Date(Date.now() + 1_500).toISOString();
    const late = await invoice(shop, '1.000004', { expires_at: soon });
    await invoiceIn(late.id, 'expired');
    expect((await fetch(link(late))).status).toBe(410);
    await sleep(1_500);
    await transfer(shop.wallet, '1.000004');
    expect(await invoiceIn(late.id, 'paid')).toMatchObject({ late: true });
    await booksAgree();
  });

  it('asks for nothing once it is cancelled, and another agent cannot touch it', async () => {
    const made = await invoice(shop, '9');
    await expect(buyer.client.call('cancel_invoice', { id: made.id })).rejects.toMatchObject({ code: 'not_found' });
    expect(await shop.client.call('cancel_invoice', { id: made.id })).toMatchObject({
      state: 'cancelled',
      payment_uri: null,
    });
    expect((await fetch(link(made))).status).toBe(410);
    expect((await fetch(`${server.url}/i/inv_unknown`)).status).toBe(404);
  });
});
