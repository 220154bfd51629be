import { HTTPFacilitatorClient } from '@x402/core/server';
import { ExactEvmScheme as SellerScheme } from '@x402/evm/exact/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/hono';
import { Hono } from 'hono';
import type { Address } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseUsdc } from '../src/core/money/microUsdc.ts';
import {
  AUTHOR,
  amountOf,
  type Doc,
  type EarningServer,
  eventually,
  FUND,
  startEarning,
  usdcOf,
} from './support/earning.ts';

let world: EarningServer;
let testServer: EarningServer['server'];
let { vendor, studio, buyer, shop, payer, key, balanceOf, receivables, payingFetch, booksAgree } = {} as EarningServer;
beforeAll(async () => {
  world = await startEarning();
  ({
    server: testServer,
    vendor,
    studio,
    buyer,
    shop,
    payer,
    key,
    balanceOf,
    receivables,
    payingFetch,
    booksAgree,
  } = world);
});
afterAll(() => world.end());

describe('an agent that pays another by its id', () => {
  let paid: Doc;

  it('moves both books in one entry, and the earner sees who paid', async () => {
    const before = (await testServer.operator.call('get_agent', { id: vendor.id })).balances as Doc;
    paid = await buyer.client.call('pay', { to_agent: 'vendor', amount: amountOf('1.000007') }, key());
    expect(paid).toMatchObject({ state: 'authorized', address: vendor.wallet });
    await testServer.until(String(paid.id), ['settled', 'final']);
    const { entries } = (await testServer.operator.call('list_entries', { payment: paid.id })) as { entries: Doc[] };
    const settled = entries.filter((entry) => entry.kind === 'settle');
    expect(settled).toHaveLength(1);
    expect(settled[0]?.lines).toEqual([
      { account: `${buyer.id}:reserved`, amount: amountOf('-1.000007') },
      { account: `${vendor.id}:available`, amount: amountOf('1.000007') },
    ]);
    expect(usdcOf(before.available)).toBe('0.00');
    const [received] = await receivables({ agent: vendor.id });
    expect(received).toMatchObject({ kind: 'agent_payment', payment: paid.id, payer: { agent: buyer.id } });
  });

  it('is refused where no payee stands for that agent', async () => {
    await expect(buyer.client.call('pay', { to_agent: 'shop', amount: amountOf('1') }, key())).rejects.toMatchObject({
      code: 'payee_not_found',
    });
    await expect(
      buyer.client.call('pay', { to_agent: 'vendor', payee: 'vendor', amount: amountOf('1') }, key()),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('splits what it earned 70/20/10 to the last micro-USDC, in one transaction, once it is final', async () => {
    const received = await eventually('the splits', async () => {
      const [now] = await receivables({ agent: vendor.id });
      const done = ((now?.splits ?? []) as Doc[]).filter(
        (split) => split.state === 'final' || split.state === 'settled',
      );
      return done.length === 3 && now;
    });
    const splits = received.splits as { payment: string; amount: Doc; address: string }[];
    expect(splits.map(({ amount, address }) => [usdcOf(amount), address])).toEqual([
      ['0.700006', AUTHOR],
      ['0.200001', studio.wallet],
      ['0.10', FUND],
    ]);
    const payments = await Promise.all(
      splits.map(({ payment }) => testServer.operator.call('get_payment', { id: payment })),
    );
    expect(new Set(payments.map((payment) => (payment.settlement as Doc).tx_hash)).size).toBe(1);
    expect(payments[0]).toMatchObject({ kind: 'split', receivable: received.id });
    expect(await balanceOf(vendor.wallet as Address)).toBe(0n);
    // What is split to an agent of this Bursar is not earned by a sale, and no rule splits it again.
    const [share] = await receivables({ agent: studio.id });
    expect(share).toMatchObject({ kind: 'agent_payment', amount: amountOf('0.200001'), splits: [] });
    await booksAgree();
  });
});

describe('a sale to an outsider', () => {
  let server: { url: string; stop: () => Promise<void> };
  let sale: Doc;

  beforeAll(async () => {
    const { serve } = await import('@hono/node-server');
    const client = new HTTPFacilitatorClient({ url: `${testServer.url}/x402` });
    const resources = new x402ResourceServer(client).register('eip155:31337', new SellerScheme());
    const app = new Hono();
    const price = { asset: testServer.local.usdc.address, amount: '1000000', extra: { name: 'USDC', version: '2' } };
    app.use(
      paymentMiddleware(
        { 'GET /data': { accepts: { scheme: 'exact', network: 'eip155:31337', payTo: shop.wallet, price } } },
        resources,
      ),
    );
    app.get('/data', (c) => c.json({ rows: 3 }));
    server = await new Promise((resolve) => {
      const listening = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
        resolve({
          url: `http://127.0.0.1:${port}/data`,
          stop: () => new Promise((done) => listening.close(() => done())),
        }),
      );
    });
  });
  afterAll(() => server.stop());

  it('is known as a sale, not as money from nowhere', async () => {
    const answer = await payingFetch(payer)(`${server.url}?secret=1`);
    expect(answer.status).toBe(200);
    sale = await eventually('the sale, final', async () => {
      const [now] = await receivables({ agent: shop.id, kind: 'x402_sale' });
      return now?.state === 'final' && now;
    });
    expect(sale).toMatchObject({
      amount: amountOf('1.00'),
      payer: { address: payer.address, agent: null },
      sale: { resource: server.url },
      payment: null,
    });
    const { balances } = await testServer.operator.call('get_agent', { id: shop.id });
    expect(balances).toMatchObject({ available: amountOf('6.00'), suspense: amountOf('0.00') });
  });

  it('is refunded in part, twice, to the paying address; above the sum it is refused', async () => {
    const before = await balanceOf(payer.address);
    const first = await shop.client.call('refund', { of: sale.id, amount: amountOf('0.30'), memo: 'page 2' }, key());
    const second = await shop.client.call('refund', { of: sale.id, amount: amountOf('0.60') }, key());
    expect(first).toMatchObject({ kind: 'refund', address: payer.address, receivable: sale.id, state: 'authorized' });
    await expect(
      shop.client.call('refund', { of: sale.id, amount: amountOf('0.100001') }, key()),
    ).rejects.toMatchObject({
      code: 'refund_exceeds_original',
      details: { refundable: '0.10' },
    });
    for (const { id } of [first, second]) await testServer.until(String(id), ['settled', 'final']);
    expect(await balanceOf(payer.address)).toBe(before + parseUsdc('0.90'));
    const now = await testServer.operator.call('get_receivable', { id: sale.id });
    expect(now).toMatchObject({ refunded: amountOf('0.90'), refundable: amountOf('0.10') });
    expect((now.refunds as Doc[]).map((refund) => refund.payment)).toEqual([first.id, second.id]);
    // Somebody else's agent may not give it back, nor see it.
    await expect(vendor.client.call('refund', { of: sale.id }, key())).rejects.toMatchObject({ code: 'not_found' });
    await booksAgree();
  });
});

describe('a buyer that wants its money back', () => {
  it('asks by API; the earner accepts, and both see it', async () => {
    await testServer.operator.call('create_payee', {
      name: 'shop',
      kind: 'agent',
      agent: shop.id,
      categories: ['data'],
    });
    const bought = await buyer.client.call('pay', { to_agent: shop.id, amount: amountOf('2') }, key());
    await testServer.until(String(bought.id), ['final']);
    const asked = await buyer.client.call('request_refund', {
      payment: bought.id,
      amount: amountOf('0.5'),
      reason: 'half of it failed',
    });
    expect(asked).toMatchObject({ state: 'open', earner: shop.id, buyer: buyer.id });
    await expect(buyer.client.call('answer_refund_request', { id: asked.id, accept: true })).rejects.toMatchObject({
      code: 'not_found',
    });
    const { refund_requests: list } = await shop.client.call('list_refund_requests', { state: 'open' });
    expect(list).toMatchObject([{ id: asked.id, reason: 'half of it failed' }]);
    const answered = await shop.client.call('answer_refund_request', { id: asked.id, accept: true });
    expect(answered).toMatchObject({ state: 'accepted', payment_state: 'authorized' });
    await testServer.until(String(answered.refund), ['final']);
    const original = await buyer.client.call('get_payment', { id: bought.id });
    expect(original.refunds).toEqual([answered.refund]);
    expect(await testServer.operator.call('get_payment', { id: answered.refund })).toMatchObject({
      refund_of: bought.id,
    });
    const receipt = (await testServer.operator.call('get_receipt', { id: answered.refund })).payment as Doc;
    expect(receipt).toMatchObject({ kind: 'refund', refund_of: expect.stringMatching(/^rcv_/) });
    const [back] = await receivables({ agent: buyer.id, kind: 'refund' });
    expect(back).toMatchObject({ amount: amountOf('0.50'), refundable: amountOf('0.00') });
  });

  it('hears no, and hears at once where the seller is no agent here', async () => {
    const [bought] = (await buyer.client.call('list_payments', { state: 'final', kind: 'payout' })).payments as Doc[];
    const asked = await buyer.client.call('request_refund', { payment: bought?.id, reason: 'the rest too' });
    expect(
      await shop.client.call('answer_refund_request', { id: asked.id, accept: false, answer: 'It was used.' }),
    ).toMatchObject({
      state: 'declined',
      answer: 'It was used.',
      refund: null,
    });
    const out = await buyer.client.call('pay', { payee: 'fund', amount: amountOf('0.01') }, key());
    await testServer.until(String(out.id), ['final']);
    await expect(buyer.client.call('request_refund', { payment: out.id, reason: 'please' })).rejects.toMatchObject({
      code: 'refund_not_possible',
    });
  });
});
