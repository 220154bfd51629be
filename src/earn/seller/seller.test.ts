import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodePaymentSignatureHeader, encodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentPayload } from '@x402/core/types';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { paying, receiptOf, signed } from '../../../test/support/paidRequest.ts';
import { type Desk, openScene, type Scene, SELLER } from '../../../test/support/paymentScene.ts';
import { freePort, relay, type Start, starts, stops } from '../../../test/support/sellers.ts';
import { durableSales, sell as sellHono } from './hono.ts';

let scene: Scene;
let desk: Desk;
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
  for (const stop of stops.splice(0).reverse()) await stop();
});

const PAGE = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"page":"7"}' };

describe.each(Object.entries(starts))('selling with %s', (_name, open) => {
  const start: Start = (options) => open({ bursar: desk.url.replace(/\/x402$/, ''), ...options });

  it('sells to the official client, and gives it a receipt with the transaction', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(10_000n);
    const bought = await buyer.fetch(`${url}/ocr`, PAGE);
    expect(bought.status).toBe(200);
    expect(await bought.json()).toEqual({ run: 1, page: '7' });
    expect(runs()).toBe(1);
    const receipt = receiptOf(bought);
    expect(await scene.transfers(buyer.account.address)).toEqual([receipt.transaction]);
    expect(receipt.extensions?.['bursar-receipt']).toMatchObject({
      transaction: receipt.transaction,
      payer: buyer.account.address,
      pay_to: SELLER,
      amount: '10000',
      resource: 'https://ocr.example/ocr',
    });
    expect(await (await fetch(`${url}/free`)).text()).toBe('free');
  });

  it('sells to 30 buyers at once', async () => {
    const { url, runs } = await start({});
    const buyers = await Promise.all(Array.from({ length: 30 }, () => scene.buyer(10_000n)));
    const answers = await Promise.all(buyers.map((buyer) => buyer.fetch(`${url}/ocr`, PAGE)));
    expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
    expect(runs()).toBe(30);
  });

  it('runs the handler once for one header sent six times at once, and gives all six the one answer', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(50_000n);
    const header = await signed(buyer, `${url}/slow`, {}, `order_${'b2'.repeat(10)}`);
    const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${url}/slow`, paying(header))));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual(Array(6).fill({ run: 1 }));
    expect(runs()).toBe(1);
    const again = await fetch(`${url}/slow`, paying(header));
    expect(await again.json()).toEqual({ run: 1 });
    expect(receiptOf(again).success).toBe(true);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });

  it('sells one request per payment: the same header does not buy another page, path or query', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/ocr`, PAGE);
    expect((await fetch(`${url}/ocr`, paying(header, PAGE))).status).toBe(200);
    const other = await fetch(`${url}/ocr`, paying(header, { ...PAGE, body: '{"page":"8"}' }));
    expect([other.status, ((await other.json()) as { code: string }).code]).toEqual([409, 'payment_conflict']);
    expect((await fetch(`${url}/ocr?page=9`, paying(header, PAGE))).status).toBe(409);
    expect((await fetch(`${url}/slow`, paying(header))).status).toBe(409);
    expect(runs()).toBe(1);
  });

  it('gives nobody an answer for what the chain shows of its payment, neither forged nor whole', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/slow`);
    expect((await fetch(`${url}/slow`, paying(header))).status).toBe(200);
    const seen = decodePaymentSignatureHeader(header);
    // Payer and nonce are in the token's log, the signature in the transaction's data.
    const named = encodePaymentSignatureHeader({
      ...seen,
      payload: { ...seen.payload, signature: `0x${'11'.repeat(65)}` },
    });
    const copied = encodePaymentSignatureHeader(seen);
    const answers = await Promise.all([named, copied].map((each) => fetch(`${url}/slow`, paying(each))));
    expect(answers.map(({ status }) => status)).toEqual([409, 409]);
    for (const answer of answers) expect(await answer.text()).not.toContain('"run"');
    expect(runs()).toBe(1);
    // With an identifier, which is nowhere on the chain, the same guesses get nothing, and the buyer gets the answer again.
    const own = await signed(buyer, `${url}/slow`, {}, `order_${'c3'.repeat(10)}`);
    expect(await (await fetch(`${url}/slow`, paying(own))).json()).toEqual({ run: 2 });
    const { extensions: _identifier, ...rest } = decodePaymentSignatureHeader(own);
    expect((await fetch(`${url}/slow`, paying(encodePaymentSignatureHeader(rest)))).status).toBe(409);
    expect(await (await fetch(`${url}/slow`, paying(own))).json()).toEqual({ run: 2 });
  });

  it('answers a second payment under a known payment-identifier with 409, and takes no money', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(100_000n);
    const id = `retry_${'a1'.repeat(10)}`;
    const first = await signed(buyer, `${url}/slow`, {}, id);
    expect((await fetch(`${url}/slow`, paying(first))).status).toBe(200);
    const second = await signed(buyer, `${url}/slow`, {}, id);
    expect((await fetch(`${url}/slow`, paying(second))).status).toBe(409);
    expect(runs()).toBe(1);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });

  it('asks for money for a HEAD too, and whatever else the framework takes for the route', async () => {
    const { url, runs } = await start({});
    expect((await fetch(`${url}/slow`, { method: 'HEAD' })).status).toBe(402);
    for (const path of ['/slow/', '//slow', '/SLOW', '/%73low', '/slow;v=1', '/./slow', '/slow?', '/slow#x']) {
      expect([path, (await fetch(`${url}${path}`)).status]).toEqual([
        path,
        expect.toSatisfy((s) => s === 402 || s === 404),
      ]);
    }
    expect(runs()).toBe(0);
  });

  it('charges nothing when the handler fails, and lets the buyer try again with the same header', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(10_000n);
    const header = await signed(buyer, `${url}/broken`);
    expect((await fetch(`${url}/broken`, paying(header))).status).toBe(500);
    expect((await fetch(`${url}/broken`, paying(header))).status).toBe(500);
    expect(runs()).toBe(2);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(0);
  });

  it('refuses what was tampered with, and nonsense, without running the handler', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/slow`);
    const payload = JSON.parse(Buffer.from(header, 'base64').toString()) as PaymentPayload;
    const authorization = payload.payload.authorization as Record<string, string>;
    const changed = (changes: object) =>
      encodePaymentSignatureHeader({ ...payload, payload: { ...payload.payload, ...changes } });
    const headers = [
      changed({ authorization: { ...authorization, nonce: `0x${'22'.repeat(32)}` } }),
      changed({ authorization: { ...authorization, value: '1' } }),
      changed({ signature: '0x' }),
      changed({ authorization: null }),
      encodePaymentSignatureHeader({ ...payload, accepted: { ...payload.accepted, amount: '1' } }),
      'AAAA',
      '{}',
      Buffer.from('null').toString('base64'),
      Buffer.from('{"payload":1}').toString('base64'),
    ];
    for (const bad of headers) {
      const { status } = await fetch(`${url}/slow`, paying(bad));
      expect([bad.slice(0, 40), status >= 400 && status < 500]).toEqual([bad.slice(0, 40), true]);
    }
    expect(runs()).toBe(0);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(0);
  });

  it('waits for a slow miner and then serves, instead of taking settlement_pending for a failure', async () => {
    const impatient = await scene.desk({ minedWithinMs: 50 });
    stops.push(impatient.stop);
    const { url, runs } = await start({ bursar: impatient.url.replace(/\/x402$/, '') });
    const buyer = await scene.buyer(10_000n);
    await scene.local.client.setAutomine(false);
    const bought = buyer.fetch(`${url}/slow`);
    await expect.poll(async () => (await scene.local.client.getTxpoolStatus()).pending, { timeout: 20_000 }).toBe(1);
    await scene.local.client.mine({ blocks: 1 });
    expect((await bought).status).toBe(200);
    expect(runs()).toBe(1);
  });

  it('serves after all when the outcome came too late for the first answer', async () => {
    const impatient = await scene.desk({ minedWithinMs: 50 });
    stops.push(impatient.stop);
    const { url } = await start({ bursar: impatient.url.replace(/\/x402$/, ''), followMs: 100 });
    const buyer = await scene.buyer(10_000n);
    const header = await signed(buyer, `${url}/slow`);
    await scene.local.client.setAutomine(false);
    const first = await fetch(`${url}/slow`, paying(header));
    expect([first.status, receiptOf(first).errorReason]).toEqual([402, 'settlement_pending']);
    await scene.local.client.mine({ blocks: 1 });
    const second = await fetch(`${url}/slow`, paying(header));
    expect([second.status, receiptOf(second).success]).toEqual([200, true]);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });

  it('settles before the handler where the route says so, and sells once all the same', async () => {
    const { url, runs } = await start({});
    const buyer = await scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/upfront`, {}, `order_${'e5'.repeat(10)}`);
    expect((await fetch(`${url}/upfront`, paying(header))).status).toBe(200);
    expect((await fetch(`${url}/upfront`, paying(header))).status).toBe(200);
    expect(runs()).toBe(1);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });

  it('answers 503 on priced routes while the facilitator is down, serves the others, and recovers', async () => {
    const port = await freePort();
    const { url, runs } = await start({ bursar: `http://127.0.0.1:${port}` });
    expect((await fetch(`${url}/slow`)).status).toBe(503);
    expect((await fetch(`${url}/free`)).status).toBe(200);
    stops.push(await relay(port, desk.url.replace(/\/x402$/, '')));
    const buyer = await scene.buyer(10_000n);
    expect((await buyer.fetch(`${url}/slow`)).status).toBe(200);
    expect(runs()).toBe(1);
  });

  it('serves when the answer to settle is lost on the way: the chain says that it settled', async () => {
    const port = await freePort();
    stops.push(await relay(port, desk.url.replace(/\/x402$/, ''), '/x402/settle'));
    const { url, runs } = await start({ bursar: `http://127.0.0.1:${port}` });
    const buyer = await scene.buyer(10_000n);
    const bought = await buyer.fetch(`${url}/slow`);
    expect([bought.status, receiptOf(bought).transaction]).toEqual([
      200,
      (await scene.transfers(buyer.account.address))[0],
    ]);
    expect(runs()).toBe(1);
  });
});

