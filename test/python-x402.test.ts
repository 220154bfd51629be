import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { type Address, parseAbiItem } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wrapFetch } from '../src/api/sdk/index.ts';
import { microUsdc } from '../src/core/money/microUsdc.ts';
import { sell } from '../src/earn/seller/hono.ts';
import { startGateway } from './support/gatewayCommand.ts';
import { listen } from './support/paymentScene.ts';
import { pythonWith, runPython, servePython } from './support/python.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

/** The official package of PyPI, unpatched, on each side of a whole Bursar, whose facilitator settles all of it. */
const OUTSIDER: Address = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
const PRICES = { 'GET /page': '0.01', 'POST /page': '0.01', 'GET /dear': '60' };
type Agent = Awaited<ReturnType<TestServer['agent']>>;
type Receipt = { success: boolean; transaction: string; payer: string };
type Bought = { status: number; text: string; receipt: Receipt | null; refused?: string | null };
type Receivable = { kind: string; payer: { address: string; agent: string | null }; settlement: { tx_hash: string } };

let python: string;
let testServer: TestServer;
let vendor: Agent;
let researcher: Agent;
let purse: Address;
const urls: Record<'gateway' | 'hono' | 'fastapi', string> = { gateway: '', hono: '', fastapi: '' };
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  python = await pythonWith('x402[evm,httpx,requests,fastapi]==2.25.0', 'uvicorn==0.38.0');
  testServer = await startTestServer();
  vendor = await testServer.agent('ocr-vendor', '0');
  researcher = await testServer.agent('researcher', '20');
  const { wallet } = (await testServer.operator.call('get_agent', { id: researcher.id })) as {
    wallet: { purse: Address };
  };
  purse = wallet.purse;
  const started = await Promise.all([gateway(), hono(), fastapi()]);
  for (const { stop } of started) stops.push(stop);
  [urls.gateway, urls.hono, urls.fastapi] = [started[0].url, started[1].url, started[2].url];
  const hosts = Object.values(urls).map((url) => new URL(url).host);
  const payee = { name: 'OCR vendor', kind: 'agent', agent: vendor.id, categories: ['ocr'], hosts };
  await testServer.operator.call('create_payee', payee);
  await testServer.operator.call('set_fetch_hosts', { hosts });
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  await testServer?.end();
});

