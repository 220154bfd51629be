import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../setup/run.ts';
import { freePort, makeCli, type Ran, type Running } from './testing/cli.ts';
import { at } from './values.ts';

/** One home and one server for the whole file; the tests tell one story, in order. */
const cli = makeCli();
const port = await freePort();
const mode = (path: string): number => statSync(path).mode & 0o777;
const usdc = (value: string) => ({ value, currency: 'USDC' });
const fresh = (): string => privateKeyToAddress(generatePrivateKey());
let server: Running;
let rpc = '';
let paid = '';
let reviewed = '';

async function ok(...args: string[]): Promise<Record<string, unknown>> {
  const ran = await cli.inside([...args, '--json']);
  expect(ran.stderr.replace(/^idempotency key: .*\n/, ''), args.join(' ')).toBe('');
  expect(ran.code, ran.stdout).toBe(0);
  return ran.json();
}
const refused = (ran: Ran): unknown => ({ code: ran.code, problem: ran.json().code });

beforeAll(async () => {
  const init = await cli.run(['init', '--json']);
  expect(init.code, init.stderr + init.stdout).toBe(0);
  server = await cli.serve('--port', String(port));
  rpc = String((JSON.parse(readFileSync(join(cli.home, 'server.json'), 'utf8')) as { rpc_url: string }).rpc_url);
}, 120_000);
afterAll(() => cli.dispose(), 60_000);

