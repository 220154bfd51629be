import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let agent: Awaited<ReturnType<TestServer['agent']>>;
let graceId: string;
beforeAll(async () => {
  server = await startTestServer();
  agent = await server.agent('buyer', '5');
  const address = `0x${'11'.repeat(20)}`;
  const made = await server.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    address,
    verified: true,
  });
  graceId = String(made.id);
});
afterAll(() => server?.end());

const payee = (name: string, more = {}) => server.operator.call('create_payee', { name, kind: 'contractor', ...more });
const address = `0x${'99'.repeat(20)}`;

describe('a name that looks like one that exists', () => {
  it.each(['Grаce', 'GRАCE', 'grace', 'Ｇrace', 'Graсе'])('%j waits for an operator to confirm it', async (name) => {
    await expect(payee(name)).rejects.toMatchObject({
      code: 'confusable_name',
      details: { twin: { id: graceId, name: 'Grace' } },
    });
  });

  it('is taken once an operator has said so, and then has twins of its own', async () => {
    expect(await payee('Grасe', { confirm_confusable: true })).toMatchObject({ name: 'Grасe' });
    await expect(payee('GRACE')).rejects.toMatchObject({ code: 'confusable_name' });
    await expect(payee('Grace', { confirm_confusable: true })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is one for sponsors, agents, workflows and approvers too', async () => {
    const { operator } = server;
    await operator.call('create_workflow', { name: 'paper-digest' });
    await operator.call('create_approver', { name: 'Ada', address, roles: ['finance'] });
    for (const [operation, input] of [
      ['create_sponsor', { name: 'Rеsearch' }],
      ['create_agent', { name: 'buуer', sponsor: 'Research' }],
      ['create_workflow', { name: 'pареr-digest' }],
      ['create_approver', { name: 'Аda', address: `0x${'98'.repeat(20)}`, roles: ['finance'] }],
    ] as const) {
      await expect(operator.call(operation, input)).rejects.toMatchObject({ code: 'confusable_name' });
      expect(await operator.call(operation, { ...input, confirm_confusable: true })).toMatchObject({
        name: input.name,
      });
    }
  });
});

describe('a name', () => {
  it.each([
    'Gra\u00a0ce',
    'Gra\u034fce',
    '\u3164',
    '\u3164\u3164',
    '\u2800',
    'Ada\u200b',
    '\u00a0Ada',
    'Ada\ufe0f',
    'Ada\u{e0041}',
    'Ada\ufffd',
    `0x${'11'.repeat(20)}`,
    'me',
  ])('%j is refused', async (name) => {
    await expect(payee(name)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('is no id of anything', async () => {
    const suffix = graceId.slice(4);
    for (const name of [graceId, agent.id, graceId.toUpperCase(), `pay_${suffix}`, `wfl_${suffix}`, `key_${suffix}`]) {
      await expect(payee(name)).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(server.operator.call('create_agent', { name, sponsor: 'Research' })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
  });

  it('is stored in NFC and found in either form', async () => {
    const made = await payee('Cafe\u0301');
    expect(made.name).toBe('Café');
    expect(await server.operator.call('get_payee', { id: 'Cafe\u0301' })).toMatchObject({ id: made.id });
  });
});

describe('every other text that people read', () => {
  const amount = '0.10';
  it('holds nothing unseen, at each interface', async () => {
    const bad = 'page\u00a0\u202e7';
    for (const [operation, input] of [
      ['pay', { payee: 'Grace', amount, memo: bad }],
      ['check_payment', { payee: 'Grace', amount, memo: bad }],
      ['create_invoice', { amount, memo: bad }],
      [
        'request_mandate',
        { payees: ['Grace'], per_payment: amount, total: amount, expires_at: '2027-12-31T00:00:00Z', reason: bad },
      ],
    ] as const) {
      const call = agent.client.call(operation, input, { idempotencyKey: `bad-text-${operation}` });
      await expect(call).rejects.toMatchObject({ code: 'invalid_request' });
    }
    const preview = server.operator.call('preview_payout', {
      agent: agent.id,
      csv: `payee,amount,memo\nGrace,0.10,${bad}\n`,
    });
    await expect(preview).rejects.toMatchObject({ message: expect.stringContaining('The memo holds') });
  });
});

describe('an amount', () => {
  it('may be given as text', async () => {
    const paid = await agent.client.call(
      'pay',
      { payee: 'Grace', amount: '0.20' },
      { idempotencyKey: 'amount-as-text' },
    );
    expect(paid).toMatchObject({ amount: { value: '0.20', currency: 'USDC' } });
  });
  it.each([0.2, null, ['0.20'], { value: 0.2, currency: 'USDC' }, { amount: '0.20' }])(
    '%j is answered with the right form',
    async (amount) => {
      const call = agent.client.call('pay', { payee: 'Grace', amount }, { idempotencyKey: 'amount-in-no-form' });
      await expect(call).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('"0.20"') });
    },
  );
});

describe('a key', () => {
  it('that names an agent and nothing else is that agent’s', async () => {
    expect(await server.operator.call('create_key', { agent: agent.id })).toMatchObject({
      role: 'agent',
      name: 'buyer',
    });
    await expect(server.operator.call('create_key', {})).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(server.operator.call('create_key', { role: 'operator', agent: agent.id })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
