import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { costs } from '../src/api/operations/cost.ts';
import { callerOf, dispatch } from '../src/api/operations/dispatch.ts';
import type { Operation } from '../src/api/operations/operation.ts';
import { registry } from '../src/api/operations/registry.ts';
import { BursarError } from '../src/core/errors/base.ts';
import type { Caller } from '../src/decide/identity/caller.ts';
import { query } from '../src/store/statement.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

type Json = Record<string, unknown>;
type Made = { id: string; wallet: string; purse: string; ids: Json };

let server: TestServer;
let one: Caller;
let mine: Made;
let theirs: Made;
/** What only the other agent's own key and people may see. */
let secrets: string[];

const usdc = (value: string) => ({ value, currency: 'USDC' });
/** Nobody else's balance has these digits. */
const THEIR_FUNDS = '73.912345';
const THEIR_REST = '72.702344';

beforeAll(async () => {
  server = await startTestServer();
  for (const name of ['Grace', 'Ada'])
    await server.operator.call('create_payee', {
      name,
      kind: 'contractor',
      categories: ['contractor'],
      address: `0x${(name === 'Ada' ? 'ada' : 'ace').padStart(40, '0')}`,
      verified: true,
    });
  const first = await server.agent('first', '50');
  const second = await server.agent('zenobia', THEIR_FUNDS);
  one = await callerOf(server.bursar.app, first.key);
  const ids: Json[] = [];
  ids.push(await leave('first', first), await leave('zenobia', second));
  [mine, theirs] = [await made(first, ids[0] ?? {}), await made(second, ids[1] ?? {})];
  const { key } = await server.operator.call('create_key', { role: 'agent', agent: theirs.id, name: 'their spare' });
  const keyIds = (
    await server.bursar.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('credentials').select('id').where('agent_id', '=', theirs.id))),
    )
  ).map(({ id }) => id);
  const paid = (
    await server.bursar.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('payments').select('id').where('agent_id', '=', theirs.id))),
    )
  ).map(({ id }) => id);
  secrets = [
    ...[theirs.id, theirs.wallet, theirs.purse, String(key), THEIR_FUNDS, THEIR_REST, 'their memo', 'zenobia'],
    ...Object.values(theirs.ids).map(String),
    ...keyIds,
    ...paid,
  ];
  expect(paid.length).toBeGreaterThanOrEqual(3);
});
afterAll(() => server?.end());

/** One of everything that an agent may have. */
async function leave(name: string, { id, client }: { id: string; client: TestServer['operator'] }): Promise<Json> {
  const key = (what: string) => ({ idempotencyKey: `${what}-${id}` });
  const memo = name === 'zenobia' ? 'their memo' : 'a memo';
  const payment = await client.call('pay', { payee: 'Grace', amount: usdc('1.210001'), memo }, key('paying'));
  const denied = await client.call('pay', { payee: 'Grace', amount: usdc('9000') }, key('denied'));
  const payout = await client.call('create_payout', { lines: [{ payee: 'Ada', amount: usdc('1.00') }] }, key('payout'));
  const invoice = await client.call('create_invoice', { amount: usdc('2.5'), memo: 'an invoice' }, key('invoice'));
  const year = new Date(Date.now() + 300 * 86_400_000).toISOString();
  const mandate = await client.call('request_mandate', {
    payees: ['Grace'],
    per_payment: usdc('5'),
    total: usdc('20'),
    expires_at: year,
    reason: 'a standing order',
  });
  const schedule = await server.operator.call('create_schedule', {
    name: `yearly of ${id}`,
    agent: id,
    payee: 'Grace',
    amount: usdc('0.01'),
    rrule: 'FREQ=YEARLY',
    starts_at: year,
  });
  const { settlement } = await server.until(String(payment.id), ['settled', 'final']);
  await server.operator.call('set_agent_status', { id, status: 'active' });
  return {
    payment: payment.id,
    denied: denied.id,
    payout: payout.id,
    invoice: invoice.id,
    mandate: mandate.id,
    schedule: schedule.id,
    tx: (settlement as { tx_hash: string }).tx_hash,
  };
}

async function made({ id, wallet }: { id: string; wallet: string }, ids: Json): Promise<Made> {
  const agent = (await server.operator.call('get_agent', { id })) as { wallet: { purse: string } };
  return { id, wallet, purse: agent.wallet.purse, ids };
}

type Inputs = (about: Made) => Json[];
const byId =
  (name: string): Inputs =>
  ({ ids }) => [{ id: ids[name] }];
