import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tools as allTools } from '../src/api/mcp/tools.ts';
import { UNTRUSTED_NOTE } from '../src/api/mcp/untrusted.ts';
import {
  type Agent,
  asked,
  type Call,
  connect,
  type McpScene,
  mcpScene,
  overHttp,
  overStdio,
  type Result,
  stdioCommand,
  usdc,
} from './support/mcpScene.ts';
import { pythonWith, runPython } from './support/python.ts';

let scene: McpScene;
let server: McpScene['server'];
beforeAll(async () => {
  scene = await mcpScene();
  server = scene.server;
});
afterAll(() => scene?.end());
const toGrace = { payee: 'Grace', amount: usdc('1.50'), memo: 'proof-reading' };

describe.each([
  ['streamable HTTP', overHttp],
  ['stdio', overStdio],
])('an MCP client over %s', (name, transport) => {
  let agent: Agent;
  let client: Client;
  let call: Call;
  beforeAll(async () => {
    agent = await server.agent(`agent over ${name}`, '30');
    ({ client, call } = await connect(transport(server, agent)));
  });
  afterAll(() => client?.close());

  it('finds the tools, with what they take', async () => {
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(allTools.map(({ name: each }) => each));
    const pay = tools.find((tool) => tool.name === 'pay');
    expect(pay?.inputSchema.required).toEqual(['amount']);
    expect(Object.keys(pay?.inputSchema.properties ?? {})).toEqual(expect.arrayContaining(['payee', 'memo', 'again']));
    expect(pay?.inputSchema.properties).not.toHaveProperty('agent');
    expect(client.getInstructions()).toContain('untrusted');
  });

  it('pays, is told what comes next, and sees it settle', async () => {
    const paid = await call('pay', toGrace);
    expect(paid.structuredContent).toMatchObject({
      payment: { state: 'authorized', amount: usdc('1.50'), payee: scene.grace },
    });
    expect(paid.structuredContent.next).toContain('Do not send it again');
    expect(JSON.parse(paid.content[0]?.text ?? '')).toEqual(paid.structuredContent);
    await server.until(paid.structuredContent.payment.id, ['settled', 'final']);
    const { structuredContent } = await call('payment', { id: paid.structuredContent.payment.id });
    expect(structuredContent.next).toMatch(/^Paid, transaction 0x/);
  });

  it('pays once for the same call, in whichever order and words it comes, and twice when it says so', async () => {
    const before = (await asked(agent)).length;
    const request = { payee: 'Grace', amount: usdc('0.25'), memo: 'one label' };
    const [first, ...others] = await Promise.all([
      call('pay', request),
      call('pay', { memo: 'one label', amount: usdc('0.25'), payee: 'Grace' }),
      call('pay', { ...request, payee: scene.grace }),
      call('pay', { ...request, again: 1 }),
      call('pay', { ...request, amount: usdc('0.250') }),
    ]);
    for (const other of others) expect(other.structuredContent.payment.id).toBe(first.structuredContent.payment.id);
    const late = (await call('pay', request)).structuredContent;
    expect(late).toMatchObject({ replayed: true, payment: { id: first.structuredContent.payment.id } });
    expect(late.next).toContain('set again to 2');
    expect(await asked(agent)).toHaveLength(before + 1);
    const second = await call('pay', { ...request, again: 2 });
    expect(second.structuredContent.payment.id).not.toBe(first.structuredContent.payment.id);
    expect(await asked(agent)).toHaveLength(before + 2);
  });

  it('is denied with reasons and with what would pass, and asks again the next time', async () => {
    const request = { payee: 'Grace', amount: usdc('5000.00') };
    const denied = await call('pay', request);
    expect(denied.isError).toBeUndefined();
    expect(denied.structuredContent.payment).toMatchObject({ state: 'denied' });
    expect(denied.structuredContent.payment.reasons).toContainEqual(expect.objectContaining({ code: 'payment_cap' }));
    expect(denied.structuredContent.next).toMatch(/Allowed instead: at most \d+\.\d+ USDC now/);
    const again = await call('pay', request);
    expect(again.structuredContent.payment.id).not.toBe(denied.structuredContent.payment.id);
    const checked = await call('check', request);
    expect(checked.structuredContent).toMatchObject({ effect: 'deny' });
  });

  it('fetches what costs money, and is charged once for the same request', async () => {
    const request = { url: scene.seller.url, method: 'POST', body: '{"page":"1"}', max_amount: usdc('0.10') };
    const bought = await call('fetch_paid', request);
    expect(bought.structuredContent).toMatchObject({
      outcome: 'paid',
      payment: { amount: usdc('0.05') },
      untrusted: { note: UNTRUSTED_NOTE, status: 200, text: expect.stringContaining('Invoice no. 1042') },
    });
    await server.until(bought.structuredContent.payment.id, ['settled', 'final']);
    const same = await call('fetch_paid', request);
    expect(same.structuredContent.payment.id).toBe(bought.structuredContent.payment.id);
    const other = await call('fetch_paid', { ...request, again: 2 });
    expect(other.structuredContent.payment.id).not.toBe(bought.structuredContent.payment.id);
  });

  it('is told what is wrong with a call, in one error that says what to do', async () => {
    const wrong = await call('pay', { ...toGrace, amount: usdc('-1') });
    expect(wrong).toMatchObject({ isError: true, structuredContent: { error: { code: 'invalid_amount' } } });
    const unknown = await call('pay', { ...toGrace, payee: 'Nobody' });
    expect(unknown).toMatchObject({ isError: true, structuredContent: { error: { code: 'payee_not_found' } } });
    const field = await call('check', { ...toGrace, urgent: true });
    expect(field).toMatchObject({ isError: true, structuredContent: { error: { code: 'invalid_request' } } });
    await expect(client.callTool({ name: 'create_agent', arguments: {} })).rejects.toThrow('There is no such tool');
  });

  it('reads its own payments, a few at a time', async () => {
    const { structuredContent } = await call('payments', { limit: 2 });
    expect(structuredContent.payments).toHaveLength(2);
    expect(structuredContent.next).toContain(`cursor ${structuredContent.next_cursor}`);
  });
});

