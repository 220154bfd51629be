import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeOwnMeterPolicy } from '../../../test/support/ownMeterPolicy.ts';
import { STARTER_WARNINGS } from '../../../test/support/starterWarnings.ts';
import { starterWith, starterWithAll } from '../../../test/support/stricterPolicy.ts';
import { freePort, type Ran, type Running } from './testing/cli.ts';
import { makeScene, refused, usdc } from './testing/scene.ts';
import { at } from './values.ts';

/** One data directory and one server for the whole file; the tests tell one timeline, in order. */
const cli = makeScene();
const { ok } = cli;
const port = await freePort();
const mode = (path: string): number => statSync(path).mode & 0o777;
let server: Running;
let rpc = '';
let paid = '';

beforeAll(async () => {
  const init = await cli.run(['init', '--json']);
  expect(init.code, init.stderr + init.stdout).toBe(0);
  server = await cli.serve('--port', String(port));
  rpc = cli.rpcUrl();
}, 120_000);
afterAll(() => cli.dispose(), 60_000);

describe('init and serve', () => {
  it('make a data directory that only its owner can read, and overwrite none', async () => {
    expect(mode(cli.dataDir)).toBe(0o700);
    for (const file of [
      'config.json',
      'keystore/executor.json',
      'passphrase',
      'operator.key',
      'bursar.sqlite',
      'chain.json',
    ]) {
      expect(mode(join(cli.dataDir, file)), file).toBe(0o600);
    }
    expect(mode(join(cli.dataDir, 'keystore'))).toBe(0o700);
    const key = readFileSync(join(cli.dataDir, 'keystore/executor.json'), 'utf8');
    expect(refused(await cli.run(['init', '--json', '--data-dir', cli.dataDir]))).toEqual({
      code: 1,
      problem: 'storage_in_use',
    });
    expect(readFileSync(join(cli.dataDir, 'keystore/executor.json'), 'utf8')).toBe(key);
  });

  it('say in which file the operator’s key is, and never print the key', async () => {
    const key = readFileSync(join(cli.dataDir, 'operator.key'), 'utf8').trim();
    expect(key).toMatch(/^bursar_op_/);
    expect(server.stdout()).toContain(`A new operator key is in ${join(cli.dataDir, 'operator.key')}`);
    expect(server.stdout()).not.toContain(key);
    expect(server.stdout()).not.toMatch(/bursar_op_/);
  });

  it('refuse a second server on the same data directory, say where the first is, and leave it and its chain alone', async () => {
    const second = await cli.run(['serve', '--port', '0']);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`already runs on ${cli.dataDir}: http://127.0.0.1:${port}`);
    expect((await ok('ledger', 'check')).ok).toBe(true);
  });

  it('refuse an environment variable that is set to nothing, before they make a data directory', async () => {
    const dataDir = join(cli.dir, 'unmade');
    for (const verb of ['init', 'serve']) {
      const ran = await cli.run([verb, '--json'], { BURSAR_DATA_DIR: dataDir, BURSAR_RPC_URL: '' });
      expect(refused(ran)).toEqual({ code: 2, problem: 'environment_invalid' });
      expect(ran.stderr + ran.stdout).toContain('BURSAR_RPC_URL is empty.');
    }
    expect(existsSync(dataDir)).toBe(false);
  });

  it('take a real chain only when its id, token and contracts are what was said', async () => {
    const { chain } = JSON.parse(readFileSync(join(cli.dataDir, 'config.json'), 'utf8')) as {
      chain: { usdc: string; factory: string; registry: string };
    };
    const dataDir = join(cli.dir, 'remote');
    const init = (change: Record<string, string> = {}): Promise<Ran> => {
      const flags = { 'rpc-url': rpc, 'chain-id': '31337', ...chain, ...change };
      const { usdc: token, factory, registry, 'rpc-url': url, 'chain-id': id } = flags;
      return cli.inside([
        'init',
        '--json',
        '--data-dir',
        dataDir,
        '--rpc-url',
        url,
        '--chain-id',
        id,
        '--usdc',
        token,
        '--factory',
        factory,
        '--registry',
        registry,
      ]);
    };
    expect(refused(await init({ 'chain-id': '8453' }))).toEqual({ code: 3, problem: 'chain_mismatch' });
    expect(refused(await init({ usdc: chain.factory }))).toEqual({ code: 2, problem: 'not_configured' });
    expect(refused(await init({ registry: chain.usdc }))).toEqual({ code: 2, problem: 'not_configured' });
    expect(existsSync(join(dataDir, 'config.json'))).toBe(false);
    const made = await init();
    expect(made.code, made.stdout).toBe(0);
    expect(at(made.json(), 'chain.rpc_url')).toBe(rpc);
    expect(refused(await init())).toEqual({ code: 1, problem: 'conflict' });
  });
});

