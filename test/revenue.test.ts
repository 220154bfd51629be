import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HTTPFacilitatorClient } from '@x402/core/server';
import { toClientEvmSigner } from '@x402/evm';
import { ExactEvmScheme as ClientScheme } from '@x402/evm/exact/client';
import { ExactEvmScheme as SellerScheme } from '@x402/evm/exact/server';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { paymentMiddleware, x402ResourceServer } from '@x402/hono';
import { Hono } from 'hono';
import { type Address, encodeFunctionData, erc20Abi, type Hex } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/devnet/client.ts';
import { parseUsdc } from '../src/money/microUsdc.ts';
import { compilePolicyDirectory } from '../src/policy/compile.ts';
import { claimText } from '../src/receivables/claims.ts';
import { startOffice, type TestOffice } from './support/office.ts';

type Agent = Awaited<ReturnType<TestOffice['agent']>>;
type Doc = Record<string, unknown>;
const rules = `revenue:
  rules:
    - agent: vendor
      route:
        shares:
          - {payee: author, percent: "70"}
          - {payee: studio, percent: "20"}
          - {payee: fund, percent: "10"}
        remainder: author
`;
const AUTHOR: Address = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const FUND: Address = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

let office: TestOffice;
let vendor: Agent;
let studio: Agent;
let buyer: Agent;
let shop: Agent;
let payer: PrivateKeyAccount;
let folder: string;

beforeAll(async () => {
  office = await startOffice();
  folder = await mkdtemp(join(tmpdir(), 'bursar-revenue-'));
  const starter = await readFile(new URL('../policies/starter/data.yaml', import.meta.url), 'utf8');
  await writeFile(join(folder, 'data.yaml'), starter.replace('revenue:\n  rules: []\n', rules));
  const bundle = await compilePolicyDirectory(folder);
  const { digest } = await office.operator.call('load_policy', { bundle, note: 'revenue rules' });
  await office.operator.call('activate_policy', { digest });
  [vendor, studio, buyer, shop] = [
    await office.agent('vendor', '0'),
    await office.agent('studio', '0'),
    await office.agent('buyer', '20'),
    await office.agent('shop', '5'),
  ];
  for (const [name, agent] of [
    ['vendor', vendor],
    ['studio', studio],
  ] as const) {
    await office.operator.call('create_payee', { name, kind: 'agent', agent: agent.id, categories: ['services'] });
  }
  for (const [name, address] of [
    ['author', AUTHOR],
    ['fund', FUND],
  ] as const) {
    await office.operator.call('create_payee', { name, kind: 'internal', address, verified: true });
  }
  payer = privateKeyToAccount(generatePrivateKey());
  await office.local.fundGas([payer.address]);
  await office.local.mint(payer.address, parseUsdc('100'));
});
afterAll(async () => {
  await office.end();
  await rm(folder, { recursive: true, force: true });
});

let keys = 0;
const key = (): { idempotencyKey: string } => {
  keys += 1;
  return { idempotencyKey: `revenue-test-${keys}` };
};
const balanceOf = (address: Address): Promise<bigint> =>
  office.local.client.readContract({
    address: office.local.usdc.address,
    abi: erc20Abi,
    functionName: 'balanceOf',
    args: [address],
  });

async function eventually<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (let i = 0; i < 600; i += 1) {
    const found = await look();
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`It never came: ${what}`);
}
const receivables = async (filter: Doc): Promise<Doc[]> =>
  (await office.operator.call('list_receivables', filter)).receivables as Doc[];
const usdcOf = (amount: unknown): string => (amount as { value: string }).value;
const amountOf = (value: string) => ({ value, currency: 'USDC' });

async function transfer(to: string, usdc: string): Promise<Hex> {
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [to as Address, parseUsdc(usdc)] });
  const [hash] = await sendInOrder(office.local.client, payer, [{ to: office.local.usdc.address, data }]);
  return hash as Hex;
}
function payingFetch(account: PrivateKeyAccount): typeof fetch {
  const signer = toClientEvmSigner(account, office.local.client);
  return wrapFetchWithPayment(
    fetch,
    x402Client.fromConfig({
      schemes: [{ network: 'eip155:31337', client: new ClientScheme(signer) }],
      spendControls: false,
    }),
  );
}
async function invoice(agent: Agent, value: string, more: Doc = {}): Promise<Doc> {
  return agent.client.call(
    'create_invoice',
    { amount: amountOf(value), memo: 'July <labelling>'.replace(/[<>]/g, ''), ...more },
    key(),
  );
}
const invoiceIn = (id: unknown, ...states: string[]): Promise<Doc> =>
  eventually(`invoice ${states.join(' or ')}`, async () => {
    const now = await office.operator.call('get_invoice', { id });
    return states.includes(String(now.state)) && now;
  });
async function booksAgree(): Promise<void> {
  const { ok, checks } = await office.operator.call('check_ledger');
  expect((checks as { ok: boolean }[]).filter((check) => !check.ok)).toEqual([]);
  expect(ok).toBe(true);
}

