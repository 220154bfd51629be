import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { echo, gatewayWorld } from '../../../test/support/gatewayWorld.ts';
import { paying, receiptOf, signed } from '../../../test/support/paidRequest.ts';

const world = gatewayWorld();
const { api, gateway } = world;

describe('a gateway before a plain HTTP API', () => {
  it('sells a priced route to the official client, and tells the upstream who paid how much', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(
      upstream.url,
      'url: "https://api.example"\nroutes: [{ match: "POST /ocr", price: "0.01" }]',
    );
    const buyer = await world.scene.buyer(10_000n);
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
    expect(await world.scene.transfers(buyer.account.address)).toEqual([receipt.transaction]);
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
    const buyers = await Promise.all(Array.from({ length: 30 }, () => world.scene.buyer(10_000n)));
    const answers = await Promise.all(buyers.map((buyer) => buyer.fetch(`${url}/`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
    expect(upstream.seen).toHaveLength(30);
  });

  it('runs the upstream once for one header sent six times at once', async () => {
    const upstream = await api((_request, response) => void setTimeout(() => response.end('done'), 150));
    const { url } = await gateway(upstream.url, 'price: "0.01"');
    const buyer = await world.scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/job`);
    const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${url}/job`, paying(header))));
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(Array(6).fill('done'));
    expect(upstream.seen).toHaveLength(1);
    expect(await world.scene.transfers(buyer.account.address)).toHaveLength(1);
    expect((await fetch(`${url}/other`, paying(header))).status).toBe(409);
  });

  it('charges nothing for an upstream that fails, is away, takes too long or says too much', async () => {
    const upstream = await api((request, response) => {
      if (request.url === '/500') response.writeHead(500).end('no');
      if (request.url === '/404') response.writeHead(404).end('no');
      if (request.url === '/cut') response.destroy();
      if (request.url === '/big') response.end('x'.repeat(2_000));
    });
    const { url } = await gateway(upstream.url, '{ price: "0.01", limits: { response_bytes: 1000 } }');
    const buyer = await world.scene.buyer(100_000n);
    for (const [path, status] of [
      ['/500', 500],
      ['/404', 404],
      ['/cut', 502],
      ['/big', 502],
    ] as const) {
      expect([path, (await buyer.fetch(`${url}${path}`)).status]).toEqual([path, status]);
    }
    const hasty = await gateway(upstream.url, '{ price: "0.01", limits: { upstream_timeout_ms: 100 } }');
    expect((await buyer.fetch(`${hasty.url}/hangs`)).status).toBe(504);
    const away = await gateway('http://127.0.0.1:9', 'price: "0.01"');
    expect((await buyer.fetch(`${away.url}/`)).status).toBe(502);
    expect(await world.scene.transfers(buyer.account.address)).toHaveLength(0);
  });

  it('serves after all when the miner was slow', async () => {
    const slow = await world.scene.desk({ minedWithinMs: 50 });
    world.stops.push(() => slow.stop());
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'price: "0.01"', { bursar: slow.url.replace(/\/x402$/, '') });
    const buyer = await world.scene.buyer(10_000n);
    await world.scene.local.client.setAutomine(false);
    const bought = buyer.fetch(`${url}/`);
    await expect
      .poll(async () => (await world.scene.local.client.getTxpoolStatus()).pending, { timeout: 20_000 })
      .toBe(1);
    await world.scene.local.client.mine({ blocks: 1 });
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
    const buyer = await world.scene.buyer(100_000n);
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