describe('the official Python client', () => {
  const request = { payee: 'Grace', amount: usdc('0.75'), memo: 'from Python' };
  it.each([
    ['stdio', 'auto'],
    ['streamable HTTP', 'auto'],
    ['streamable HTTP', 'legacy'],
  ])('over %s, in mode %s: lists, pays once, is denied, pays again on purpose, and buys', async (way, mode) => {
    const agent = await server.agent(`Python over ${way}, ${mode}`, '10');
    const where =
      way === 'stdio'
        ? stdioCommand(server, agent)
        : { url: `${server.url}/mcp`, headers: { authorization: `Bearer ${agent.key}` } };
    const python = await pythonWith('mcp==2.3.0');
    const { tools, results } = (await runPython(python, 'mcp_client.py', {
      where,
      mode,
      calls: [
        ['pay', request],
        ['pay', request],
        ['pay', { ...request, again: 2 }],
        ['pay', { ...request, amount: usdc('5000') }],
        ['fetch_paid', { url: scene.seller.url, method: 'POST', body: '{"page":"7"}', max_amount: usdc('0.10') }],
      ],
    })) as { tools: string[]; results: Result[] };
    expect(tools).toEqual(allTools.map(({ name: each }) => each));
    const [first, retry, second, denied, bought] = results.map((result) => result.structuredContent);
    expect(first?.payment.state).toBe('authorized');
    expect(retry?.payment.id).toBe(first?.payment.id);
    expect(second?.payment.id).not.toBe(first?.payment.id);
    expect(denied?.payment).toMatchObject({
      state: 'denied',
      reasons: expect.arrayContaining([expect.objectContaining({ code: 'payment_cap' })]),
    });
    expect(bought).toMatchObject({ outcome: 'paid', untrusted: { text: expect.stringContaining('Invoice no. 1042') } });
    expect(await asked(agent)).toHaveLength(3);
  });
});
