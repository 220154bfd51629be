import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { x402Client } from '@x402/core/client';
import {
  decodePaymentRequiredHeader,
  decodePaymentResponseHeader,
  encodePaymentSignatureHeader,
} from '@x402/core/http';
import type { PaymentRequirements } from '@x402/core/types';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { wrapFetchWithPayment } from '@x402/fetch';
import { Hono } from 'hono';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Buyer, type Desk, listen, openScene, type Scene, SELLER } from '../../test/support/paymentScene.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { parseTable } from './table.ts';

let scene: Scene;
let desk: Desk;
let stops: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  scene = await openScene();
  desk = await scene.desk();
});
afterAll(async () => {
  await desk.stop();
  await scene.stop();
});
afterEach(async () => {
  await scene.local.client.setAutomine(true);
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

type Seen = { method: string; url: string; headers: IncomingMessage['headers']; raw: string[]; body: string };
type Work = (request: IncomingMessage, response: ServerResponse, body: string) => void;
type Api = { url: string; seen: Seen[]; server: Server };

/** A plain node server; it knows nothing of payments. */
async function api(work: Work): Promise<Api> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { method = '', url = '', headers, rawHeaders } = request;
    seen.push({ method, url, headers, raw: rawHeaders, body });
    work(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
}
const echo: Work = (request, response, body) => {
  response.setHeader('content-type', 'application/json');
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.end(JSON.stringify({ url: request.url, body }));
};

async function gateway(
  upstream: string,
  yaml: string,
  options: { followMs?: number; bursar?: string } = {},
): Promise<Gateway> {
  const bursar = options.bursar ?? desk.url.replace(/\/x402$/, '');
  const table = { ...parseTable(yaml), upstream, bursar };
  const { followMs } = options;
  const started = await startGateway({ table, payTo: SELLER, ...(followMs === undefined ? {} : { followMs }) });
  stops.push(() => started.stop());
  return started;
}
async function signed(buyer: Buyer, url: string, init: RequestInit = {}): Promise<string> {
  const asked = await fetch(url, init);
  expect(asked.status).toBe(402);
  const required = decodePaymentRequiredHeader(asked.headers.get('payment-required') ?? '');
  const [accepted] = required.accepts;
  if (!accepted) throw new Error('The offer is empty.');
  const payload = await buyer.pay(accepted);
  return encodePaymentSignatureHeader({
    ...payload,
    resource: required.resource,
    extensions: required.extensions ?? {},
  });
}
const paying = (header: string, init: RequestInit = {}): RequestInit => ({
  ...init,
  headers: { ...(init.headers as Record<string, string>), 'payment-signature': header },
});
const receiptOf = (response: Response) => decodePaymentResponseHeader(response.headers.get('payment-response') ?? '');

describe('a gateway before a plain HTTP API', () => {
  it('sells a priced route to the official client, and tells the upstream who paid how much', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(
      upstream.url,
      'url: "https://api.example"\nroutes: [{ match: "POST /ocr", price: "0.01" }]',
    );
    const buyer = await scene.buyer(10_000n);
    const bought = await buyer.fetch(`${url}/ocr?lang=de`, {
      method: 'POST',
      body: 'page 7',
      headers: { 'x-bursar-payer': 'me' },
    });
    expect(bought.status).toBe(200);
    expect(await bought.json()).toEqual({ url: '/ocr?lang=de', body: 'page 7' });
    expect(bought.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(bought.headers.get('cache-control')).toBe('private');
    const receipt = receiptOf(bought);
    expect(await scene.transfers(buyer.account.address)).toEqual([receipt.transaction]);
    expect(receipt.extensions?.['bursar-receipt']).toMatchObject({
      resource: 'https://api.example/ocr',
      amount: '10000',
    });
    expect(upstream.seen).toHaveLength(1);
    expect(upstream.seen[0]?.headers).toMatchObject({
      'x-bursar-payer': buyer.account.address,
      'x-bursar-amount': '10000',
    });
    expect(upstream.seen[0]?.headers['payment-signature']).toBeUndefined();
  });

  it('sells to 30 buyers at once', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'price: "0.01"');
    const buyers = await Promise.all(Array.from({ length: 30 }, () => scene.buyer(10_000n)));
    const answers = await Promise.all(buyers.map((buyer) => buyer.fetch(`${url}/`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
    expect(upstream.seen).toHaveLength(30);
  });

  it('runs the upstream once for one header sent six times at once', async () => {
    const upstream = await api((_request, response) => void setTimeout(() => response.end('done'), 150));
    const { url } = await gateway(upstream.url, 'price: "0.01"');
    const buyer = await scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/job`);
    const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${url}/job`, paying(header))));
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(Array(6).fill('done'));
    expect(upstream.seen).toHaveLength(1);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
    expect((await fetch(`${url}/other`, paying(header))).status).toBe(409);
  });

  it('charges nothing for an upstream that fails, is away, takes too long or says too much', async () => {
    const upstream = await api((request, response) => {
      if (request.url === '/500') response.writeHead(500).end('no');
      if (request.url === '/404') response.writeHead(404).end('no');
      if (request.url === '/cut') response.destroy();
      if (request.url === '/big') response.end('x'.repeat(2_000));
    });
    const { url } = await gateway(
      upstream.url,
      '{ price: "0.01", limits: { response_bytes: 1000, upstream_timeout_ms: 200 } }',
    );
    const buyer = await scene.buyer(100_000n);
    for (const [path, status] of [
      ['/500', 500],
      ['/404', 404],
      ['/cut', 502],
      ['/big', 502],
      ['/hangs', 504],
    ] as const) {
      expect([path, (await buyer.fetch(`${url}${path}`)).status]).toEqual([path, status]);
    }
    const away = await gateway('http://127.0.0.1:9', 'price: "0.01"');
    expect((await buyer.fetch(`${away.url}/`)).status).toBe(502);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(0);
  });

  it('serves after all when the miner was slow', async () => {
    const slow = await scene.desk({ minedWithinMs: 50 });
    stops.push(() => slow.stop());
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'price: "0.01"', { bursar: slow.url.replace(/\/x402$/, '') });
    const buyer = await scene.buyer(10_000n);
    await scene.local.client.setAutomine(false);
    const bought = buyer.fetch(`${url}/`);
    await expect.poll(async () => (await scene.local.client.getTxpoolStatus()).pending).toBe(1);
    await scene.local.client.mine({ blocks: 1 });
    expect((await bought).status).toBe(200);
  });

  it('answers 503 on priced routes while the facilitator is down, and passes the others through', async () => {
    const upstream = await api(echo);
    const table = 'routes: [{ match: "/ocr", price: "0.01" }]';
    const { url } = await gateway(upstream.url, table, { bursar: 'http://127.0.0.1:9' });
    expect((await fetch(`${url}/ocr`)).status).toBe(503);
    expect((await fetch(`${url}/free`)).status).toBe(200);
    expect(upstream.seen.map((each) => each.url)).toEqual(['/free']);
  });

  it('bounds a priced request before it is held', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, '{ price: "0.01", limits: { request_bytes: 10 } }');
    const buyer = await scene.buyer(100_000n);
    const big = { method: 'POST', body: 'x'.repeat(11) };
    expect((await fetch(`${url}/`, paying(await signed(buyer, `${url}/`, big), big))).status).toBe(413);
    expect(upstream.seen).toHaveLength(0);
  });

  it('refuses upto at the start where the facilitator does not settle it, with the reason', async () => {
    const table = 'routes: [{ match: "/llm", price: "1", scheme: upto, charge_header: x-cost }]';
    await expect(gateway('http://127.0.0.1:9', table)).rejects.toThrow(/does not settle/);
    await expect(gateway('http://127.0.0.1:9', table, { bursar: 'http://127.0.0.1:9' })).rejects.toThrow(
      /does not answer/,
    );
  });

  it('offers on a path in disguise instead of serving it', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'routes: [{ match: "GET /ocr", price: "0.01" }]');
    const { port, hostname } = new URL(url);
    const raw = (path: string, method = 'GET') =>
      new Promise<number | undefined>((resolve, reject) => {
        const sent = httpRequest({ host: hostname, port, path, method }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        sent.once('error', reject);
        sent.end();
      });
    expect(await raw('/OCR')).toBe(402);
    expect(await raw('//ocr//')).toBe(402);
    expect(await raw('/%6Fcr')).toBe(402);
    expect(await raw('/ocr', 'HEAD')).toBe(402);
    expect(await raw('/x/../ocr')).toBe(400);
    expect(await raw('/x/%2e%2e/ocr')).toBe(400);
    expect(await raw('http://127.0.0.1/ocr')).toBe(400);
    expect(upstream.seen).toHaveLength(0);
  });
});