describe('paying', () => {
  const invoice = '--agent researcher --payee Grace --amount 12.50 --idempotency-key invoice-1042'.split(' ');
  const payInvoice = (...more: string[]) => ok('pay', ...invoice, ...more);

  it('creates people and agents, funds one, and pays to the end', async () => {
    expect(await cli.people()).toMatchObject({ name: 'researcher', labels: { team: 'x', tier: '2' } });
    const payment = await payInvoice('--wait');
    expect(payment).toMatchObject({ amount: usdc('12.50'), replayed: false });
    expect(['settled', 'final']).toContain(payment.state);
    paid = String(payment.id);
  });

  it('gives the same payment for the same key, and tells a key that it made itself', async () => {
    const again = await payInvoice();
    expect(again).toMatchObject({ id: paid, replayed: true });
    const denied = await cli.run(['pay', '--agent', 'researcher', '--payee', 'Grace', '--amount', '75']);
    expect(denied.stderr).toMatch(/^idempotency key: [0-9a-f-]{36}\n$/);
    expect(denied.code).toBe(1);
    expect(denied.stdout).toContain('denied  75.00 USDC');
    expect(denied.stdout).toContain('payment_cap:');
    expect(denied.stdout).toMatch(/would pass now: at most \d/);
  });

  it('exits with 1 for a refusal, 2 for wrong use, 3 for a server that is not there', async () => {
    const over = ['--agent', 'researcher', '--payee', 'Grace', '--amount'];
    const runs = [
      await cli.run(['check', ...over, '75', '--json']),
      await cli.inside(['pay', ...over.slice(0, -1), '--amount=-5', '--json']),
      await cli.inside(['agent', 'list', '--nope', '--json']),
      await cli.run(['agent', 'list', '--json', '--url', 'http://127.0.0.1:1']),
      await cli.inside(['agent', 'list', '--json', '--key', `bursar_op_${'x'.repeat(43)}`]),
    ];
    expect(runs.map((ran) => ran.code)).toEqual([1, 2, 2, 3, 2]);
    expect(runs.map((ran) => ran.json().code ?? ran.json().effect)).toEqual([
      'deny',
      'invalid_amount',
      'invalid_request',
      'server_unreachable',
      'unauthenticated',
    ]);
  });

  it('settles a batch from a file together', async () => {
    const file = join(cli.dir, 'payouts.json');
    writeFileSync(file, JSON.stringify([1, 2, 3].map((n) => ({ payee: 'Grace', amount: usdc(`0.0${n}`) }))));
    const { payments } = (await ok('batch', file, '--agent', 'researcher', '--wait')) as { payments: unknown[] };
    expect(payments.map((each) => at(each, 'amount.value'))).toEqual(['0.01', '0.02', '0.03']);
    expect(new Set(payments.map((each) => at(each, 'settlement.tx_hash'))).size).toBe(1);
  });

  it('writes tables with figures to the right and no colour where stdout is no terminal', async () => {
    const { stdout } = await cli.inside(['payments']);
    const [heading = '', ...rows] = stdout.trimEnd().split('\n');
    const right = heading.indexOf('amount') + 'amount'.length;
    expect(rows.length).toBe(5);
    for (const row of rows) expect(row.slice(0, right)).toMatch(/\d\.\d\d$/);
    expect(stdout).not.toContain(String.fromCodePoint(27));
    expect(stdout).toContain(paid);
  });
});

describe('with --json', () => {
  it('every list is one JSON document', async () => {
    const lists = [
      ['sponsor', 'list'],
      ['agent', 'list'],
      ['payee', 'list'],
      ['workflow', 'list'],
      ['approver', 'list'],
      ['key', 'list'],
      ['payments', '--state', 'denied'],
      ['reviews'],
      ['policy', 'list'],
      ['ledger', 'balances'],
      ['ledger', 'entries'],
      ['events'],
      ['alerts'],
      ['mandate', 'list'],
      ['schedule', 'list'],
      ['invoice', 'list'],
      ['receivable', 'list'],
      ['refund-request', 'list'],
      ['balance'],
      ['call', 'list_agents'],
    ];
    for (const args of lists) expect(Object.values(await ok(...args)).some(Array.isArray), args.join(' ')).toBe(true);
  });
});

