import { randomBytes } from 'node:crypto';
import { Agent, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttp } from '../src/api/http/server.ts';
import { openAuthentication } from '../src/app/server/authentication.ts';
import { readTokenDomain } from '../src/chain/contracts/tokenDomain.ts';
import { openFacilitator } from '../src/earn/facilitator/open.ts';
import { eventBodies } from './support/eventBodies.ts';
import { type Person, person } from './support/person.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let testServer: TestServer;
let finance: Person;
let agentKey: string;
let invoice: string;
let sellers: Server;
let sellersUrl: string;
const connections = new Agent({ keepAlive: true, maxSockets: 16 });

beforeAll(async () => {
  testServer = await startTestServer();
  finance = await person(testServer);
  await testServer.operator.call('create_approver', { name: 'Finance', address: finance.address, roles: ['finance'] });
  const agent = await testServer.agent('earner', '0');
  agentKey = agent.key;
  const made = { agent: agent.id, amount: { value: '1.00', currency: 'USDC' }, memo: 'a page to pay' };
  sellersUrl = await facilitatorAlone();
  invoice = String((await testServer.operator.call('create_invoice', made, { idempotencyKey: 'invoice-1' })).id);
});
/** The facilitator's routes with a smaller limit and a clock that stands, so that a slow machine tests the same. */
async function facilitatorAlone(): Promise<string> {
  const { app, store, chain } = testServer.bursar;
  const { keys } = openAuthentication(app, testServer.config);
  const { factory, executor } = app.addresses;
  const now = Date.now();
  const facilitator = await openFacilitator({
    ...{ store, chain, factory, executor, wake: () => {}, clock: () => now, addressOf: keys.addressOf },
    domain: () => readTokenDomain(chain),
    settings: { ...testServer.config.facilitator, requests_per_second: 5 },
  });
  const http = facilitator?.mount(new Hono()) ?? new Hono();
  sellers = serve({ fetch: http.fetch, hostname: '127.0.0.1', port: 0 }) as Server;
  await new Promise((resolve) => sellers.once('listening', resolve));
  return `http://127.0.0.1:${(sellers.address() as AddressInfo).port}`;
}
afterAll(async () => {
  sellers?.close();
  connections.destroy();
  await testServer?.end();
});

type Ask = { path: string; method?: string; headers?: Record<string, string>; body?: unknown };
type Answer = { status: number; retryAfter: number };