describe('what a gateway passes through', () => {
  it('tells the upstream its own name and the client’s address, and drops what is between two parties only', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/ocr", price: "0.01" }]');
    const answer = await fetch(`${url}/free?a=1`, {
      headers: {
        connection: 'close, x-secret-hop',
        'x-secret-hop': '1',
        'x-forwarded-for': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-http-method-override': 'DELETE',
        'x-original-url': '/ocr',
        'payment-signature': 'AAAA',
        'x-kept': 'yes',
      },
    }).catch(() => null);
    // The official fetch refuses to send `connection`; the rest goes by a plain request.
    expect(answer).toBeNull();
    const { port, hostname } = new URL(url);
    await new Promise<void>((resolve) => {
      httpRequest(
        {
          host: hostname,
          port,
          path: '/free?a=1',
          headers: {
            connection: 'close, x-secret-hop',
            'x-secret-hop': '1',
            'x-forwarded-for': '6.6.6.6',
            forwarded: 'for=6.6.6.6',
            'x-http-method-override': 'DELETE',
            'x-original-url': '/ocr',
            'payment-signature': 'AAAA',
            'x-kept': 'yes',
          },
        },
        (response) => response.resume().once('end', resolve),
      ).end();
    });
    const [seen] = upstream.seen;
    expect(seen?.url).toBe('/free?a=1');
    expect(seen?.headers).toMatchObject({
      host: new URL(upstream.url).host,
      'x-forwarded-for': '127.0.0.1',
      'x-kept': 'yes',
    });
    for (const name of ['x-secret-hop', 'forwarded', 'x-http-method-override', 'x-original-url', 'payment-signature']) {
      expect([name, seen?.headers[name]]).toEqual([name, undefined]);
    }
  });

  it('lets a free event stream’s first event through before the second is written', async () => {
    let more: () => void = () => {};
    const upstream = await api((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      more = () => response.end('data: 2\n\n');
    });
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/ocr", price: "0.01" }]');
    const reader = (await fetch(`${url}/events`)).body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
    more();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 2\n\n');
  });

  it('streams a priced route that is settled upfront, once per payment', async () => {
    let more: () => void = () => {};
    const upstream = await api((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      more = () => response.end('data: 2\n\n');
    });
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/live", price: "0.01", flow: upfront }]');
    const buyer = await scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/live`);
    const stream = await fetch(`${url}/live`, paying(header));
    expect([stream.status, receiptOf(stream).success]).toEqual([200, true]);
    const reader = stream.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
    more();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 2\n\n');
    const again = await fetch(`${url}/live`, paying(header));
    expect([again.status, await again.json()]).toMatchObject([409, { code: 'payment_served' }]);
    expect(upstream.seen).toHaveLength(1);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });

  it('passes websockets through on free routes, and refuses them on priced ones', async () => {
    const upstream = await api(echo);
    upstream.server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
      socket.on('data', (chunk: Buffer) => socket.write(`you said ${chunk.toString()}`));
      socket.on('end', () => socket.end());
    });
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/sold", price: "0.01" }]');
    const { port, hostname } = new URL(url);
    const talk = (path: string, word: string) =>
      new Promise<string>((resolve) => {
        let heard = '';
        const socket = connect(Number(port), hostname, () => {
          socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`);
        });
        socket.on('data', (chunk: Buffer) => {
          heard += chunk.toString();
          if (heard.includes('101') && !heard.includes('you said')) socket.write(word);
          else socket.end();
        });
        socket.once('close', () => resolve(heard));
      });
    expect(await talk('/chat', 'hello')).toMatch(/^HTTP\/1.1 101 .*you said hello$/s);
    expect(await talk('/sold', 'hello')).toMatch(/^HTTP\/1.1 501 .*upgrade_not_sold/s);
    expect(await talk('/SOLD/', 'hello')).toMatch(/^HTTP\/1.1 501/);
  });
});

