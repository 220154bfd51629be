import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STARTER_WARNINGS } from '../../../test/support/starterWarnings.ts';
import { root } from '../../setup/run.ts';
import { fresh, makeScene, refused } from './testing/scene.ts';
import { at } from './values.ts';

/** What people sign and what anybody can check: one data directory and one server for the whole file, in order. */
const scene = makeScene();
const { ok } = scene;
let rpc = '';
let paid = '';
let reviewed = '';

beforeAll(async () => {
  await scene.serve('--port', '0');
  rpc = scene.rpcUrl();
  await scene.people();
  paid = String((await ok('pay', '--agent', 'researcher', '--payee', 'Grace', '--amount', '12.50', '--wait')).id);
}, 120_000);
afterAll(() => scene.dispose(), 60_000);

describe('reviews', () => {
  it('show what is signed, sign it with the data directory’s key, and let the payment go', async () => {
    await ok('approver', 'create', '--name', 'Ada', '--address', scene.addressOf('approver'), '--roles', 'finance');
    await ok('payee', 'add-address', 'Grace', fresh());
    const asked = await scene.inside([
      'pay',
      '--agent',
      'researcher',
      '--payee',
      'Grace',
      '--amount',
      '4.00',
      '--json',
    ]);
    expect(asked.code).toBe(0);
    reviewed = String(asked.json().id);
    expect(asked.json().state).toBe('in_review');
    const second = await ok('pay', '--agent', 'researcher', '--payee', 'Grace', '--amount', '6.00');
    const approved = await scene.run(['approve', reviewed]);
    const rejected = await scene.inside(['reject', String(second.id), '--json']);
    expect(approved.code, approved.stderr).toBe(0);
    expect(approved.stdout).toMatch(/You sign, as 0x\w{40}, to approve:/);
    expect(approved.stdout).toMatch(/amount +4\.00 USDC\n/);
    expect(approved.stdout).toMatch(/address +0x\w{40} \(CHANGED /);
    expect(rejected.json()).toMatchObject({ id: second.id, state: 'rejected' });
    await expect.poll(async () => (await ok('payment', reviewed)).state, { timeout: 30_000 }).toMatch(/settled|final/);
  });

  it('cannot be answered with a key that is no approver’s', async () => {
    const asked = await ok('pay', '--agent', 'researcher', '--payee', 'Grace', '--amount', '1.00');
    expect(refused(await scene.inside(['approve', String(asked.id), '--role', 'guardian', '--json']))).toEqual({
      code: 1,
      problem: 'approver_not_found',
    });
    expect((await ok('cancel', String(asked.id))).state).toBe('cancelled');
  });
});

describe('mandates', () => {
  it('are asked for, looked at and signed with the data directory’s key', async () => {
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
describe('receipts', () => {
  it('are verified from the file and an RPC alone, without server or data directory', async () => {
    const file = join(scene.dir, 'receipt.json');
    expect(await ok('receipt', reviewed, '--out', file)).toMatchObject({ out: file, payment: reviewed });
    const elsewhere = join(scene.dir, 'nowhere');
    const verified = await scene.run([
      'verify',
      file,
      '--rpc',
      rpc,
      '--data-dir',
      elsewhere,
      '--url',
      'http://127.0.0.1:1',
    ]);
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    expect(verified.stdout).toMatch(/\nverified\n$/);
    expect(existsSync(elsewhere)).toBe(false);
  });

  it('are not needed to see what the chain alone shows, on a machine without server, key or data directory', async () => {
    const { settlement } = await ok('payment', paid);
    const tx = String(at(settlement, 'tx_hash'));
    const away = ['--rpc', rpc, '--data-dir', join(scene.dir, 'nowhere'), '--url', 'http://127.0.0.1:1'];
    const shown = await scene.run(['verify', tx, ...away]);
    expect(shown.code, shown.stdout + shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(/12\.50 USDC from 0x\w{40} to 0x\w{40}/);
    expect(shown.stdout).toMatch(/policy digest {2}sha256:[0-9a-f]{64}\n {2}decision hash {2}0x[0-9a-f]{64}\n/);
    expect(shown.stdout).toMatch(/A receipt would add/);
    const owner = scene.addressOf('owner');
    const known = await scene.run(['verify', tx, ...away, '--organisation', owner, '--json']);
    expect(known.json()).toMatchObject({
      ok: true,
      transaction: { payments: [{ rail: 'wallet', organisation: owner }] },
    });
    const foreign = await scene.run(['verify', tx, ...away, '--organisation', fresh()]);
    expect([foreign.code, foreign.stdout]).toEqual([1, expect.stringMatching(/NOT shown to be of an organisation/)]);
    const elsewhere = await scene.run(['verify', tx, ...away, '--chain-id', '8453', '--json']);
    expect(refused(elsewhere)).toEqual({ code: 3, problem: 'chain_mismatch' });
    const unknown = await scene.run(['verify', `0x${'ab'.repeat(32)}`, ...away, '--json']);
    expect(refused(unknown)).toEqual({ code: 1, problem: 'payment_not_found' });
    const down = await scene.run(['verify', tx, ...away.with(1, 'http://127.0.0.1:1'), '--json']);
    expect(refused(down)).toEqual({ code: 3, problem: 'chain_unavailable' });
    const receipt = await scene.run([
      'verify',
      join(scene.dir, 'receipt.json'),
      ...away,
      '--organisation',
      fresh(),
      '--json',
    ]);
    expect([receipt.code, JSON.stringify(receipt.json())]).toEqual([
      1,
      expect.stringContaining('"check":"organisation","ok":false'),
    ]);
  });

  it('are found by payment id and by transaction hash', async () => {
    const { settlement } = await ok('payment', paid);
    const byId = await ok('verify', paid);
    const byHash = await ok('verify', String(at(settlement, 'tx_hash')));
    for (const answer of [byId, byHash])
      expect(answer).toMatchObject({ ok: true, receipts: [{ payment: paid, ok: true }] });
    expect(refused(await scene.inside(['verify', `0x${'0'.repeat(64)}`, '--json']))).toEqual({
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
    const genuine = readFileSync(join(scene.dir, 'receipt.json'), 'utf8');
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
    const file = join(scene.dir, 'tampered.json');
    writeFileSync(file, JSON.stringify(copies));
    const ran = await scene.inside(['verify', file, '--rpc', rpc, '--json']);
    expect(ran.code).toBe(1);
    const receipts = ran.json().receipts as { ok: boolean; findings: { check: string; ok: boolean }[] }[];
    tampered.forEach(([what, check], index) => {
      const failed = receipts[index]?.findings.filter((finding) => !finding.ok).map((finding) => finding.check) ?? [];
      expect(failed.join(', '), what).toMatch(check);
    });
    expect(refused(await scene.inside(['verify', file, '--rpc', 'http://127.0.0.1:1', '--json']))).toEqual({
      code: 3,
      problem: 'chain_unavailable',
    });
  });
});

describe('policies', () => {
  it('compile to the digest that decides, and load, activate and roll back', async () => {
    const dir = join(scene.dir, 'policy');
    mkdirSync(dir);
    const starter = readFileSync(join(root, 'policies/starter/data.yaml'), 'utf8');
    writeFileSync(join(dir, 'data.yaml'), starter.replace('limit: "50.00"', 'limit: "40.00"'));
    const bundle = join(scene.dir, 'bundle.json');
    const active = await ok('policy', 'show');
    const compiled = await ok('policy', 'compile', dir, '--out', bundle);
    expect(compiled.digest).not.toBe(active.digest);
    expect(await scene.warned('policy', 'load', bundle, '--note', 'a lower cap', '--activate')).toEqual({
      document: { digest: compiled.digest, active: true, warnings: STARTER_WARNINGS },
      warnings: STARTER_WARNINGS,
    });
    const denied = await scene.inside([
      'check',
      '--agent',
      'researcher',
      '--payee',
      'Grace',
      '--amount',
      '45',
      '--json',
    ]);
    expect(at(denied.json(), 'reasons.0.code')).toBe('payment_cap');
    expect(await ok('policy', 'rollback')).toEqual({ digest: active.digest });
  });

  it('that do not compile are refused with the place', async () => {
    const dir = join(scene.dir, 'broken');
    mkdirSync(join(dir, 'controls/mine'), { recursive: true });
    writeFileSync(join(dir, 'data.yaml'), readFileSync(join(root, 'policies/starter/data.yaml')));
    writeFileSync(
      join(dir, 'controls/mine/mine.rego'),
      'package bursar.controls.mine\n\noutcome := {"effect" "pass"}\n',
    );
    const ran = await scene.inside(['policy', 'compile', dir]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^policy_compile_failed: controls\/mine\/mine\.rego:3/);
  });
});
