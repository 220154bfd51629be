import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPublicClient, http } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../src/api/client/client.ts';
import { launch } from '../src/app/server/localLaunch.ts';
import { verifyInclusion } from '../src/chain/anchors/verifyInclusion.ts';
import { query } from '../src/store/statement.ts';
import { type Rewriting, rewriteLog } from './support/rewriteLog.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

type Check = { name: string; ok: boolean; detail: string };
type Document = Record<string, unknown>;

let server: TestServer;
let dir: string;
let kept: { database: Buffer; checkpoints: Buffer };
let denied: string;
let allowed: string;
let registry: `0x${string}`;

const files = () => ({ database: join(dir, 'bursar.sqlite'), checkpoints: join(dir, 'checkpoints') });

async function anchorNow(client: Client, events: number): Promise<Document> {
  const answer = await client.call('anchor', {});
  expect(answer.not_sent).toBeNull();
  expect((answer.head as Document).size).toBeGreaterThanOrEqual(events);
  const size = (answer.anchor as Document).size;
  return await expect
    .poll(async () => {
      const { anchors } = await client.call('list_anchors', {});
      const found = (anchors as Document[]).find((each) => each.size === size);
      return found?.state === 'final' ? found : null;
    })
    .not.toBeNull()
    .then(async () => {
      const { anchors } = await client.call('list_anchors', {});
      return (anchors as Document[]).find((each) => each.size === size) as Document;
    });
}

async function pay(agent: { client: Client }, amount: string): Promise<string> {
  const payment = await agent.client.call(
    'pay',
    {
      payee: 'Grace',
      amount: { value: amount, currency: 'USDC' },
      memo: `for ${amount}`,
    },
    { idempotencyKey: `anchors-${amount}` },
  );
  return String(payment.id);
}

/** Starts the server on the folder as it is, asks for the check, and stops it. */
async function checkedAgain(args: Document = { anchors: true }): Promise<Map<string, Check>> {
  // The attacker also removes the head file beside the database; with it, the start is refused already.
  rmSync(join(dir, 'bursar.sqlite.head'), { force: true });
  const launched = await launch({ dir, port: 0, version: 'test', say: () => {} });
  try {
    const key = readFileSync(join(dir, 'operator.key'), 'utf8').trim();
    const client = createClient(launched.url, key);
    // A local chain that was started again has no state of its old blocks: the balances are compared at the next one.
    const check = async () => (await client.call('check_ledger', args)).checks as Check[];
    const isUnasked = ({ detail }: Check) => /could not be asked/.test(detail);
    await expect.poll(async () => (await check()).filter(isUnasked)).toEqual([]);
    return new Map((await check()).map((each) => [each.name, each]));
  } finally {
    await launched.stop();
  }
}

const failed = (checks: ReadonlyMap<string, Check>): string[] =>
  [...checks.values()].filter(({ ok }) => !ok).map(({ name }) => name);
const anchorFailures = (checks: ReadonlyMap<string, Check>): string[] =>
  failed(checks).filter((name) => name.startsWith('anchor_'));

function restore(): void {
  const { database, checkpoints } = files();
  for (const end of ['-wal', '-shm']) rmSync(`${database}${end}`, { force: true });
  writeFileSync(database, kept.database);
  writeFileSync(checkpoints, kept.checkpoints);
}

const deleteDenial = (): Rewriting => ({
  change: (event) => (event.payment === denied ? null : event),
  also: [
    query((db) => db.deleteFrom('decisions').where('payment_id', '=', denied)),
    query((db) => db.deleteFrom('payments').where('id', '=', denied)),
  ],
});

beforeAll(async () => {
  server = await startTestServer();
  dir = server.dataDir.dir;
  registry = server.config.chain.registry as `0x${string}`;
  const agent = await server.agent('researcher', '50');
  await server.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: '0x00000000000000000000000000000000000000aa',
    verified: true,
  });
  allowed = await pay(agent, '1.00');
  denied = await pay(agent, '9000.00');
  await server.until(allowed, ['final']);
  expect(await server.operator.call('get_payment', { id: denied })).toMatchObject({ state: 'denied' });
});
afterAll(() => server?.end());