/** From one of this machine's own addresses, as 127.0.0.9: to the server they are different callers. */
function ask(from: string, { path, method = 'GET', headers = {}, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = new URL(path, path.startsWith('/x402/') ? sellersUrl : testServer.url);
    const sent = { 'content-type': 'application/json', accept: 'application/json', ...headers };
    const options = { method, localAddress: from, agent: connections, headers: sent };
    const asked = request(url, options, (answer) => {
      answer.once('data', () => answer.destroy());
      const { statusCode = 0, headers: got } = answer;
      resolve({ status: statusCode, retryAfter: Number(got['retry-after'] ?? 0) });
      answer.resume();
    });
    asked.once('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const wrongKey = (mark = 'op') => ({ authorization: `Bearer bursar_${mark}_${randomBytes(32).toString('base64url')}` });
const rightKey = () => ({ authorization: `Bearer ${testServer.operatorKey}` });
const mcp = (headers: Record<string, string>): Ask => ({
  path: '/mcp',
  method: 'POST',
  headers: { ...headers, accept: 'application/json, text/event-stream' },
  body: { jsonrpc: '2.0', id: 1, method: 'tools/list' },
});
const claim = { tx_hash: `0x${'1'.repeat(64)}`, payer: `0x${'2'.repeat(40)}`, signature: `0x${'3'.repeat(130)}` };
const siwe = async (good: boolean): Promise<Ask> => {
  const message = good ? await finance.message() : 'no message';
  return {
    path: '/auth/siwe',
    method: 'POST',
    body: { message, signature: good ? await finance.sign(message) : '0x' },
  };
};

type Backend = { wrong: () => Ask | Promise<Ask>; right: () => Ask | Promise<Ask>; passes: number; first: number };
/** Every interface that takes a key, a cookie or a signature. `first`: its answer to a wrong one before there were too many. */
const authentication: [string, Backend][] = [
  [
    'a key at /v1, to read',
    {
      wrong: () => ({ path: '/v1/payments', headers: wrongKey() }),
      right: () => ({ path: '/v1/payments', headers: rightKey() }),
      first: 401,
      passes: 200,
    },
  ],
  [
    'a key at /v1, to pay',
    {
      wrong: () => ({ path: '/v1/payments', method: 'POST', headers: wrongKey('ag'), body: {} }),
      right: () => ({
        path: '/v1/payments',
        method: 'POST',
        headers: { authorization: `Bearer ${agentKey}` },
        body: {},
      }),
      first: 401,
      passes: 400,
    },
  ],
  [
    'a key at /v1/fetch',
    {
      wrong: () => ({ path: '/v1/fetch', method: 'POST', headers: wrongKey('ag'), body: {} }),
      right: () => ({ path: '/v1/fetch', method: 'POST', headers: { authorization: `Bearer ${agentKey}` }, body: {} }),
      first: 401,
      passes: 400,
    },
  ],
  [
    'a key at the event stream',
    {
      wrong: () => ({ path: '/v1/events/stream', headers: wrongKey() }),
      right: () => ({ path: '/v1/events/stream?after=0', headers: rightKey() }),
      first: 401,
      passes: 200,
    },
  ],
  [
    'a key at /mcp',
    {
      wrong: () => mcp(wrongKey('ag')),
      right: () => mcp({ authorization: `Bearer ${agentKey}` }),
      first: 401,
      passes: 200,
    },
  ],
  [
    'a cookie at /v1',
    {
      wrong: () => ({
        path: '/v1/payments',
        headers: { cookie: `bursar_session=${randomBytes(32).toString('base64url')}` },
      }),
      right: async () => ({ path: '/v1/payments', headers: { cookie: (await finance.session()).cookie } }),
      first: 401,
      passes: 200,
    },
  ],
  [
    'a cookie at /auth/me',
    {
      wrong: () => ({
        path: '/auth/me',
        headers: { cookie: `bursar_session=${randomBytes(32).toString('base64url')}` },
      }),
      right: async () => ({ path: '/auth/me', headers: { cookie: (await finance.session()).cookie } }),
      first: 401,
      passes: 200,
    },
  ],
  [
    'a signature at /auth/siwe, also of a link of the command line',
    { wrong: () => siwe(false), right: () => siwe(true), first: 401, passes: 200 },
  ],
  [
    'a claim on an invoice',
    {
      wrong: () => ({ path: `/i/${invoice}/claims`, method: 'POST', body: claim }),
      right: () => ({ path: `/i/${invoice}` }),
      first: 422,
      passes: 402,
    },
  ],
  [
    'a payment of an invoice',
    {
      wrong: () => ({ path: `/i/${invoice}`, headers: { 'payment-signature': 'e30=' } }),
      right: () => ({ path: `/i/${invoice}` }),
      first: 402,
      passes: 402,
    },
  ],
  [
    'a payment at /x402/verify',
    {
      wrong: () => ({ path: '/x402/verify', method: 'POST', body: {} }),
      right: () => ({ path: '/x402/supported' }),
      first: 400,
      passes: 200,
    },
  ],
  [
    'a payment at /x402/settle',
    {
      wrong: () => ({ path: '/x402/settle', method: 'POST', body: {} }),
      right: () => ({ path: '/x402/supported' }),
      first: 400,
      passes: 200,
    },
  ],
];
/** Interfaces without a key: their limit is on requests, good ones too, since nobody can tell whose a signature is before it is checked. */
const isOpenRoute = (name: string): boolean => /invoice|x402/.test(name);

describe('too many of one address', () => {
  it.each(authentication.map(([name, auth], index) => [name, auth, index] as const))(
    'are turned away: %s',
    async (name, auth, index) => {
      const from = `127.0.7.${index + 1}`;
      const statuses: number[] = [];
      let wait = 0;
      // Each with another X-Forwarded-For: that must not make them many callers.
      for (let i = 0; i < 60 && wait === 0; i += 1) {
        const batch = await Promise.all(
          Array.from({ length: 10 }, async (_, j) => {
            const { headers, ...asked } = await auth.wrong();
            return ask(from, { ...asked, headers: { ...headers, 'x-forwarded-for': `198.51.${i}.${j}` } });
          }),
        );
        statuses.push(...batch.map(({ status }) => status));
        wait = Math.max(wait, ...batch.map(({ retryAfter }) => retryAfter));
      }
      expect(new Set(statuses)).toEqual(new Set([auth.first, 429]));
      expect(wait).toBeGreaterThan(0);
      expect((await ask('127.0.8.1', await auth.right())).status).toBe(auth.passes);
      // Nor are those locked out who share the address, as all agents of one machine do.
      if (!isOpenRoute(name)) expect((await ask(from, await auth.right())).status).toBe(auth.passes);
    },
  );

  it('are one event, which has no key in it', async () => {
    type Event = { type: string; data: { from: string; key_prefix: string | null; path: string } };
    const events = await eventBodies<Event>(testServer.bursar.store, 'credential.refused', 'session.refused');
    const refused = events.filter(({ type }) => type === 'credential.refused').map(({ data }) => data);
    expect(refused.filter(({ from }) => from === '127.0.7.5')).toMatchObject([{ path: '/mcp' }]);
    expect(refused[0]?.key_prefix).toMatch(/^bursar_op_[\w-]{6}$/);
    expect(refused.filter(({ from }) => from === '127.0.7.6')).toMatchObject([{ key_prefix: null }]);
    expect(events.some(({ type, data }) => type === 'session.refused' && data.from === '127.0.7.8')).toBe(true);
  });
});

describe('too many keys that begin like one', () => {
  it('are turned away from whatever address, and the one with that beginning still opens', async () => {
    const prefix = testServer.operatorKey?.slice(0, 16) ?? '';
    const guess = (): Ask => ({
      path: '/v1/payments',
      headers: { authorization: `Bearer ${prefix}${randomBytes(28).toString('base64url').slice(0, 37)}` },
    });
    for (let i = 0; i < 60; i += 1) expect((await ask(`127.0.9.${i + 1}`, guess())).status).toBe(401);
    expect((await ask('127.0.9.200', guess())).status).toBe(429);
    expect((await ask('127.0.9.200', { path: '/v1/payments', headers: wrongKey() })).status).toBe(401);
    expect((await ask('127.0.9.200', { path: '/v1/payments', headers: rightKey() })).status).toBe(200);
  });
});

describe('behind a proxy that is trusted', () => {
  it('callers count by the address that the proxy names, and other hosts cannot name one', async () => {
    const { config, bursar: opened } = testServer;
    const trusting = { ...config, server: { ...config.server, trusted_proxies: ['10.0.0.0/24'] } };
    const open = openAuthentication(opened.app, trusting);
    const http = createHttp(opened.app, open.people, open.keys);
    const status = async (socket: string, forwarded: string) => {
      const headers = { ...wrongKey(), 'x-forwarded-for': forwarded };
      return (await http.request('/v1/payments', { headers }, { incoming: { socket: { remoteAddress: socket } } }))
        .status;
    };
    for (let i = 0; i < 30; i += 1) expect(await status('10.0.0.1', '203.0.113.7')).toBe(401);
    expect(await status('10.0.0.1', '203.0.113.7')).toBe(429);
    expect(await status('10.0.0.1', '198.51.100.1, 203.0.113.7')).toBe(429);
    expect(await status('10.0.0.2', '203.0.113.8')).toBe(401);
    for (let i = 0; i < 30; i += 1) expect(await status('192.0.2.1', `203.0.113.${i}`)).toBe(401);
    expect(await status('192.0.2.1', '203.0.113.200')).toBe(429);
  });
});