async function gateway() {
  const upstream = createServer((_request, response) => void response.end('page of the gateway'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const sales = mkdtempSync(join(tmpdir(), 'bursar-gw-'));
  const { port } = upstream.address() as AddressInfo;
  const args = ['--upstream', `http://127.0.0.1:${port}`, '--price', '0.01', '--pay-to', 'ocr-vendor', '--port', '0'];
  const { url, stop } = await startGateway(
    [...args, '--url', testServer.url, '--sales', join(sales, 'sales.sqlite')],
    vendor.key,
  );
  return {
    url,
    stop: async () => {
      await stop();
      await closed(upstream);
      rmSync(sales, { recursive: true, force: true });
    },
  };
}

function hono() {
  const app = new Hono().use(sell(PRICES, { payTo: vendor.wallet, bursar: testServer.url }));
  app.get('/page', (c) => c.text('page of the app'));
  app.post('/page', async (c) => c.text(`read ${await c.req.text()}`));
  return listen(app);
}

const fastapi = () =>
  servePython(python, 'x402_seller.py', { bursar: testServer.url, pay_to: vendor.wallet, outsider: OUTSIDER });

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** A bare key with 1 USDC. */
async function bareKey(): Promise<{ key: string; address: Address }> {
  const key = generatePrivateKey();
  const { address } = privateKeyToAccount(key);
  await testServer.local.mint(address, microUsdc(1_000_000n));
  return { key, address };
}

/** The transactions of the Transfer logs from there to the vendor's wallet, each of the price. */
async function paid(from: Address, to = vendor.wallet as Address): Promise<string[]> {
  const logs = await testServer.local.client.getLogs({
    address: testServer.local.usdc.address,
    event: parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)'),
    args: { from, to },
    fromBlock: 0n,
  });
  expect(logs.map(({ args }) => args.value)).toEqual(logs.map(() => 10_000n));
  return logs.map(({ transactionHash }) => transactionHash);
}

/** Waits until the vendor's books have a sale for each of these transactions, from that payer and no other. */
async function expectSales(payer: Address, transactions: (string | undefined)[]): Promise<void> {
  const sales = async () => {
    const answer = await testServer.operator.call('list_receivables', { agent: vendor.id, limit: 200 });
    return (answer.receivables as Receivable[])
      .filter((receivable) => receivable.payer.address === payer)
      .map(({ kind, settlement }) => `${kind} ${settlement.tx_hash}`)
      .sort();
  };
  await expect.poll(sales, { timeout: 30_000 }).toEqual(transactions.map((hash) => `x402_sale ${hash}`).sort());
}

describe('the Python client with a bare key', () => {
  it.each(['gateway', 'hono'] as const)(
    'buys from a %s seller, by httpx and by requests, once each',
    async (seller) => {
      const first = await bareKey();
      const second = await bareKey();
      const url = `${urls[seller]}/page`;
      const bought = (await runPython(python, 'x402_buy.py', [
        ['httpx', first.key, url],
        ['requests', second.key, url],
      ])) as Bought[];
      const text = seller === 'gateway' ? 'page of the gateway' : 'page of the app';
      for (const [index, { address }] of [first, second].entries()) {
        expect(bought[index]).toMatchObject({ status: 200, text, receipt: { success: true, payer: address } });
        expect(await paid(address)).toEqual([bought[index]?.receipt?.transaction]);
        await expectSales(address, [bought[index]?.receipt?.transaction]);
      }
    },
  );
});

describe('a Python buyer that holds no signing key', () => {
  type Signed = Bought & {
    outcome: string | null;
    payment: { id: string; state: string; reasons: { code: string }[] };
  };
  const buy = (buys: unknown[]) =>
    runPython(python, 'x402_bursar_signs.py', { bursar: testServer.url, key: researcher.key, buys }) as Promise<
      Signed[]
    >;

  it('gets the signature from Bursar: with any HTTP client, and through the hook of the official one', async () => {
    const before = await paid(purse);
    const bought = await buy([
      ['plain', 'POST', `${urls.hono}/page`, 'scan 7'],
      ['hook', 'GET', `${urls.gateway}/page`, null],
      // The same request once more: the same payment, and the seller gives the same answer.
      ['plain', 'POST', `${urls.hono}/page`, 'scan 7'],
    ]);
    expect(bought.map(({ status, text, outcome }) => [status, text, outcome])).toEqual([
      [200, 'read scan 7', 'served'],
      [200, 'page of the gateway', 'served'],
      [200, 'read scan 7', 'served'],
    ]);
    expect(bought.map(({ receipt }) => receipt?.payer)).toEqual([purse, purse, purse]);
    expect(bought[2]?.payment.id).toBe(bought[0]?.payment.id);
    const hashes = [bought[0]?.receipt?.transaction, bought[1]?.receipt?.transaction];
    expect((await paid(purse)).filter((hash) => !before.includes(hash)).sort()).toEqual([...hashes].sort());
    await expectSales(purse, await paid(purse));
    for (const { payment } of bought) await testServer.until(payment.id, ['settled', 'final']);
  });

  it('gets reasons instead of a signature above the cap, and the official client then pays nothing', async () => {
    const before = await paid(purse);
    const refused = await buy([
      ['plain', 'GET', `${urls.hono}/dear`, null],
      ['hook', 'GET', `${urls.hono}/dear`, null],
    ]);
    for (const { payment, status } of refused) {
      expect([status, payment.state]).toEqual([402, 'denied']);
      expect(payment.reasons.map(({ code }) => code)).toContain('payment_cap');
    }
    expect(refused[1]?.text).toContain('Failed to handle payment');
    expect(await paid(purse)).toEqual(before);
  });
});

describe('a Python seller (FastAPI, the official middleware) with Bursar as facilitator', () => {
  it('sells to POST /v1/fetch and to wrapFetch, out of an agent’s purse', async () => {
    const before = await paid(purse);
    const fetched = await researcher.client.call('fetch_paid', { url: `${urls.fastapi}/page` });
    expect(fetched).toMatchObject({ outcome: 'paid', response: { status: 200, text: '{"page":"python"}' } });
    const paying = wrapFetch(fetch, { url: testServer.url, apiKey: researcher.key });
    const body = JSON.stringify({ page: 'scan 8' });
    const headers = { 'content-type': 'application/json' };
    const response = await paying(`${urls.fastapi}/page`, { method: 'POST', body, headers });
    expect([response.status, await response.json()]).toEqual([200, { page: 'scan 8' }]);
    await paying.reported();
    const all = await paid(purse);
    expect(all.length - before.length).toBe(2);
    await expectSales(purse, all);
  });

  it('sells to the Python client, and nothing that would pay an address which is not this Bursar’s', async () => {
    const { key, address } = await bareKey();
    const [bought, elsewhere] = (await runPython(python, 'x402_buy.py', [
      ['httpx', key, `${urls.fastapi}/page`],
      ['httpx', key, `${urls.fastapi}/elsewhere`],
    ])) as Bought[];
    expect(bought).toMatchObject({ status: 200, text: '{"page":"python"}', receipt: { payer: address } });
    expect(await paid(address)).toEqual([bought?.receipt?.transaction]);
    await expectSales(address, [bought?.receipt?.transaction]);
    expect(elsewhere).toMatchObject({ status: 402, refused: 'pay_to_not_served' });
    expect(await paid(address, OUTSIDER)).toEqual([]);
    expect(await (await fetch(`${urls.fastapi}/runs`)).json()).toMatchObject({ elsewhere: 0 });
  });
});

it('leaves books that agree with the chain', async () => {
  const agrees = async () => (await testServer.operator.call('check_ledger')).ok;
  await expect.poll(agrees, { timeout: 30_000 }).toBe(true);
});