describe('anchoring the event log', () => {
  it('tells the cost before, and the gas and the transaction after', async () => {
    const cost = await server.operator.call('anchor_cost', {});
    expect(cost).toMatchObject({ registry, latest: null });
    const anchor = await anchorNow(server.operator, Number(cost.size));
    expect(Number(anchor.gas_used)).toBeGreaterThan(21_000);
    expect(Number(anchor.gas_used)).toBeLessThanOrEqual(Number(anchor.estimated_gas));
    expect(anchor.tx_hash).toMatch(/^0x[0-9a-f]{64}$/);
    const after = await server.operator.call('anchor_cost', {});
    expect(after.latest).toMatchObject({ size: anchor.size });
  });

  it('is found good by the check, which says what lies after the last anchor', async () => {
    const { ok, checks } = (await server.operator.call('check_ledger', { anchors: true })) as {
      ok: boolean;
      checks: Check[];
    };
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    const rest = checks.find(({ name }) => name === 'anchor_rest');
    expect(rest?.detail).toMatch(/^\d+ of \d+ events come after the last head outside the database, since 20/);
  });

  it.each([
    ['a denied payment', () => denied, 'payment.denied'],
    ['a settled payment', () => allowed, 'payment.settled'],
  ])('proves %s to anyone who has a node and the proof alone', async (_, payment, type) => {
    const proof = await server.operator.call('prove', { payment: payment() });
    const client = createPublicClient({ transport: http(server.rpcUrl) });
    const verdict = await verifyInclusion(proof, { client, registry });
    expect(verdict.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(verdict.anchored?.size).toBeGreaterThan(0);
    expect(verdict.events.map(({ body }) => body.payment)).toEqual(verdict.events.map(() => payment()));
    expect(verdict.events.map(({ body }) => body.type)).toContain(type);
  });
});

describe('a database that was rewritten while the server was stopped', () => {
  beforeAll(async () => {
    await server.stop();
    const { database, checkpoints } = files();
    kept = { database: readFileSync(database), checkpoints: readFileSync(checkpoints) };
    copyFileSync(database, `${database}.kept`);
  });

  it('is good as it was', async () => {
    const checks = await checkedAgain();
    expect(failed(checks)).toEqual([]);
  });

  it('is refused at the start already while the head file is beside it', async () => {
    const head = readFileSync(join(dir, 'bursar.sqlite.head'));
    await rewriteLog(files().database, deleteDenial());
    writeFileSync(join(dir, 'bursar.sqlite.head'), head);
    await expect(launch({ dir, port: 0, version: 'test', say: () => {} })).rejects.toMatchObject({
      code: expect.stringMatching(/^database_(truncated|rewritten)$/),
    });
  });

  it('without one denial, renumbered and hashed again, is found by the file and by the chain', async () => {
    restore();
    await rewriteLog(files().database, deleteDenial());
    const checks = await checkedAgain();
    expect(checks.get('event_chain')?.ok).toBe(true);
    expect(anchorFailures(checks)).toEqual(
      expect.arrayContaining(['anchor_file_heads', 'anchor_chain_heads', 'anchor_database_heads']),
    );
    expect(checks.get('anchor_chain_heads')?.detail).toContain('was deleted, inserted or changed');
  });

  it('is found by the chain alone where heads and file were made away with too', async () => {
    restore();
    await rewriteLog(files().database, { ...deleteDenial(), withoutHeads: true });
    rmSync(files().checkpoints);
    const checks = await checkedAgain();
    expect(anchorFailures(checks)).toEqual(['anchor_chain_heads']);
  });

  it('is found by the file alone where the chain knows of no anchor', async () => {
    restore();
    await rewriteLog(files().database, { ...deleteDenial(), withoutHeads: true });
    const config = readFileSync(join(dir, 'config.json'), 'utf8');
    writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...JSON.parse(config), anchors: { on_chain: false } }));
    const checks = await checkedAgain();
    writeFileSync(join(dir, 'config.json'), config);
    expect(anchorFailures(checks)).toEqual(['anchor_file_heads']);
    expect(checks.get('anchor_chain')?.detail).toContain('Not checked');
  });

  it.each<[string, Rewriting]>([
    ['one changed', { change: (event) => (event.type === 'payment.denied' ? { ...event, actor: 'agt_0' } : event) }],
    ['the first deleted', { change: (event) => (event.seq === 1 ? null : event) }],
    ['all deleted', { change: () => null }],
    ['its times moved by a millisecond', { change: (event) => ({ ...event, at: '2026-01-01T00:00:00.001Z' }) }],
  ])('with an event more or less (%s) is found', async (_, rewriting) => {
    restore();
    await rewriteLog(files().database, rewriting);
    expect(anchorFailures(await checkedAgain())).toEqual(
      expect.arrayContaining(['anchor_file_heads', 'anchor_chain_heads']),
    );
  });

  it('signs nothing more, and says why', async () => {
    restore();
    await rewriteLog(files().database, { ...deleteDenial(), withoutHeads: true });
    rmSync(join(dir, 'bursar.sqlite.head'), { force: true });
    const launched = await launch({ dir, port: 0, version: 'test', say: () => {} });
    const key = readFileSync(join(dir, 'operator.key'), 'utf8').trim();
    const client = createClient(launched.url, key);
    await expect(client.call('anchor', {})).rejects.toMatchObject({ code: 'log_inconsistent' });
    await launched.stop();
  });
});