/**
 * Permit2 and the upto proxy are on no local chain here (no package has their code), so this facilitator only writes down
 * what it is asked; the payment is signed by the official upto client.
 */
async function uptoFacilitator(): Promise<{ url: string; settled: string[] }> {
  const settled: string[] = [];
  const address = SELLER;
  const { url } = await api((request, response, body) => {
    const kinds = [{ x402Version: 2, scheme: 'upto', network: 'eip155:31337', extra: { facilitatorAddress: address } }];
    const { paymentRequirements } = (body === '' ? {} : JSON.parse(body)) as {
      paymentRequirements?: { amount: string };
    };
    if (request.url === '/settle') settled.push(paymentRequirements?.amount ?? '');
    const answers: Record<string, object> = {
      '/supported': { kinds, extensions: [], signers: {} },
      '/verify': { isValid: true, payer: address },
      '/settle': {
        success: true,
        transaction: `0x${'ab'.repeat(32)}`,
        network: 'eip155:31337',
        payer: address,
        amount: paymentRequirements?.amount,
      },
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[request.url ?? ''] ?? {}));
  });
  return { url, settled };
}

describe('a route that is sold by what it comes to', () => {
  it('settles what the upstream says in its header, at most what was signed, and nothing when it says nothing', async () => {
    const costs: Record<string, string> = { '/cheap': '0.0123', '/dear': '7', '/none': '0', '/odd': '-1' };
    const upstream = await api((request, response) => {
      const cost = costs[request.url ?? ''];
      if (cost !== undefined) response.setHeader('x-cost', cost);
      if (request.url === '/fails') response.writeHead(500, { 'x-cost': '0.01' });
      response.end('text');
    });
    const facilitator = await uptoFacilitator();
    const { chain, domain } = scene;
    const { url } = await gateway(
      upstream.url,
      `facilitator: "${facilitator.url}"
asset: { network: "eip155:31337", address: "${chain.token}", name: "${domain.name}", version: "${domain.version}" }
routes: [{ match: "/*", price: "0.05", scheme: upto, charge_header: X-Cost }]`,
    );
    const account = privateKeyToAccount(generatePrivateKey());
    const client = new x402Client().register('eip155:*', new UptoEvmScheme(account)).setSpendControls(false);
    const pay = wrapFetchWithPayment(fetch, client);
    const get = async (path: string) => {
      const answer = await pay(`${url}${path}`);
      return [answer.status, answer.headers.get('x-cost'), facilitator.settled.at(-1)];
    };
    expect(await get('/cheap')).toEqual([200, null, '12300']);
    expect(await get('/dear')).toEqual([200, null, '50000']);
    expect(await get('/none')).toEqual([200, null, '0']);
    expect(facilitator.settled).toHaveLength(3);
    expect((await get('/odd'))[0]).toBe(502);
    expect((await get('/silent'))[0]).toBe(502);
    expect((await get('/fails'))[0]).toBe(500);
    expect(facilitator.settled).toHaveLength(3);
  });
});

