import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { microUsdc } from '../src/core/money/microUsdc.ts';
import { sell as sellExpress } from '../src/earn/seller/express.ts';
import { sell as sellFastify } from '../src/earn/seller/fastify.ts';
import { sell as sellHono } from '../src/earn/seller/hono.ts';
import { startGateway } from './support/gatewayCommand.ts';
import { type Buyer, buyerOf, listen } from './support/paymentScene.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

/** A whole Bursar settles what its vendor agent sells; a bare key and another agent's purse buy. */
let testServer: TestServer;
let vendor: Awaited<ReturnType<TestServer['agent']>>;
let researcher: Awaited<ReturnType<TestServer['agent']>>;
let bare: Buyer;
const stops: (() => Promise<unknown>)[] = [];
const hosts: string[] = [];

beforeAll(async () => {
  testServer = await startTestServer();
  vendor = await testServer.agent('ocr-vendor', '0');
  researcher = await testServer.agent('researcher', '20.00');
  await testServer.operator.call('create_payee', {
    name: 'OCR vendor',
    kind: 'agent',
    agent: vendor.id,
    categories: ['ocr'],
  });
  bare = buyerOf(privateKeyToAccount(generatePrivateKey()));
  await testServer.local.mint(bare.account.address, microUsdc(10_000_000n));
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  await testServer.end();
});

/** Tells Bursar that the vendor sells there. */
async function sellsAt(url: string): Promise<void> {
  hosts.push(new URL(url).host);
  const payees = (await testServer.operator.call('list_payees')) as { payees: { id: string; name: string }[] };
  const id = payees.payees.find(({ name }) => name === 'OCR vendor')?.id;
  await testServer.operator.call('update_payee', { id, hosts });
  await testServer.operator.call('set_fetch_hosts', { hosts });
}
const buyByPurse = (url: string) =>
  researcher.client.call('fetch_paid', { url }) as Promise<{
    outcome: string;
    payment: { id: string };
    response: { text: string } | null;
  }>;

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

const sellers: Record<string, (terms: { payTo: string; bursar: string }) => Promise<string>> = {
  hono: async (terms) => {
    const app = new Hono().use(sellHono({ 'GET /page': '0.01' }, terms)).get('/page', (c) => c.text('page'));
    const { url, stop } = await listen(app);
    stops.push(stop);
    return url;
  },
  express: async (terms) => {
    const app = express();
    app.use(sellExpress({ 'GET /page': '0.01' }, terms));
    app.get('/page', (_request, response) => void response.type('text').send('page'));
    const server = await new Promise<Server>((resolve) => {
      const started: Server = app.listen(0, '127.0.0.1', () => resolve(started));
    });
    stops.push(() => closed(server));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  fastify: async (terms) => {
    const app = Fastify({ forceCloseConnections: true });
    await app.register(sellFastify({ 'GET /page': '0.01' }, terms));
    app.get('/page', async () => 'page');
    stops.push(() => app.close());
    return app.listen({ port: 0, host: '127.0.0.1' });
  },
  gateway: async ({ bursar, payTo }) => {
    const upstream = createServer((_request, response) => void response.end('page'));
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    stops.push(() => closed(upstream));
    const { port } = upstream.address() as AddressInfo;
    const { url, stop } = await startGateway(
      [
        ...['--upstream', `http://127.0.0.1:${port}`, '--price', '0.01', '--pay-to', payTo],
        ...['--port', '0', '--url', bursar, '--sales', join(mkdtempSync(join(tmpdir(), 'bursar-gw-')), 'sales.sqlite')],
      ],
      vendor.key,
    );
    stops.push(stop);
    return url;
  },
};

describe.each(Object.keys(sellers))('what a vendor agent sells by %s, settled by its own Bursar', (name) => {
  it('is bought by a bare key and by an agent’s purse, and stands in the books of both', async () => {
    const payTo = name === 'gateway' ? 'ocr-vendor' : vendor.wallet;
    const url = await sellers[name]?.({ payTo, bursar: testServer.url });
    if (url === undefined) throw new Error('no seller');
    await sellsAt(url);
    const earned = await received();
    const bought = await bare.fetch(`${url}/page`);
    expect([bought.status, await bought.text()]).toEqual([200, 'page']);
    const byPurse = await buyByPurse(`${url}/page`);
    expect(byPurse).toMatchObject({ outcome: 'paid', response: { text: 'page' } });
    await testServer.until(byPurse.payment.id, ['settled', 'final']);
    await expect.poll(received, { timeout: 20_000 }).toBe(earned + 20_000);
  });
});

describe('the books after all that', () => {
  it('know each of the eight for a sale', async () => {
    const { receivables } = (await testServer.operator.call('list_receivables', { agent: vendor.id })) as {
      receivables: { kind: string }[];
    };
    expect(receivables.map(({ kind }) => kind)).toEqual(Array(8).fill('x402_sale'));
  });

  it('agree with the chain', async () => {
    for (let i = 0; i < 100; i += 1) {
      const { ok } = await testServer.operator.call('check_ledger');
      if (ok) return;
      await sleep(100);
    }
    expect(await testServer.operator.call('check_ledger')).toMatchObject({ ok: true });
  });
});

/** Micro-USDC that the vendor's wallet holds by the books. */
async function received(): Promise<number> {
  const { balances } = (await testServer.operator.call('get_agent', { id: vendor.id })) as {
    balances: { available: { value: string } };
  };
  return Math.round(Number(balances.available.value) * 1_000_000);
}
