import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mapInOrder } from '../src/core/inOrder.ts';
import { everyRow } from '../src/store/rows.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let agent: Awaited<ReturnType<TestServer['agent']>>;
let payee: string;
beforeAll(async () => {
  server = await startTestServer();
  agent = await server.agent('clumsy', '10');
  const made = await server.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
    verified: true,
  });
  payee = String(made.id);
});
afterAll(() => server.end());

let keys = 0;
async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  keys += 1;
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${agent.key}`,
      'content-type': 'application/json',
      'idempotency-key': `bad-input-${keys}`,
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: (await response.json()) as Record<string, unknown>,
  };
}
const amount = (value: unknown) => ({ payee, amount: { value, currency: 'USDC' } });
const rows = () =>
  server.bursar.store.read((tx) =>
    mapInOrder(
      ['payments', 'postings', 'meters', 'decisions'],
      async (table) => (await tx.all(everyRow(table))).length,
    ),
  );

describe('a body that two readers could read differently', () => {
  const money = '{"value":"0.10","currency":"USDC"}';
  it.each([
    ['an amount twice', `{"payee":"Grace","amount":${money},"amount":{"value":"9","currency":"USDC"}}`],
    ['a payee twice', `{"payee":"Grace","amount":${money},"payee":"Mallory"}`],
    ['a key twice by an escape', `{"payee":"Grace","amount":${money},"\\u0070ayee":"Mallory"}`],
    ['a key twice inside', '{"payee":"Grace","amount":{"value":"0.10","currency":"USDC","value":"9"}}'],
    ['half of a surrogate pair', `{"payee":"Grace","amount":${money},"memo":"\\ud800"}`],
    ['no end of nesting', `{"payee":"Grace","amount":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['__proto__', `{"payee":"Grace","amount":${money},"__proto__":{"memo":"x"}}`],
    ['text after its end', `{"payee":"Grace","amount":${money}} {}`],
  ])('holds %s: refused, and leaves nothing behind', async (_what, body) => {
    const before = await rows();
    for (const path of ['/v1/payments', '/v1/payments/check', '/v1/x402/payments', '/v1/fetch', '/v1/invoices']) {
      const answered = await post(path, body);
      expect([path, answered.status, answered.body.code]).toEqual([path, 400, 'invalid_json']);
    }
    expect(await rows()).toEqual(before);
  });

  it('is no UTF-8: refused, not read as U+FFFD', async () => {
    const bytes = Buffer.from(`{"payee":"Grace","amount":${money},"memo":"page ?"}`);
    bytes[bytes.indexOf('?')] = 0xe9;
    const response = await fetch(`${server.url}/v1/payments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${agent.key}`, 'idempotency-key': 'no-utf-8-at-all' },
      body: bytes,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_json', details: { problem: 'invalid_utf8' } });
  });

  it('is a query with a parameter twice', async () => {
    const response = await fetch(`${server.url}/v1/payments?limit=1&limit=2`, {
      headers: { authorization: `Bearer ${agent.key}` },
    });
    expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_request']);
  });
});

describe('an amount', () => {
  it.each([
    '-1',
    '0',
    '0.000000',
    'NaN',
    'Infinity',
    '1e3',
    '1E-2',
    '0x10',
    '1.0000001',
    '9007199254.740992',
    '99999999999',
    '01',
    '1.',
    '.5',
    '+1',
    '1,000',
    ' 1',
    '1 ',
    '',
    '１',
  ])('of "%s" is refused and leaves nothing behind', async (value) => {
    const before = await rows();
    const { status, body, type } = await post('/v1/payments', amount(value));
    expect({ status, code: body.code, type }).toEqual({
      status: 400,
      code: 'invalid_amount',
      type: 'application/problem+json',
    });
    expect(await rows()).toEqual(before);
  });

  it.each([[1], [null], [{ value: '1' }], [[]], [true]])('as %j is no decimal string', async (value) => {
    const { status, body } = await post('/v1/payments', amount(value));
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_request' });
  });

  it('in another currency is refused', async () => {
    const { body } = await post('/v1/payments', { payee, amount: { value: '1.00', currency: 'EUR' } });
    expect(body.code).toBe('invalid_request');
  });
});

describe('an address', () => {
  it.each([
    ['a wrong checksum', '0x70997970C51812dc3A010C7d01b50e0d17dc79c8', 'invalid_address'],
    ['19 bytes', '0x70997970C51812dc3A010C7d01b50e0d17dc79', 'invalid_address'],
    ['no hex', 'vitalik.eth', 'invalid_address'],
    ['the zero address', '0x0000000000000000000000000000000000000000', 'forbidden_address'],
  ])('with %s is refused', async (_, address, code) => {
    const { status, body } = await post('/v1/payments', { address, amount: { value: '1.00', currency: 'USDC' } });
    expect({ status, code: body.code }).toEqual({ status: 400, code });
  });

  it("may be neither the token's nor the wallet's own", async () => {
    for (const address of [server.config.chain.usdc, agent.wallet]) {
      const { body } = await post('/v1/payments', { address, amount: { value: '1.00', currency: 'USDC' } });
      expect(body.code).toBe('forbidden_address');
    }
  });
});

