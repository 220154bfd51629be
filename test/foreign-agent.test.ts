import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Operation } from '../src/api/operations/operation.ts';
import { registry } from '../src/api/operations/registry.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

type Agent = Awaited<ReturnType<TestServer['agent']>>;

const SECRET = 'between-Ann-and-her-vendor';
const usdc = (value: string) => ({ value, currency: 'USDC' });
/** What an agent's key may call: everything is tried, so that an operation added later is too. */
const open = registry.filter(({ scope, peopleOnly }) => !peopleOnly && (scope === 'read' || scope === 'pay'));

let server: TestServer;
let ann: Agent;
let mallory: Agent;
/** Ids of Ann's things, by what the path calls them. */
const anns: Record<string, string> = {};
/** None of these may stand in an answer to Mallory. */
let telling: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  const { operator } = server;
  ann = await server.agent('ann', '20');
  mallory = await server.agent('mallory', '0');
  const address = privateKeyToAccount(generatePrivateKey()).address;
  await operator.call('create_payee', {
    name: 'Vendor',
    kind: 'contractor',
    categories: ['contractor'],
    address,
    verified: true,
  });
  const call = async (name: string, input: Record<string, unknown>, key?: string) =>
    (await ann.client.call(name, input, key ? { idempotencyKey: key } : undefined)) as Record<string, unknown>;
  const paid = await call('pay', { payee: 'Vendor', amount: usdc('1.00'), memo: SECRET }, 'anns-payment-1');
  const invoice = await call('create_invoice', { amount: usdc('3.00'), memo: SECRET }, 'anns-invoice-1');
  const mandate = await call('request_mandate', {
    payees: ['Vendor'],
    per_payment: usdc('3.00'),
    total: usdc('6.00'),
    expires_at: '2027-12-01T00:00:00Z',
    reason: SECRET,
  });
  const payout = await call(
    'create_payout',
    { lines: [{ payee: 'Vendor', amount: '0.50', memo: SECRET }] },
    'anns-payout-1',
  );
  const schedule = await operator.call('create_schedule', {
    agent: ann.id,
    name: SECRET,
    payee: 'Vendor',
    amount: usdc('1.00'),
    rrule: 'FREQ=MONTHLY;BYMONTHDAY=1',
  });
  const settled = await server.until(String(paid.id), ['settled', 'final']);
  const { settlement } = settled as { settlement: { tx_hash: string } };
  const { receivables } = (await server.operator.call('list_receivables', { agent: ann.id })) as {
    receivables: { id: string }[];
  };
  Object.assign(anns, {
    agents: ann.id,
    payments: paid.id,
    invoices: invoice.id,
    mandates: mandate.id,
    payouts: payout.id,
    schedules: schedule.id,
    tx: settlement.tx_hash,
    ...(receivables[0] ? { receivables: receivables[0].id } : {}),
  });
  telling = [SECRET, ann.wallet, ...Object.values(anns)];
});
afterAll(() => server.end());

/** The operation's input, pointed at Ann wherever it can be. */
function aimed({ path, input }: Operation): Record<string, unknown> | null {
  const shape = input instanceof z.ZodObject ? (input.shape as Record<string, z.ZodType>) : {};
  const [, folder = ''] = /^\/v1\/([^/]+)\/\{id\}/.exec(path) ?? [];
  const body: Record<string, unknown> = {};
  if ('id' in shape) {
    if (!anns[folder]) return null;
    body.id = anns[folder];
  }
  if ('agent' in shape) body.agent = ann.id;
  if ('payment' in shape) body.payment = anns.payments;
  if ('of' in shape) body.of = anns.payments;
  if ('tx' in shape) body.tx = anns.tx;
  if ('tx_hash' in shape) body.tx_hash = anns.tx;
  if ('invoice' in shape) body.invoice = anns.invoices;
  if ('batch' in shape) body.batch = anns.payouts;
  const sensible: Record<string, unknown> = {
    amount: usdc('0.10'),
    payee: 'Vendor',
    payments: [{ payee: 'Vendor', amount: usdc('0.10') }],
    lines: [{ payee: 'Vendor', amount: '0.10' }],
    url: 'http://127.0.0.1:9/',
    payment_required: 'e30=',
    status: 200,
    reason: 'mine',
    accept: true,
    per_payment: usdc('1.00'),
    total: usdc('1.00'),
    payees: ['Vendor'],
    expires_at: '2027-12-01T00:00:00Z',
    retry: false,
    digest: `sha256:${'0'.repeat(64)}`,
  };
  for (const [name, schema] of Object.entries(shape)) {
    if (name in body || schema.safeParse(undefined).success) continue;
    body[name] = sensible[name];
  }
  return body;
}

describe('an agent’s key and what is another agent’s', () => {
  it.each(open.map((operation) => [operation.name, operation] as const))(
    '%s tells and does nothing',
    async (_name, operation) => {
      const all = aimed(operation);
      if (all === null) return;
      // With the other agent named, and without: an id alone must not open anything either.
      const { agent: _agent, ...unnamed } = all;
      for (const input of 'agent' in all ? [all, unnamed] : [all]) {
        const answer: unknown = await mallory.client
          .call(operation.name, input, { idempotencyKey: `mallory-${operation.name}-1` })
          .catch((error: unknown) => error);
        const refused = answer instanceof Error;
        const text = refused ? answer.message : JSON.stringify(answer);
        for (const word of refused ? [SECRET, ann.wallet] : telling) expect(text).not.toContain(word);
      }
    },
  );

  it('has changed nothing of hers', async () => {
    const { operator } = server;
    const { status, balances } = (await operator.call('get_agent', { id: ann.id })) as Record<string, unknown>;
    expect([status, balances]).toMatchObject(['active', { reserved: { value: '0.00' } }]);
    expect(await operator.call('get_invoice', { id: anns.invoices })).toMatchObject({ state: 'open' });
    expect(await operator.call('get_mandate', { id: anns.mandates })).toMatchObject({
      mandate: { status: 'requested' },
    });
    const { payments } = (await operator.call('list_payments', { agent: ann.id })) as { payments: unknown[] };
    expect(payments).toHaveLength(2);
    expect(await operator.call('get_payout', { id: anns.payouts })).toMatchObject({ id: anns.payouts });
  });
});