describe('a gateway before an MCP server', () => {
  async function library(): Promise<{ url: string; runs: () => number }> {
    let runs = 0;
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'library', version: '1' });
      server.registerTool('search', { inputSchema: z.object({ q: z.string() }) }, async ({ q }) => {
        runs += 1;
        return { content: [{ type: 'text', text: `found ${q}` }] };
      });
      server.registerTool('help', { inputSchema: z.object({}) }, async () => ({
        content: [{ type: 'text', text: 'ask' }],
      }));
      return server;
    });
    const app = new Hono();
    app.all('/mcp', (c) => handler.fetch(c.req.raw));
    const { url, stop } = await listen(app);
    stops.push(stop);
    return { url, runs: () => runs };
  }
  async function connected(url: string, using?: typeof fetch): Promise<Client> {
    const client = new Client({ name: 'agent', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), using ? { fetch: using } : {}));
    stops.push(() => client.close());
    return client;
  }
  const QUERY = { name: 'search', arguments: { q: 'x402' } };

  it('sells each tool at its price to an MCP client with the official paying fetch; the rest of the protocol is free', async () => {
    const upstream = await library();
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/mcp", tools: { search: "0.02" } }]');
    const buyer = await scene.buyer(100_000n);
    const client = await connected(url, buyer.fetch);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['search', 'help']);
    expect(await client.callTool({ name: 'help', arguments: {} })).toMatchObject({ content: [{ text: 'ask' }] });
    expect(await scene.transfers(buyer.account.address)).toHaveLength(0);
    expect(await client.callTool(QUERY)).toMatchObject({ content: [{ text: 'found x402' }] });
    expect(upstream.runs()).toBe(1);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
    const poor = await connected(url);
    await expect(poor.callTool(QUERY)).rejects.toThrow();
    expect(upstream.runs()).toBe(1);
  });

  it('speaks x402’s own MCP transport too: offer, payment and receipt travel in the messages', async () => {
    const upstream = await library();
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/mcp", wire: mcp, tools: { search: "0.02" } }]');
    const buyer = await scene.buyer(100_000n);
    const client = await connected(url);
    const offered = await client.callTool(QUERY);
    expect(offered).toMatchObject({
      isError: true,
      structuredContent: { x402Version: 2, accepts: [{ amount: '20000' }] },
    });
    const required = offered.structuredContent as { accepts: PaymentRequirements[]; resource: { url: string } };
    expect(required.resource.url).toBe('mcp://tool/search');
    expect(JSON.parse((offered.content as { text: string }[])[0]?.text ?? '')).toEqual(offered.structuredContent);
    const [accepted] = required.accepts;
    if (!accepted) throw new Error('The offer is empty.');
    const payment = { ...(await buyer.pay(accepted)), resource: required.resource };
    const bought = await client.callTool({ ...QUERY, _meta: { 'x402/payment': payment } });
    expect(bought.content).toEqual([{ type: 'text', text: 'found x402' }]);
    const receipt = bought._meta?.['x402/payment-response'] as { success: boolean; transaction: string };
    expect(await scene.transfers(buyer.account.address)).toEqual([receipt.transaction]);
    const other = { name: 'search', arguments: { q: 'another' }, _meta: { 'x402/payment': payment } };
    await expect(client.callTool(other)).rejects.toThrow();
    expect(upstream.runs()).toBe(1);
    const forged = { ...payment, payload: { ...payment.payload, signature: `0x${'11'.repeat(65)}` } };
    const tampered = {
      ...payment,
      payload: {
        ...forged.payload,
        authorization: { ...(payment.payload.authorization as object), nonce: `0x${'33'.repeat(32)}` },
      },
    };
    expect(await client.callTool({ ...QUERY, _meta: { 'x402/payment': tampered } })).toMatchObject({ isError: true });
    expect(upstream.runs()).toBe(1);
  });
});
