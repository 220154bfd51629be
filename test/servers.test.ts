import { generatePrivateKey } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../src/api/client/client.ts';
import { type BursarServer, startServer } from '../src/app/server/bursarServer.ts';
import { executorsOf, oneOf } from '../src/app/server/senders.ts';
import { statement } from '../src/store/statement.ts';
import { stricterBundle } from './support/stricterPolicy.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

const holders = statement()((db) => db.selectFrom('leases').select(['name', 'holder']).orderBy('name'));
const sent = statement()((db) =>
  db.selectFrom('transactions').select(['sender', 'nonce']).where('nonce', 'is not', null).where('purpose', '=', 'pay'),
);

let one: TestServer;
let other: BursarServer;
let url: string;
let agent: Awaited<ReturnType<TestServer['agent']>>;
let onOther: Client;
let payee: string;

beforeAll(async () => {
  process.env.BURSAR_KEY_EXECUTOR_2 = generatePrivateKey();
  one = await startTestServer();
  other = await second();
  url = await other.listen();
  agent = await one.agent('buyer', '100.00');
  onOther = createClient(url, agent.key);
  const made = await one.operator.call('create_payee', {
    name: 'Acme',
    kind: 'contractor',
    categories: ['contractor'],
    address: `0x${'5'.repeat(40)}`,
    verified: true,
  });
  payee = String(made.id);
});
afterAll(async () => {
  delete process.env.BURSAR_KEY_EXECUTOR_2;
  await other?.stop();
  await one?.end();
});

/** Another server over the same store, with the same keys. */
const second = (): Promise<BursarServer> =>
  startServer({
    config: { ...one.config, server: { ...one.config.server, port: 0 } },
    rpcUrl: one.rpcUrl,
    store: one.bursar.store,
    keys: one.keys,
    version: 'test',
  });
const pay = (client: Client, key: string, amount = '1.00') =>
  client.call('pay', { amount, payee }, { idempotencyKey: key });
const shares = async (): Promise<Map<string, string[]>> => {
  const found = new Map<string, string[]>();
  for (const { name, holder } of await one.bursar.store.read((tx) => tx.all(holders))) {
    if (holder) found.set(holder, [...(found.get(holder) ?? []), name]);
  }
  return found;
};
const queuesOf = async () =>
  [...(await shares()).values()].map((names) => names.filter((name) => name.startsWith('send:')).length).sort();

describe('two servers over one store', () => {
  it('share the sender queues between them', async () => {
    const count = one.bursar.app.senders.length;
    await expect.poll(queuesOf, { timeout: 20_000 }).toEqual([Math.floor(count / 2), Math.ceil(count / 2)]);
  });

  it('answer one key alike, whichever is asked, and pay once', async () => {
    const answers = [];
    for (const client of [agent.client, onOther, agent.client, onOther])
      answers.push(await pay(client, 'one-key-0001'));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    const id = String(answers[0]?.id);
    await expect(
      onOther.call('pay', { amount: '2.00', payee }, { idempotencyKey: 'one-key-0001' }),
    ).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(await one.until(id, ['settled', 'final'])).toMatchObject({ amount: { value: '1.00' } });
  });

  it('settle what either of them has decided, each payment once', async () => {
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, index) => pay(index % 2 ? onOther : agent.client, `many-${index}-key`)),
    );
    for (const { id } of made) await one.until(String(id), ['settled', 'final']);
    const nonces = (await one.bursar.store.read((tx) => tx.all(sent))).map(({ sender, nonce }) => `${sender} ${nonce}`);
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  it('send the payments of different agents with different keys', async () => {
    const [first, ...others] = (await executorsOf(one.keys, await one.keys.roles())).keys();
    if (!first) throw new Error('There is no key that sends.');
    const keyOf = (id: string) => oneOf([first, ...others], id);
    let another = await one.agent('second buyer', '0');
    for (let tries = 0; tries < 30 && keyOf(another.id) === keyOf(agent.id); tries += 1) {
      another = await one.agent(`second buyer ${tries}`, '0');
    }
    await one.fund(another.id, another.wallet, '10.00');
    const { id } = await pay(another.client, 'another-agent');
    await one.until(String(id), ['settled', 'final']);
    const senders = new Set((await one.bursar.store.read((tx) => tx.all(sent))).map(({ sender }) => sender));
    expect(senders).toEqual(new Set([first, ...others]));
  });

  it('tell a stream on one what the other has decided', async () => {
    const stop = new AbortController();
    const stream = await fetch(`${url}/v1/events/stream`, {
      headers: { authorization: `Bearer ${agent.key}` },
      signal: stop.signal,
    });
    const { id } = await pay(agent.client, 'streamed-0001');
    let text = '';
    const reader = stream.body?.getReader();
    while (reader && !text.includes(String(id))) text += Buffer.from((await reader.read()).value ?? []).toString();
    stop.abort();
    expect(text).toContain('payment.allowed');
  });

  it('decide by a policy that was activated on the other one, at once', async () => {
    const operator = createClient(url, one.operatorKey ?? '');
    const before = (await operator.call('get_active_policy')).digest;
    const loaded = await operator.call('load_policy', { bundle: await stricterBundle(), note: 'lower cap' });
    await operator.call('activate_policy', { digest: loaded.digest });
    expect(await pay(agent.client, 'stricter-0001', '45.00')).toMatchObject({
      state: 'denied',
      policy_digest: loaded.digest,
    });
    await one.operator.call('activate_policy', { digest: before });
    expect(await pay(onOther, 'stricter-0002', '1.00')).toMatchObject({ policy_digest: before });
  });

  it('are both live and ready, and the one that stops says so while it finishes', async () => {
    for (const base of [one.url, url]) {
      expect((await fetch(`${base}/health`)).status).toBe(200);
      expect([base, (await fetch(`${base}/ready`)).status]).toEqual([base, 200]);
    }
    const third = await startServer({
      config: { ...one.config, server: { ...one.config.server, port: 0, drain_seconds: 2 } },
      rpcUrl: one.rpcUrl,
      store: one.bursar.store,
      keys: one.keys,
      version: 'test',
    });
    const there = await third.listen();
    const stream = await fetch(`${there}/v1/events/stream`, { headers: { authorization: `Bearer ${agent.key}` } });
    const stopped = third.stop();
    const ready = await fetch(`${there}/ready`);
    expect([ready.status, ready.headers.get('connection'), await ready.json()]).toMatchObject([
      503,
      'close',
      { ready: false, checks: [{ name: 'server', ok: false }, {}, {}, {}] },
    ]);
    expect((await fetch(`${there}/health`)).status).toBe(200);
    expect(await pay(createClient(there, agent.key), 'while-stopping')).toMatchObject({ state: 'authorized' });
    expect(await stream.text()).toContain('server_stopping');
    await stopped;
    await expect(fetch(`${there}/health`)).rejects.toThrow();
  });

  it('leave everything to the one that stays, at once', async () => {
    await other.stop();
    const left = await shares();
    // All that the stopped one led is free, or the other one has it already.
    expect(left.size).toBeLessThanOrEqual(1);
    const { id } = await pay(agent.client, 'after-the-stop');
    await one.until(String(id), ['settled', 'final']);
    await expect
      .poll(async () => [...(await shares()).values()].map((names) => names.length))
      .toEqual([8 + one.bursar.app.senders.length]);
  });
});