describe('an agent that pays another by its id', () => {
  let paid: Doc;

  it('moves both books in one entry, and the earner sees who paid', async () => {
    const before = (await office.operator.call('get_agent', { id: vendor.id })).balances as Doc;
    paid = await buyer.client.call('pay', { to_agent: 'vendor', amount: amountOf('1.000007') }, key());
    expect(paid).toMatchObject({ state: 'authorized', address: vendor.wallet });
    await office.until(String(paid.id), ['settled', 'final']);
    const { entries } = (await office.operator.call('list_entries', { payment: paid.id })) as { entries: Doc[] };
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
      splits.map(({ payment }) => office.operator.call('get_payment', { id: payment })),
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

describe('a sale to a stranger', () => {
  let server: { url: string; stop: () => Promise<void> };
  let sale: Doc;

  beforeAll(async () => {
    const { serve } = await import('@hono/node-server');
    const client = new HTTPFacilitatorClient({ url: `${office.url}/x402` });
    const resources = new x402ResourceServer(client).register('eip155:31337', new SellerScheme());
    const app = new Hono();
    const price = { asset: office.local.usdc.address, amount: '1000000', extra: { name: 'USDC', version: '2' } };
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
    const { balances } = await office.operator.call('get_agent', { id: shop.id });
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
    for (const { id } of [first, second]) await office.until(String(id), ['settled', 'final']);
    expect(await balanceOf(payer.address)).toBe(before + parseUsdc('0.90'));
    const now = await office.operator.call('get_receivable', { id: sale.id });
    expect(now).toMatchObject({ refunded: amountOf('0.90'), refundable: amountOf('0.10') });
    expect((now.refunds as Doc[]).map((refund) => refund.payment)).toEqual([first.id, second.id]);
    // Somebody else's agent may not give it back, nor see it.
    await expect(vendor.client.call('refund', { of: sale.id }, key())).rejects.toMatchObject({ code: 'not_found' });
    await booksAgree();
  });
});

describe('a buyer that wants its money back', () => {
  it('asks by API; the earner accepts, and both see it', async () => {
    await office.operator.call('create_payee', { name: 'shop', kind: 'agent', agent: shop.id, categories: ['data'] });
    const bought = await buyer.client.call('pay', { to_agent: shop.id, amount: amountOf('2') }, key());
    await office.until(String(bought.id), ['final']);
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
    await office.until(String(answered.refund), ['final']);
    const original = await buyer.client.call('get_payment', { id: bought.id });
    expect(original.refunds).toEqual([answered.refund]);
    expect(await office.operator.call('get_payment', { id: answered.refund })).toMatchObject({ refund_of: bought.id });
    const receipt = (await buyer.client.call('get_receipt', { id: bought.id })).payment as Doc;
    expect(receipt.refunds).toEqual([answered.refund]);
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
    await office.until(String(out.id), ['final']);
    await expect(buyer.client.call('request_refund', { payment: out.id, reason: 'please' })).rejects.toMatchObject({
      code: 'refund_not_possible',
    });
  });
});

describe('an invoice', () => {
  const link = (made: Doc): string => `${office.url}${made.path}`;

  it('shows a person a page that loads nothing from elsewhere', async () => {
    const made = await invoice(shop, '3.25');
    const answer = await fetch(link(made), { headers: { accept: 'text/html,application/xhtml+xml' } });
    const page = await answer.text();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'sha256-/);
    expect(page).toContain('3.25 USDC');
    expect(page).toContain('July labelling');
    expect(page).toContain(
      `ethereum:${office.local.usdc.address}@31337/transfer?address=${shop.wallet}&amp;uint256=3250000`,
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

  it('is paid by a Bursar agent through its own gate', async () => {
    const made = await invoice(shop, '0.75');
    const host = new URL(office.url).host;
    await office.operator.call('update_payee', { id: 'shop', hosts: [host] });
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
    expect((await office.operator.call('get_invoice', { id: second.id })).state).toBe('open');
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
    const stranger = privateKeyToAccount(generatePrivateKey());
    expect((await claim(stranger, payer.address)).status).toBe(422);
    expect((await claim(stranger, stranger.address)).status).toBe(202);
    expect((await office.operator.call('get_invoice', { id: second.id })).state).toBe('open');
    expect((await claim(payer, payer.address)).status).toBe(202);
    expect(await invoiceIn(second.id, 'paid')).toMatchObject({ payments: [{ found_by: 'claim' }] });
    expect((await office.operator.call('get_invoice', { id: first.id })).state).toBe('open');
  });

  it('counts a part when it is claimed, and the rest by its amount', async () => {
    const made = await invoice(shop, '4');
    const hash = await transfer(shop.wallet, '1.5');
    await eventually('suspense', async () => {
      const { balances } = await office.operator.call('get_agent', { id: shop.id });
      return usdcOf((balances as Doc).suspense) === '1.50';
    });
    await shop.client.call('claim_invoice_payment', { id: made.id, tx_hash: hash });
    expect(await invoiceIn(made.id, 'part_paid')).toMatchObject({ received: amountOf('1.50'), due: amountOf('2.50') });
    expect(((await office.operator.call('get_agent', { id: shop.id })).balances as Doc).suspense).toEqual(
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
    expect((await fetch(`${office.url}/i/inv_unknown`)).status).toBe(404);
  });
});
