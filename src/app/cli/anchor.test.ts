import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeScene, refused } from './testing/scene.ts';
import { at } from './values.ts';

/** Anchoring, and what an auditor does with a node alone: one data folder and one server for the whole file, in order. */
const scene = makeScene();
const { ok } = scene;
let rpc = '';
let denied = '';
const inFolder = (name: string) => join(scene.dir, name);
const registry = () =>
  String(at(JSON.parse(readFileSync(join(scene.dataDir, 'config.json'), 'utf8')), 'chain.registry'));
/** As on a machine with nothing of ours but the file. */
const audit = (file: string, ...more: string[]) =>
  scene.inside([
    'anchor',
    'verify',
    file,
    '--rpc',
    rpc,
    '--registry',
    registry(),
    '--json',
    '--data-dir',
    inFolder('none'),
    ...more,
  ]);

beforeAll(async () => {
  await scene.serve('--port', '0');
  rpc = scene.rpcUrl();
  await scene.people();
  const refusal = await scene.inside([
    'pay',
    '--agent',
    'researcher',
    '--payee',
    'Grace',
    '--amount',
    '9000.00',
    '--json',
  ]);
  denied = String(refusal.json().id);
}, 120_000);
afterAll(() => scene.dispose(), 60_000);

describe('bursar anchor', () => {
  it('signs without gas', async () => {
    expect(await ok('anchor', '--no-chain')).toMatchObject({ anchor: null, head: { size: expect.any(Number) } });
  });

  it('tells the cost before and after, and waits for the block', async () => {
    const ran = await scene.inside(['anchor']);
    expect(ran.stdout).toMatch(/To anchor about \d+ events takes about \d+ gas, 0\.\d+ of the chain's coin/);
    expect(ran.stdout).toMatch(/On the chain: \d+ events in transaction 0x[0-9a-f]{64}, block \d+\. It took \d+ gas/);
    expect(ran.code).toBe(0);
    const { anchors, heads } = await ok('anchor', 'list');
    expect(anchors).toHaveLength(1);
    expect(heads).toHaveLength(2);
    expect((await scene.inside(['anchor', 'list'])).stdout).toContain('transaction');
  });

  it('is held against the ledger by its check', async () => {
    const checked = await scene.inside(['ledger', 'check', '--anchors']);
    expect(checked.stdout).toContain('anchor_chain_heads');
    expect(checked.stdout).toMatch(/anchor_rest .*come after the last head outside the database/);
  });
});

describe('an auditor with a node alone', () => {
  it('checks the proof of a denial, and refuses one that was changed', async () => {
    await ok('anchor', 'prove', denied, '--out', inFolder('proof.json'));
    const verified = await audit(inFolder('proof.json'));
    expect(verified.json()).toMatchObject({ ok: true });
    expect(verified.stdout).toContain('payment.denied');
    const text = readFileSync(inFolder('proof.json'), 'utf8');
    writeFileSync(inFolder('forged.json'), text.replace('payment.denied', 'payment.allowed'));
    const forged = await audit(inFolder('forged.json'));
    expect(forged).toMatchObject({ code: 1 });
    expect(forged.json()).toMatchObject({ ok: false });
  });

  it('checks the whole log, and finds a denial that was taken out, changed or put elsewhere', async () => {
    await ok('anchor', 'export', inFolder('log.jsonl'));
    expect((await audit(inFolder('log.jsonl'))).json()).toMatchObject({ ok: true });
    const lines = readFileSync(inFolder('log.jsonl'), 'utf8').trimEnd().split('\n');
    const place = lines.findIndex((line) => line.includes(denied) && line.includes('payment.denied'));
    const renumbered = (list: string[]) => list.map((line, n) => JSON.stringify({ ...JSON.parse(line), seq: n + 1 }));
    const without = renumbered(lines.filter((_, n) => n !== place));
    const changed = lines.map((line, n) => (n === place ? line.replace('payment.denied', 'payment.allowed') : line));
    const moved = renumbered([
      ...lines.slice(0, 2),
      lines[place] ?? '',
      ...lines.slice(2).filter((_, n) => n !== place - 2),
    ]);
    for (const [name, list] of Object.entries({ without, changed, moved, cut: lines.slice(0, 3), none: [] })) {
      writeFileSync(inFolder(`${name}.jsonl`), list.map((line) => `${line}\n`).join(''));
      const found = (await audit(inFolder(`${name}.jsonl`))).json() as {
        ok: boolean;
        findings: { check: string; ok: boolean }[];
      };
      expect(found.ok).toBe(false);
      expect(found.findings.filter((each) => !each.ok).map(({ check }) => check)).toContain('anchor_chain_heads');
    }
  });

  it('is told what is missing', async () => {
    const bare = await scene.inside(['anchor', 'verify', inFolder('log.jsonl'), '--rpc', rpc, '--json']);
    expect(refused(bare)).toEqual({ code: 2, problem: 'invalid_request' });
    expect(refused(await audit(inFolder('nowhere.json')))).toEqual({ code: 2, problem: 'invalid_request' });
    expect(refused(await scene.inside(['anchor', 'prove', '999999', '--json']))).toMatchObject({ code: 1 });
    expect(refused(await scene.inside(['anchor', 'prove', 'pay_x', '--json']))).toMatchObject({ code: 2 });
  });
});