describe('a candidate policy', () => {
  /** Of 12.50, 75.00 (denied), 0.01, 0.02 and 0.03 the last two are over 12.52 in all, and 75.00 for one more reason. */
  const changes = [{ active: 'allow', shadow: 'deny', count: 2, amount: usdc('0.05') }];
  const lastTwo = { decided: 5, same: 2, other_reasons: 1, changes };

  it('is tried with another time zone, in which its meters are counted from the payments', async () => {
    const file = join(cli.dir, 'tokyo.json');
    const limit = ['limit: "2000.00"', 'limit: "12.52"'] as const;
    writeFileSync(file, await starterWithAll([['timezone: UTC', 'timezone: Asia/Tokyo'], limit]));
    const told = await ok('policy', 'replay', file);
    expect(told).toMatchObject({
      summary: lastTwo,
      meters_counted: { meters: expect.arrayContaining(['agent_day', 'agent_month']), from: null },
      without_meters: { payments: 0, meters: [] },
    });
    expect(at(told, 'differences.0.shadow.reasons.0')).toMatchObject({ code: 'agent_monthly', observed: 12_560_000 });
    const { stdout } = await cli.inside(['policy', 'replay', file]);
    expect(stdout).toMatch(/5 decided, 2 the same[\s\S]*agent_day.*: counted from the payments as they happened\.\n/);
  });

  it('is tried with a control and a meter of its own, as far back as is counted', async () => {
    const dir = writeOwnMeterPolicy(join(cli.dir, 'ever'));
    expect(await ok('policy', 'replay', dir)).toMatchObject({
      summary: lastTwo,
      meters_counted: { meters: ['spent_ever'], from: null },
      without_meters: { payments: 0, meters: [] },
    });
    // All payments before the newest two are counted; where only one of them may be, there is no answer.
    expect(await ok('policy', 'replay', dir, '--max', '2')).toMatchObject({ summary: { decided: 2, changes } });
    const partly = await ok('policy', 'replay', dir, '--max', '2', '--count', '1');
    expect(partly).toMatchObject({ summary: { decided: 0 }, without_meters: { payments: 2, meters: ['spent_ever'] } });
    expect(at(partly, 'meters_counted.from')).toMatch(/^20.*Z$/);
    const { stdout } = await cli.inside(['policy', 'replay', dir, '--max', '2', '--count', '1']);
    expect(stdout).toMatch(/spent_ever: counted from the payments as they happened, from 20.*Z on\.\n/);
    expect(stdout).toContain('2 payments cannot be decided again: windows of spent_ever reach further back');
  });

  it('is tried on past payments, then next to the active one, and decides nothing', async () => {
    const file = join(cli.dir, 'candidate.json');
    writeFileSync(file, await starterWith('limit: "50.00"', 'limit: "0.02"'));
    const change = { active: 'allow', shadow: 'deny', count: 2, amount: usdc('12.53') };
    const summary = { decided: 5, same: 3, other_reasons: 0, changes: [change] };
    expect(await ok('policy', 'replay', file)).toMatchObject({ summary, without_meters: { payments: 0 } });
    const { document, warnings } = await cli.warned('policy', 'load', file, '--note', 'candidate');
    expect(warnings).toEqual(STARTER_WARNINGS);
    const { digest } = document;
    expect(await ok('policy', 'replay', String(digest))).toMatchObject({ summary });
    const both = await cli.inside(['policy', 'shadow', String(digest), '--off', '--json']);
    expect(refused(both)).toEqual({ code: 2, problem: 'invalid_request' });
    await ok('policy', 'shadow', String(digest));
    const paying = ['pay', '--agent', 'researcher', '--payee', 'Grace', '--amount'];
    const { id } = await ok(...paying, '0.05', '--idempotency-key', 'in-shadow-1', '--wait');
    const told = (await cli.inside(['policy', 'differences'])).stdout;
    expect(told).toContain('1 decided, 0 the same, 0 for other reasons only');
    expect(told).toMatch(new RegExp(`${String(id)} .*0\\.05 +allow: all_passed +deny: payment_cap`));
    await ok('policy', 'shadow', '--off');
    expect(await ok('policy', 'differences')).toMatchObject({ shadow: { digest, ended: { reason: 'off' } } });
  });
});

describe('events --follow', () => {
  it('prints a line of JSON per event, also those after a restart of the server, until it is told to stop', async () => {
    const following = cli.start(['events', '--follow', '--json']);
    await following.until(/"payment\.(settled|final)"/);
    expect(await server.stop()).toBe(0);
    expect(existsSync(join(cli.dataDir, 'server.json'))).toBe(false);
    server = await cli.serve('--port', String(port));
    expect(server.stdout()).not.toContain('Operator key');
    await ok('workflow', 'create', '--name', 'after-restart');
    await following.until(/"workflow\.created"[^\n]*\n/);
    expect(await following.stop('SIGINT')).toBe(0);
    const events = following
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; policy_digest: unknown });
    const [first, last] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
    const all = await ok('call', 'list_events', '--after', String(first - 1), '--limit', '200');
    const listed = (all.events as { seq: number }[]).map(({ seq }) => seq).filter((seq) => seq <= last);
    expect(events.map(({ seq }) => seq)).toEqual(listed);
    expect((await ok('ledger', 'check')).ok).toBe(true);
  });
});
