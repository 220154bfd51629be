import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/support/testServer.ts';
import { createBursar } from './client.ts';

let testServer: TestServer;
let agent: Awaited<ReturnType<TestServer['agent']>>;
beforeAll(async () => {
  testServer = await startTestServer();
  agent = await testServer.agent('buyer', '5');
  await testServer.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: `0x${'11'.repeat(20)}`,
    verified: true,
  });
});
afterAll(() => testServer?.end());

const amount = { value: '0.10', currency: 'USDC' } as const;

describe('the SDK without its optional arguments', () => {
  it('pays, and the same request again is the same payment', async () => {
    const bursar = createBursar({ url: testServer.url, apiKey: agent.key });
    const first = await bursar.pay({ payee: 'Grace', amount });
    expect(first).toMatchObject({ state: 'authorized', replayed: false });
    expect(await bursar.pay({ payee: 'Grace', amount })).toMatchObject({ id: first.id, replayed: true });
    expect(await bursar.pay({ payee: 'Grace', amount }, {})).toMatchObject({ id: first.id, replayed: true });
    const second = await bursar.pay({ payee: 'Grace', amount, again: 2 });
    expect(second.id).not.toBe(first.id);
    const keyed = await bursar.pay({ payee: 'Grace', amount }, { idempotencyKey: 'a-key-of-its-own' });
    expect([first.id, second.id]).not.toContain(keyed.id);
  });

  it('checks, lists, reads budget and payment', async () => {
    const bursar = createBursar({ url: `${testServer.url}/`, apiKey: agent.key });
    expect(await bursar.check({ payee: 'Grace', amount })).toMatchObject({ effect: 'allow' });
    expect((await bursar.payments()).payments.length).toBeGreaterThan(0);
    expect(await bursar.budget()).toMatchObject({ agent: agent.id });
  });

  it('hands in an offer and reports without a receipt', async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        seen.push(JSON.parse(Buffer.concat(chunks).toString()));
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bursar = createBursar({ url, apiKey: agent.key });
    await bursar.payX402({ url: 'https://seller.example', payment_required: 'e30=' });
    await bursar.reportX402('pay_1', 0);
    expect(seen).toEqual([
      { url: 'https://seller.example', payment_required: 'e30=' },
      { status: 0, payment_response: null },
    ]);
    await new Promise((resolve) => server.close(resolve));
  });
});
