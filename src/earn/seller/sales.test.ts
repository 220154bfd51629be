import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { durableSales } from './durableSales.ts';
import { type Answer, memorySales, type Sale, type SaleStore, saleOf } from './sales.ts';

let nowMs = 1_000_000;
const clock = () => nowMs;
const durable = await durableSales(join(mkdtempSync(join(tmpdir(), 'bursar-sales-')), 'sales.sqlite'), clock);
afterAll(() => durable.close());

let count = 0;
const sale = (changes: Partial<Sale> = {}): Sale => {
  count += 1;
  return { key: `eip155:1:0xpayer:${count}`, identifier: null, request: 'r1', ...changes };
};
const answer = (text: string): Answer => ({
  status: 200,
  headers: [
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ],
  body: new Uint8Array(Buffer.from(text)),
});
const textOf = (claimed: Awaited<ReturnType<SaleStore['claim']>>) =>
  claimed.kind === 'answered' ? [Buffer.from(claimed.answer.body).toString(), claimed.answer.headers] : claimed;

describe.each([
  ['in memory', memorySales(clock)],
  ['in a file', durable],
])('sales kept %s', (_name, sales) => {
  it('are held by one, and give the others the answer once there is one', async () => {
    const one = sale();
    expect(await sales.claim(one)).toEqual({ kind: 'new', owed: false });
    expect(await sales.claim(one)).toEqual({ kind: 'busy' });
    await sales.finish(one, answer('page'));
    expect(textOf(await sales.claim(one))).toEqual(['page', answer('').headers]);
    const large = sale();
    await sales.claim(large);
    await sales.finish(large, null);
    expect(await sales.claim(large)).toEqual({ kind: 'gone' });
  });

  it('belong to one request, and an identifier to one payment', async () => {
    const one = sale({ identifier: `order_${count}_0123456789` });
    await sales.claim(one);
    await sales.finish(one, answer('page'));
    expect(await sales.claim({ ...one, request: 'r2' })).toEqual({ kind: 'conflict' });
    expect(await sales.claim({ ...one, key: `${one.key}b` })).toEqual({ kind: 'conflict' });
  });

  it('that came to nothing may be tried again, and are owed only where money may have moved', async () => {
    const one = sale({ identifier: `order_${count}_9876543210` });
    await sales.claim(one);
    await sales.release(one, false);
    expect(await sales.claim(one)).toEqual({ kind: 'new', owed: false });
    await sales.release(one, true);
    expect(await sales.claim({ ...one, request: 'r2' })).toEqual({ kind: 'conflict' });
    expect(await sales.claim(one)).toEqual({ kind: 'new', owed: true });
  });
});

describe('a claim that was left behind', () => {
  it('is owed only where all that was ever served is on file', async () => {
    const memory = memorySales(clock);
    const [one, two] = [sale(), sale()];
    await memory.claim(one);
    await durable.claim(two);
    nowMs += 3_600_001;
    expect(await memory.claim(one)).toEqual({ kind: 'new', owed: false });
    expect(await durable.claim(two)).toEqual({ kind: 'new', owed: true });
  });
});

describe('memory for sales', () => {
  it('is bounded: the oldest answers go first, claims stay', async () => {
    const memory = memorySales(clock);
    const held = sale();
    await memory.claim(held);
    const big = new Uint8Array(20 * 1024 * 1024);
    const sold = [sale(), sale(), sale(), sale()];
    for (const each of sold) {
      await memory.claim(each);
      await memory.finish(each, { status: 200, headers: [], body: big });
    }
    expect(await memory.claim(held)).toEqual({ kind: 'busy' });
    expect(await memory.claim(sold[0] as Sale)).toEqual({ kind: 'new', owed: false });
    expect((await memory.claim(sold[3] as Sale)).kind).toBe('answered');
  });
});

describe('what a header stands for', () => {
  const header = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
  const request = { method: 'GET', target: '/a?b', body: '' };
  const payment = (nonce: string) => ({
    x402Version: 2,
    accepted: { network: 'eip155:1' },
    payload: { authorization: { from: '0xAB', nonce }, signature: '0x' },
  });
  it('is the nonce, however it is written, and the request', () => {
    const one = saleOf(header(payment('0xCD')), request);
    expect(one?.key).toBe('eip155:1:0xab:0xcd');
    expect(saleOf(header(payment('0xcd')), request)?.key).toBe(one?.key);
    expect(saleOf(header(payment('0xCD')), { ...request, target: '/a?c' })?.request).not.toBe(one?.request);
    expect(saleOf(header(payment('0xCD')), { ...request, body: 'x' })?.request).not.toBe(one?.request);
  });
  it('is nothing where it is nested too deep to be looked at', () => {
    const text = JSON.stringify(payment('0xCD')).replace('"0x"', `${'['.repeat(5_000)}${']'.repeat(5_000)}`);
    expect(saleOf(Buffer.from(text).toString('base64'), request)).toBeNull();
  });
  it('is nothing where it is no payment', () => {
    for (const bad of [
      undefined,
      '',
      'AAAA',
      '{',
      header(null),
      header(7),
      header({ payload: null }),
      'A'.repeat(70_000),
    ]) {
      expect(saleOf(bad, request)).toBeNull();
    }
  });
});