const byAgent: Inputs = ({ id }) => [{ id }];
const ofAgent: Inputs = ({ id }) => [{}, { agent: id }];
const plain: Inputs = () => [{}];
const pay: Inputs = ({ id }) => [{ payee: 'Grace', amount: usdc('0.010001'), agent: id }];
/** How an agent's key may ask, about itself or about another. An operation that agents may call must stand here. */
const asks: Record<string, Inputs> = {
  pay: ({ id }) => [
    { payee: 'Grace', amount: usdc('0.010001'), agent: id },
    { to_agent: id, amount: usdc('0.010002') },
  ],
  pay_batch: ({ id }) => [{ agent: id, payments: [{ payee: 'Grace', amount: usdc('0.010003') }] }],
  check_payment: pay,
  get_payment: ({ ids }) => [{ id: ids.payment }, { id: ids.denied }],
  list_payments: ({ id }) => [{}, { agent: id }, { q: 'memo' }],
  cancel_payment: byId('payment'),
  preview_payout: ({ id }) => [{ agent: id, lines: [{ payee: 'Ada', amount: usdc('1.00') }] }],
  create_payout: ({ id }) => [{ agent: id, lines: [{ payee: 'Ada', amount: usdc('0.02') }] }],
  list_payouts: ofAgent,
  get_payout: byId('payout'),
  list_payout_lines: byId('payout'),
  stop_payout: byId('payout'),
  pay_x402: ({ id }) => [{ agent: id, url: 'https://nobody.example/', payment_required: 'e30=' }],
  report_x402: ({ ids }) => [{ id: ids.payment, status: 200 }],
  fetch_paid: ({ id }) => [{ agent: id, url: 'https://nobody.invalid/' }],
  list_fetch_hosts: plain,
  budget: ({ id }) => [{ id }, { id, payee: 'Grace' }],
  request_mandate: ({ id }) => [
    {
      agent: id,
      payees: ['Grace'],
      per_payment: usdc('1'),
      total: usdc('2'),
      expires_at: '2030-01-01T00:00:00Z',
      reason: 'x',
    },
  ],
  list_mandates: ofAgent,
  get_mandate: byId('mandate'),
  list_schedules: ofAgent,
  get_schedule: byId('schedule'),
  get_receipt: byId('payment'),
  list_receipts: ({ ids }) => [{ tx: ids.tx }],
  get_receivable: () => [{ id: 'rcv_01m87nf5wve02vy4bjwqe1qp30' }],
  list_receivables: ofAgent,
  create_invoice: ({ id }) => [{ agent: id, amount: usdc('1'), memo: 'mine' }],
  get_invoice: byId('invoice'),
  list_invoices: ofAgent,
  cancel_invoice: byId('invoice'),
  claim_invoice_payment: ({ ids }) => [{ id: ids.invoice, tx_hash: ids.tx }],
  refund: ({ ids }) => [{ of: ids.payment, amount: usdc('0.01') }],
  request_refund: ({ ids }) => [{ payment: ids.payment, reason: 'not received' }],
  answer_refund_request: () => [{ id: 'rfr_01m87nf5wve02vy4bjwqe1qp30', accept: true }],
  list_refund_requests: ofAgent,
  list_agents: plain,
  get_agent: byAgent,
  exposure: ofAgent,
  get_stop: byAgent,
  list_stops: plain,
  get_wallet: byAgent,
  list_workflows: plain,
  list_payees: plain,
  get_payee: () => [{ id: 'Grace' }],
  list_policies: plain,
  get_active_policy: plain,
  get_policy_bundle: () => [{ digest: server.bursar.app.policies.active().digest }],
  prove: ({ ids }) => [{ payment: ids.payment }, { payment: ids.denied }],
  list_events: ({ id, ids }) => [{}, { limit: 200 }, { agent: id }, { payment: ids.payment }],
  get_payment_timeline: ({ ids }) => [{ id: ids.payment }, { id: ids.denied }],
};

let count = 0;
/** What the caller is told: an answer, or problem details. */
async function told(operation: Operation, input: Json): Promise<{ text: string; code: string | null }> {
  count += 1;
  try {
    const meta = { idempotencyKey: operation.idempotent ? `looking-around-${count}` : null };
    const answer = await dispatch(server.bursar.app, one, { operation, input, meta });
    return { text: JSON.stringify(answer), code: null };
  } catch (error) {
    if (!(error instanceof BursarError)) throw error;
    return { text: JSON.stringify(error.toProblem()), code: error.code };
  }
}

const isForAgents = ({ scope, peopleOnly }: Operation): boolean => !peopleOnly && (scope === 'read' || scope === 'pay');

describe('an operation', () => {
  it.each(registry.map((operation) => [operation.name, operation] as const))(
    '%s says what a key must hold and what it costs',
    (_, { scope, cost }) => {
      expect(['pay', 'read', 'admin', 'policy', 'approve', 'audit']).toContain(scope);
      expect(Object.keys(costs)).toContain(cost);
    },
  );

  it('that agents may call is asked here as an agent would; the rest is not', () => {
    const open = registry.filter(isForAgents).map(({ name }) => name);
    expect(Object.keys(asks).sort()).toEqual(open.sort());
  });
});

describe("an agent's key", () => {
  it.each(registry.filter((each) => !isForAgents(each)).map((operation) => [operation.name, operation] as const))(
    'may not call %s',
    async (_, operation) => {
      for (const input of [{}, { id: theirs.id }]) {
        const { code, text } = await told(operation, input);
        expect(code).toMatch(/^(forbidden|idempotency_key_required)$/);
        for (const secret of secrets) expect(text).not.toContain(secret);
      }
    },
  );

  it.each(registry.filter(isForAgents).map((operation) => [operation.name, operation] as const))(
    'learns nothing of another agent from %s',
    async (name, operation) => {
      const heard: string[] = [];
      for (const about of [mine, theirs]) {
        for (const input of asks[name]?.(about) ?? []) {
          const { text } = await told(operation, input);
          const given = JSON.stringify(input);
          // What the caller itself has said may come back in an error.
          const found = secrets.filter((secret) => text.includes(secret) && !given.includes(secret));
          heard.push(...found.map((secret) => `${secret} in ${text.slice(0, 300)}`));
        }
      }
      expect(heard).toEqual([]);
    },
  );

  it('that is not given for a foreign thing is refused as one that is not there, and changes nothing', async () => {
    const before = await server.operator.call('get_agent', { id: theirs.id });
    for (const operation of registry.filter(isForAgents)) {
      for (const input of asks[operation.name]?.(theirs) ?? []) {
        if (!JSON.stringify(input).match(new RegExp(Object.values(theirs.ids).concat(theirs.id).join('|')))) continue;
        if (operation.name === 'list_events' || 'to_agent' in input || 'tx_hash' in input) continue;
        expect((await told(operation, input)).code, operation.name).toMatch(/^(payment_)?not_found$/);
      }
    }
    expect(await server.operator.call('get_agent', { id: theirs.id })).toEqual(before);
  });
});