describe('init and serve', () => {
  it('make a home that only its owner can read, and overwrite none', async () => {
    expect(mode(cli.home)).toBe(0o700);
    for (const file of ['config.json', 'keystore.json', 'passphrase', 'operator.key', 'bursar.sqlite', 'chain.json']) {
      expect(mode(join(cli.home, file)), file).toBe(0o600);
    }
    const keystore = readFileSync(join(cli.home, 'keystore.json'), 'utf8');
    expect(refused(await cli.run(['init', '--json', '--home', cli.home]))).toEqual({
      code: 1,
      problem: 'storage_in_use',
    });
    expect(readFileSync(join(cli.home, 'keystore.json'), 'utf8')).toBe(keystore);
  });

  it('show the operator’s key once, and keep it where the command line finds it', async () => {
    const key = readFileSync(join(cli.home, 'operator.key'), 'utf8').trim();
    expect(key).toMatch(/^bursar_op_/);
    expect(server.stdout()).toContain(`Operator key, shown this once: ${key}`);
  });

  it('refuse a second server on the same home, say where the first is, and leave it and its chain alone', async () => {
    const second = await cli.run(['serve', '--port', '0']);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`already runs on ${cli.home}: http://127.0.0.1:${port}`);
    expect((await ok('ledger', 'check')).ok).toBe(true);
  });

  it('take a real chain only when its id, token and contracts are what was said', async () => {
    const { chain } = JSON.parse(readFileSync(join(cli.home, 'config.json'), 'utf8')) as {
      chain: { usdc: string; factory: string; registry: string };
    };
    const home = join(cli.dir, 'remote');
    const init = (change: Record<string, string> = {}): Promise<Ran> => {
      const flags = { 'rpc-url': rpc, 'chain-id': '31337', ...chain, ...change };
      const { usdc: token, factory, registry, 'rpc-url': url, 'chain-id': id } = flags;
      return cli.inside([
        'init',
        '--json',
        '--home',
        home,
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
    expect(existsSync(join(home, 'config.json'))).toBe(false);
    const made = await init();
    expect(made.code, made.stdout).toBe(0);
    expect(at(made.json(), 'chain.rpc_url')).toBe(rpc);
    expect(refused(await init())).toEqual({ code: 1, problem: 'conflict' });
  });
});

describe('paying', () => {
  it('creates people and agents, funds one, and pays to the end', async () => {
    const treasury = JSON.parse(readFileSync(join(cli.home, 'keystore.json'), 'utf8')) as {
      addresses: { treasury: string };
    };
    await ok('sponsor', 'create', '--name', 'Team', '--treasury-address', treasury.addresses.treasury);
    const agent = await ok('agent', 'create', '--name', 'researcher', '--sponsor', 'Team', '--labels', 'team=x,tier=2');
    const grace = ['--name', 'Grace', '--kind', 'contractor', '--categories', 'contractor'];
    await ok('payee', 'create', ...grace, '--address', fresh(), '--verified');
    expect(agent).toMatchObject({ name: 'researcher', labels: { team: 'x', tier: '2' } });
    await ok('fund', 'researcher', '100.00');
    await expect
      .poll(async () => at(await ok('agent', 'show', 'researcher'), 'balances.available.value'), { timeout: 30_000 })
      .toBe('100.00');
    const payment = await ok(
      'pay',
      '--agent',
      'researcher',
      '--payee',
      'Grace',
      '--amount',
      '12.50',
      '--idempotency-key',
      'invoice-1042',
      '--wait',
    );
    expect(payment).toMatchObject({ amount: usdc('12.50'), replayed: false });
    expect(['settled', 'final']).toContain(payment.state);
    paid = String(payment.id);
  });

  it('gives the same payment for the same key, and tells a key that it made itself', async () => {
    const again = await ok(
      'pay',
      '--agent',
      'researcher',
      '--payee',
      'Grace',
      '--amount',
      '12.50',
      '--idempotency-key',
      'invoice-1042',
    );
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

describe('reviews', () => {
  it('show what is signed, sign it with the home’s key, and let the payment go', async () => {
    const { address } = approverKey();
    await ok('approver', 'create', '--name', 'Ada', '--address', address, '--roles', 'finance');
    await ok('payee', 'add-address', 'Grace', fresh());
    const asked = await cli.inside(['pay', '--agent', 'researcher', '--payee', 'Grace', '--amount', '4.00', '--json']);
    expect(asked.code).toBe(0);
    reviewed = String(asked.json().id);
    expect(asked.json().state).toBe('in_review');
    const second = await ok('pay', '--agent', 'researcher', '--payee', 'Grace', '--amount', '6.00');
    const approved = await cli.run(['approve', reviewed]);
    const rejected = await cli.inside(['reject', String(second.id), '--json']);
    expect(approved.code, approved.stderr).toBe(0);
    expect(approved.stdout).toMatch(/You sign, as 0x\w{40}, to approve:/);
    expect(approved.stdout).toMatch(/amount +4\.00 USDC\n/);
    expect(approved.stdout).toMatch(/address +0x\w{40} \(CHANGED /);
    expect(rejected.json()).toMatchObject({ id: second.id, state: 'rejected' });
    await expect.poll(async () => (await ok('payment', reviewed)).state, { timeout: 30_000 }).toMatch(/settled|final/);
  });

  it('cannot be answered with a key that is no approver’s', async () => {
    const asked = await ok('pay', '--agent', 'researcher', '--payee', 'Grace', '--amount', '1.00');
    expect(refused(await cli.inside(['approve', String(asked.id), '--role', 'guardian', '--json']))).toEqual({
      code: 1,
      problem: 'approver_not_found',
    });
    expect((await ok('cancel', String(asked.id))).state).toBe('cancelled');
  });
});

describe('mandates', () => {
  it('are asked for, looked at and signed with the home’s key', async () => {
    const grace = await ok('payee', 'show', 'Grace');
    const bounds = [
      '--per-payment',
      '20',
      '--total',
      '100',
      '--expires-at',
      new Date(Date.now() + 86_400_000).toISOString(),
    ];
    const asked = await ok(
      'mandate',
      'request',
      '--agent',
      'researcher',
      '--payees',
      String(grace.id),
      ...bounds,
      '--reason',
      'weekly',
    );
    expect(asked.status).toBe('requested');
    const signed = await ok('mandate', 'sign', String(asked.id));
    expect(signed).toMatchObject({ id: asked.id, status: 'active', signers: [{ name: 'Ada' }] });
  });
});

function approverKey(): { address: string } {
  const { addresses } = JSON.parse(readFileSync(join(cli.home, 'keystore.json'), 'utf8')) as {
    addresses: { approver: string };
  };
  return { address: addresses.approver };
}

describe('receipts', () => {
  it('are verified from the file and an RPC alone, without server or home', async () => {
    const file = join(cli.dir, 'receipt.json');
    expect(await ok('receipt', reviewed, '--out', file)).toMatchObject({ out: file, payment: reviewed });
    const elsewhere = join(cli.dir, 'nowhere');
    const verified = await cli.run(['verify', file, '--rpc', rpc, '--home', elsewhere, '--url', 'http://127.0.0.1:1']);
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    expect(verified.stdout).toMatch(/\nverified\n$/);
    expect(existsSync(elsewhere)).toBe(false);
  });

  it('are found by payment id and by transaction hash', async () => {
    const { settlement } = await ok('payment', paid);
    const byId = await ok('verify', paid);
    const byHash = await ok('verify', String(at(settlement, 'tx_hash')));
    for (const answer of [byId, byHash])
      expect(answer).toMatchObject({ ok: true, receipts: [{ payment: paid, ok: true }] });
    expect(refused(await cli.inside(['verify', `0x${'0'.repeat(64)}`, '--json']))).toEqual({
      code: 1,
      problem: 'payment_not_found',
    });
  });

  it('that were tampered with fail, each by the check that it concerns', async () => {
    type Receipt = {
      payment: { amount_micro: string };
      chain: { wallet: string };
      decisions: { input: string; result: string; effect: string }[];
      bundles: Record<string, string>;
      approvals: { signature: string }[];
    };
    const genuine = readFileSync(join(cli.dir, 'receipt.json'), 'utf8');
    const last = <T>(list: T[]): T => list.at(-1) as T;
    const tampered: [string, RegExp, (receipt: Receipt) => void][] = [
      ['amount', /transfer/, (receipt) => Object.assign(receipt.payment, { amount_micro: '4000001' })],
      [
        'input',
        /hash/,
        ({ decisions }) => {
          const decision = last(decisions);
          decision.input = decision.input.replace('"amount":4000000', '"amount":4000001');
        },
      ],
      [
        'decision',
        /hash|allowed|replay/,
        ({ decisions }) => {
          const decision = last(decisions);
          decision.effect = 'deny';
        },
      ],
      [
        'bundle',
        /policy/,
        (receipt) => {
          for (const [digest, text] of Object.entries(receipt.bundles))
            receipt.bundles[digest] = text.replace('50.00', '90.00');
        },
      ],
      [
        'signature',
        /approval by/,
        ({ approvals }) => {
          const approval = last(approvals);
          approval.signature = approval.signature.replace(/^0x.{8}/, '0xdeadbeef');
        },
      ],
      ['wallet', /Executed|transfer|chain/, (receipt) => Object.assign(receipt.chain, { wallet: fresh() })],
    ];
    const copies = tampered.map(([, , change]) => {
      const copy = JSON.parse(genuine) as Receipt;
      change(copy);
      return copy;
    });
    const file = join(cli.dir, 'tampered.json');
    writeFileSync(file, JSON.stringify(copies));
    const ran = await cli.inside(['verify', file, '--rpc', rpc, '--json']);
    expect(ran.code).toBe(1);
    const receipts = ran.json().receipts as { ok: boolean; findings: { check: string; ok: boolean }[] }[];
    tampered.forEach(([what, check], index) => {
      const failed = receipts[index]?.findings.filter((finding) => !finding.ok).map((finding) => finding.check) ?? [];
      expect(failed.join(', '), what).toMatch(check);
    });
    expect(refused(await cli.inside(['verify', file, '--rpc', 'http://127.0.0.1:1', '--json']))).toEqual({
      code: 3,
      problem: 'chain_unavailable',
    });
  });
});

describe('policies', () => {
  it('compile to the digest that decides, and load, activate and roll back', async () => {
    const dir = join(cli.dir, 'policy');
    mkdirSync(dir);
    const starter = readFileSync(join(root, 'policies/starter/data.yaml'), 'utf8');
    writeFileSync(join(dir, 'data.yaml'), starter.replace('limit: "50.00"', 'limit: "40.00"'));
    const bundle = join(cli.dir, 'bundle.json');
    const active = await ok('policy', 'show');
    const compiled = await ok('policy', 'compile', dir, '--out', bundle);
    expect(compiled.digest).not.toBe(active.digest);
    expect(await ok('policy', 'load', bundle, '--note', 'a lower cap', '--activate')).toEqual({
      digest: compiled.digest,
      active: true,
    });
    const denied = await cli.inside(['check', '--agent', 'researcher', '--payee', 'Grace', '--amount', '45', '--json']);
    expect(at(denied.json(), 'reasons.0.code')).toBe('payment_cap');
    expect(await ok('policy', 'rollback')).toEqual({ digest: active.digest });
  });

  it('that do not compile are refused with the place', async () => {
    const dir = join(cli.dir, 'broken');
    mkdirSync(join(dir, 'controls/mine'), { recursive: true });
    writeFileSync(join(dir, 'data.yaml'), readFileSync(join(root, 'policies/starter/data.yaml')));
    writeFileSync(
      join(dir, 'controls/mine/mine.rego'),
      'package bursar.controls.mine\n\noutcome := {"effect" "pass"}\n',
    );
    const ran = await cli.inside(['policy', 'compile', dir]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^policy_compile_failed: controls\/mine\/mine\.rego:3/);
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

describe('events --follow', () => {
  it('prints a line of JSON per event, also those after a restart of the server, until it is told to stop', async () => {
    const following = cli.start(['events', '--follow', '--json']);
    await following.until(/"policy\.rolled_back"/);
    expect(await server.stop()).toBe(0);
    expect(existsSync(join(cli.home, 'server.json'))).toBe(false);
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
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => (events[0]?.seq ?? 0) + index));
    expect((await ok('ledger', 'check')).ok).toBe(true);
  });
});
