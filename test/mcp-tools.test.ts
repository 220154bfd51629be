import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Agent,
  asked,
  type Call,
  connect,
  type Json,
  type McpScene,
  mcpScene,
  overHttp,
  stdioCommand,
  usdc,
} from './support/mcpScene.ts';

let scene: McpScene;
let server: McpScene['server'];
let agent: Agent;
let client: Client;
let call: Call;
beforeAll(async () => {
  scene = await mcpScene();
  server = scene.server;
  agent = await server.agent('a busy one', '20');
  ({ client, call } = await connect(overHttp(server, agent)));
});
afterAll(async () => {
  await client?.close();
  await scene?.end();
});

describe('a payment in review', () => {
  it('is waited for: a payment in review is looked at, not sent again', async () => {
    await server.operator.call('create_payee', {
      name: 'Newcomer',
      kind: 'contractor',
      categories: ['contractor'],
      address: '0x00000000000000000000000000000000000beef2',
    });
    const request = { payee: 'Newcomer', amount: usdc('1.00') };
    expect((await call('check', request)).structuredContent).toMatchObject({ effect: 'review' });
    const held = (await call('pay', request)).structuredContent;
    expect(held.payment).toMatchObject({ state: 'in_review', review: { roles: ['finance'] } });
    expect(held.next).toMatch(/waits for approval by a person.*Do not send it again.*tool payment \(id pay_/);
    const again = (await call('pay', request)).structuredContent;
    expect(again.payment.id).toBe(held.payment.id);
    expect((await call('payment', { id: held.payment.id })).structuredContent.next).toContain(
      'waits for approval by a person',
    );
  });

  it('holds a purchase too, which is fetched again with the same arguments once it is authorized', async () => {
    const payTo = '0x00000000000000000000000000000000000beef3';
    const fresh = await scene.sell(payTo);
    await server.operator.call('create_payee', {
      name: 'Fresh vendor',
      kind: 'merchant',
      categories: ['ocr'],
      hosts: [fresh.host],
      address: payTo,
    });
    await server.operator.call('set_fetch_hosts', { hosts: [scene.seller.host, fresh.host] });
    const request = { url: fresh.url, method: 'POST', body: '{"page":"held"}' };
    const held = (await call('fetch_paid', request)).structuredContent;
    expect(held).toMatchObject({ outcome: 'in_review', payment: { state: 'in_review', amount: usdc('0.05') } });
    expect(held).not.toHaveProperty('untrusted');
    expect(held.next).toMatch(
      /waits for approval by a person.*tool payment \(id pay_.*call fetch_paid with the same arguments/,
    );
    const again = (await call('fetch_paid', request)).structuredContent;
    expect(again.payment.id).toBe(held.payment.id);
    await fresh.stop();
  });
});

describe('budget', () => {
  it('says what is left, and for a payee the most that would pass now', async () => {
    const { structuredContent: all } = await call('budget');
    expect(all.meters).toContainEqual(expect.objectContaining({ meter: 'agent_day', left: expect.anything() }));
    const { structuredContent: some } = await call('budget', { payee: 'Grace' });
    const most = (some.largest_amount_now as { value: string }).value;
    expect(some.next).toContain(`${most} USDC`);
    expect((await call('check', { payee: 'Grace', amount: usdc(most) })).structuredContent).toMatchObject({
      effect: 'allow',
    });
  });
});

describe('an agent that earns', () => {
  it('makes one invoice for one call, and another when it says so', async () => {
    const request = { amount: usdc('3.00'), memo: 'two hours of labelling' };
    const first = (await call('create_invoice', request)).structuredContent;
    expect(first.url).toMatch(new RegExp(`^${server.url}/i/`));
    expect((await call('create_invoice', { memo: request.memo, amount: request.amount })).structuredContent.id).toBe(
      first.id,
    );
    expect((await call('create_invoice', { ...request, again: 2 })).structuredContent.id).not.toBe(first.id);
  });

  it('gives back what it was paid, once', async () => {
    const earner = await server.agent('earner', '1');
    await server.operator.call('create_payee', {
      name: 'The earner',
      kind: 'agent',
      agent: earner.id,
      categories: ['data'],
    });
    const paid = (await call('pay', { payee: 'The earner', amount: usdc('2.00') })).structuredContent.payment;
    await server.until(paid.id, ['final']);
    const own = await connect(overHttp(server, earner));
    const refund = () => own.call('refund', { of: paid.id, amount: usdc('0.50'), memo: 'one page was blank' });
    const [first, retry] = [await refund(), await refund()];
    expect(first.structuredContent.payment).toMatchObject({
      kind: 'refund',
      amount: usdc('0.50'),
      address: agent.wallet,
    });
    expect(retry.structuredContent.payment.id).toBe(first.structuredContent.payment.id);
    expect(await asked(earner)).toHaveLength(1);
    const tooMuch = await own.call('refund', { of: paid.id, amount: usdc('1.75') });
    expect(tooMuch).toMatchObject({ isError: true, structuredContent: { error: { code: 'refund_exceeds_original' } } });
    const notOwn = await call('refund', { of: paid.id });
    expect(notOwn.isError).toBe(true);
    await own.client.close();
  });
});

describe('request_mandate', () => {
  it('asks people and allows nothing', async () => {
    const { structuredContent } = await call('request_mandate', {
      payees: ['Grace'],
      per_payment: usdc('30.00'),
      total: usdc('90.00'),
      expires_at: new Date(server.bursar.app.clock() + 86_400_000).toISOString(),
      reason: 'Weekly proof-reading',
    });
    expect(structuredContent).toMatchObject({ status: 'requested', total: usdc('90.00') });
    expect(structuredContent.next).toContain('allows nothing until its approvers have signed');
  });
});

describe('bursar mcp', () => {
  const run = promisify(execFile);
  const start = (env: Json) => {
    const { command, args } = stdioCommand(server, agent);
    return run(command, args, { env: { PATH: process.env.PATH, ...env } as NodeJS.ProcessEnv });
  };

  it("starts with an agent's key only: not without one, and never with the operator's of the data directory", async () => {
    for (const key of [{}, { BURSAR_API_KEY: server.operatorKey }]) {
      await expect(
        start({ BURSAR_URL: server.url, BURSAR_DATA_DIR: server.dataDir.dir, ...key }),
      ).rejects.toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/agent's key/),
      });
    }
  });

  it('stays up while the server is away, and says so in the answer', async () => {
    const { command, args, env } = stdioCommand(server, agent);
    const away = await connect(
      new StdioClientTransport({ command, args, env: { ...env, BURSAR_URL: 'http://127.0.0.1:9' } }),
    );
    const answer = await away.call('pay', { payee: 'Grace', amount: usdc('1.00') });
    expect(answer).toMatchObject({ isError: true, structuredContent: { error: { code: 'server_unreachable' } } });
    await away.client.close();
  });
});