describe('sales kept in a file', () => {
  it('outlive the process: the same header gets the answer that it bought', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'bursar-sales-')), 'sales.sqlite');
    const buyer = await scene.buyer(100_000n);
    const before = await durableSales(path);
    const first = await starts.hono?.({ bursar: desk.url.replace(/\/x402$/, ''), sales: before });
    const header = await signed(buyer, `${first?.url}/files/a.txt`, {}, `order_${'d4'.repeat(10)}`);
    const answer = await (await fetch(`${first?.url}/files/a.txt`, paying(header))).text();
    expect(answer).toBe('file a.txt 1');
    await before.close();
    const after = await durableSales(path);
    stops.push(() => after.close());
    const second = await starts.hono?.({ bursar: desk.url.replace(/\/x402$/, ''), sales: after });
    const again = await fetch(`${second?.url}/files/a.txt`, paying(header));
    expect([again.status, await again.text(), second?.runs()]).toEqual([200, 'file a.txt 1', 0]);
    expect((await fetch(`${second?.url}/files/b.txt`, paying(header))).status).toBe(409);
  });
});

describe('options that cannot be meant', () => {
  it('are refused when the app starts', () => {
    expect(() => sellHono({ 'GET /a': '0' }, { payTo: SELLER })).toThrow(/zero/);
    expect(() => sellHono({ 'GET /a': '1e3' }, { payTo: SELLER })).toThrow(/not an amount/);
    expect(() => sellHono({ 'GET /a': '0.01' }, { payTo: '0x12' })).toThrow(/payTo/);
    expect(() => sellHono({}, { payTo: SELLER })).toThrow(/no route/);
  });
});