describe('a request', () => {
  it('with an unknown field is refused by name', async () => {
    const { body } = await post('/v1/payments', { ...amount('1.00'), urgent: true });
    expect(body).toMatchObject({ code: 'invalid_request', details: { fields: [{ problem: 'unknown: urgent' }] } });
  });

  it('over 64 KiB is refused before it is read', async () => {
    const { status, body } = await post(
      '/v1/payments',
      JSON.stringify({ ...amount('1.00'), memo: 'x'.repeat(70_000) }),
    );
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'body_too_large' });
  });

  it.each(['', 'null', '[]', '"x"', '{', '{"a":1}{'])('of %j is no JSON object of a payment', async (text) => {
    const { status } = await post('/v1/payments', text);
    expect(status).toBe(400);
  });

  it('without, or with a short, Idempotency-Key is refused', async () => {
    for (const key of ['', 'short', 'has a space in it', 'x'.repeat(201)]) {
      const { body } = await post('/v1/payments', amount('1.00'), { 'idempotency-key': key });
      expect(body.code).toBe('idempotency_key_required');
    }
  });

  it('with an unknown, wrong or revoked key is turned away', async () => {
    const made = await server.operator.call('create_key', { role: 'agent', agent: agent.id, name: 'short-lived' });
    await server.operator.call('revoke_key', { id: made.id });
    for (const key of ['nonsense', `${agent.key.slice(0, -2)}xx`, String(made.key)]) {
      const { status, body } = await post('/v1/payments', amount('1.00'), { authorization: `Bearer ${key}` });
      expect({ status, code: body.code }).toEqual({ status: 401, code: 'unauthenticated' });
    }
  });

  it('of an agent for another agent finds nothing', async () => {
    const other = await server.agent('other', '0');
    const { body } = await post('/v1/payments', { ...amount('1.00'), agent: other.id });
    expect(body.code).toBe('not_found');
    await expect(agent.client.call('get_agent', { id: other.id })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('of an unknown agent, payee or workflow says which', async () => {
    expect((await post('/v1/payments', { ...amount('1.00'), agent: 'agt_none' })).body.code).toBe('agent_not_found');
    expect((await post('/v1/payments', { payee: 'nobody', amount: { value: '1', currency: 'USDC' } })).body.code).toBe(
      'payee_not_found',
    );
    expect((await post('/v1/payments', { ...amount('1.00'), workflow: 'none' })).body.code).toBe('workflow_not_found');
  });

  it('for money that is refused leaves an event that names the code', async () => {
    await post('/v1/payments', amount('-5'));
    const { events } = (await server.operator.call('list_events', { after: 0, limit: 200, agent: agent.id })) as {
      events: { type: string; data: Record<string, unknown> }[];
    };
    expect(events.filter((event) => event.type === 'payment.refused').at(-1)?.data).toMatchObject({
      operation: 'pay',
      code: 'invalid_amount',
    });
  });

  it('for more than the agent has is denied and says what would pass', async () => {
    const { body } = await post('/v1/payments', amount('11.00'));
    expect(body).toMatchObject({ state: 'denied', hints: { largest_amount_now: { value: '10.00' } } });
  });

  it('to an unknown route or by another method is told so', async () => {
    expect((await post('/v1/nothing', {})).body.code).toBe('not_found');
    const response = await fetch(`${server.url}/v1/payments/check`, { method: 'DELETE' });
    expect(response.status).toBe(405);
  });
});

describe("an agent's key", () => {
  it.each([
    ['/v1/payees', { name: 'Mallory', kind: 'contractor' }],
    ['/v1/agents', { name: 'twin', sponsor: 'Research' }],
    ['/v1/keys', { role: 'operator', name: 'mine' }],
    ['/v1/policies/rollback', {}],
    ['/v1/approvers', { name: 'me', address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8', roles: ['finance'] }],
  ])('may not POST %s', async (path, body) => {
    const answer = await post(path, body);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 403, code: 'forbidden' });
  });

  it.each(['payees', 'policies'])('may read %s but not the books, keys or alerts of others', async (readable) => {
    const get = async (path: string) =>
      (await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${agent.key}` } })).status;
    expect(await get(`/v1/${readable}`)).toBe(200);
    for (const path of ['/v1/keys', '/v1/ledger/balances', '/v1/alerts', '/v1/approvers', '/v1/sponsors'])
      expect(await get(path)).toBe(403);
  });
});

describe('names that people will see', () => {
  it.each(['a\u202Egnp.exe', 'Ada\u0000', '<script>', 'A\u200Bda'])('may not hide characters: %j', async (name) => {
    await expect(server.operator.call('create_payee', { name, kind: 'contractor' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('a payee named like another way to find one', () => {
  const price = { value: '1.00', currency: 'USDC' };
  const grace = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
  const nobody = '0x00000000000000000000000000000000000B0B01';

  it('is not found, whatever was asked before, and never stands for one without a payee', async () => {
    const known = await post('/v1/payments', { address: grace, amount: price });
    expect(known.body.payee).toBe(payee);
    for (const address of [nobody, grace]) await post('/v1/payments', { address, amount: price });
    for (const name of [`by ${grace}`, `by ${nobody}`, `payee by ${nobody}`, 'at nowhere.example', 'of clumsy']) {
      const { status, body } = await post('/v1/payments', { payee: name, address: grace, amount: price });
      expect({ name, status, code: body.code }).toEqual({ name, status: 404, code: 'payee_not_found' });
    }
  });
});
