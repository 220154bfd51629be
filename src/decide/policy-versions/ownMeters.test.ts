import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { requestPayment } from '../payments/gate.ts';
import { createGate } from '../payments/gateQueue.ts';
import { transition } from '../payments/transition.ts';
import { resolveOpa } from '../policy/opa.ts';
import { readStarterBundle } from '../policy/starter.ts';
import { type Activations, openActivations } from './activations.ts';
import { findShadow, listDifferences } from './differences.ts';

const act = { actor: 'key_test', atMs: NOON_MS };
/** It denies everything, and tells what its own meter shows. */
const tells = (meter: string): string => `meters := {"mine": ${meter}}

decision := {"effect": "deny", "reasons": [{"code": "seen", "rule": "r", "observed": input.meters.mine.total}], "review": null}`;
const EVER = tells('{"by": ["agent"], "window": "lifetime"}');

let folder: string;
let path: string;
let world: GateWorld;
let policies: Activations;
/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-own-meters-'));
  path = join(folder, 'bursar.db');
  world = await gateWorld(undefined, path);
  policies = await openActivations(world.store, null, () => NOON_MS);
  await policies.load(await readStarterBundle(), 'starter', act);
  await policies.activate(world.policy.digest, 'activate', act);
});
afterEach(async () => {
  await world.store.close();
  rmSync(folder, { recursive: true, force: true });
});

const load = async (rego: string): Promise<string> => (await policies.load(await handMade(rego), 'mine', act)).digest;
const ask = async (usdc: string, atMs = NOON_MS) =>
  (
    await world.store.write((tx) =>
      requestPayment(tx, world.request({ amount: parseUsdc(usdc) }), world.context({ ...policies.inForce(), atMs })),
    )
  ).payment;
/** What the candidate's meter showed, in USDC, the first payment first. */
const seen = async (): Promise<number[]> => {
  const run = await world.store.read((tx) => findShadow(tx, null));
  if (!run) throw new Error('No candidate was ever in shadow.');
  const found = await world.store.read((tx) => listDifferences(tx, run.seq, { before: undefined, limit: 50 }));
  return found.map(({ shadow }) => Number(shadow.reasons[0]?.observed) / 1_000_000).reverse();
};
const failed = async () => (await world.store.read(bookChecks)).filter(({ ok }) => !ok);

describe('a candidate with a meter of its own', () => {
  it('is shown what was paid before it was started, and what is paid since', async () => {
    for (const usdc of ['2', '3']) await ask(usdc);
    await policies.startShadow(await load(EVER), act);
    for (const usdc of ['1', '1.5', '1']) await ask(usdc);
    expect(await seen()).toEqual([5, 6, 7.5]);
    expect(await failed()).toEqual([]);
  });

  it('counts by its own time zone', async () => {
    // 23:30 of the day before in Los Angeles, and 01:00 of this day.
    await ask('2', Date.UTC(2026, 10, 24, 7, 30));
    await ask('3', Date.UTC(2026, 10, 24, 9));
    const zoned = tells('{"by": ["agent"], "window": {"calendar": "day", "tz": "America/Los_Angeles"}}');
    await policies.startShadow(await load(zoned), act);
    await ask('1');
    await ask('1');
    expect(await seen()).toEqual([3, 4]);
  });

  it('gets back what is released', async () => {
    await policies.startShadow(await load(EVER), act);
    const payment = await ask('2');
    await world.store.write((tx) => transition(tx, payment, 'cancel', act));
    await ask('1');
    await ask('1');
    expect(await seen()).toEqual([0, 0, 1]);
    expect(await failed()).toEqual([]);
  });

  it('sees the requests before it in one group', async () => {
    await policies.startShadow(await load(EVER), act);
    const gate = createGate(world.store, () => world.context({ ...policies.inForce() }));
    const one = () => gate.ask({ request: world.request({ amount: parseUsdc('2') }), actor: 'key_test' });
    await Promise.all([one(), one(), one()]);
    await one();
    expect(await seen()).toEqual([0, 2, 4, 6]);
    expect(await failed()).toEqual([]);
  });

  it('loses nothing where a transaction is undone', async () => {
    await policies.startShadow(await load(EVER), act);
    await ask('2');
    const undone = world.store.write(async (tx) => {
      await requestPayment(tx, world.request(), world.context({ ...policies.inForce() }));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await ask('1');
    await ask('1');
    expect(await seen()).toEqual([0, 2, 3]);
  });

  it('goes on after a restart, with the same totals', async () => {
    await ask('2');
    await policies.startShadow(await load(EVER), act);
    await ask('1');
    await world.store.close();
    world.store = await openTestStore(path);
    policies = await openActivations(world.store, null, () => NOON_MS);
    await expect.poll(() => policies.shadow()).not.toBeNull();
    await ask('1');
    expect(await seen()).toEqual([2, 3]);
    expect(await failed()).toEqual([]);
  });

  it('keeps its totals while an activation counts meters of its own, and leaves those alone', async () => {
    policies = await openActivations(world.store, null, () => NOON_MS, { short: 0 });
    for (const usdc of ['2', '3']) await ask(usdc);
    await policies.startShadow(await load(EVER), act);
    await ask('1');
    const other = `meters := {"other": {"by": [], "window": "lifetime"}}

decision := {"effect": "allow", "reasons": [{"code": "ok", "rule": "r", "observed": input.meters.other.total}], "review": null}`;
    await policies.activate(await load(other), 'activate', act);
    await ask('1');
    expect((await ask('1')).reasons[0]?.observed).toBe(7_000_000);
    expect(await seen()).toEqual([5, 6, 7]);
    expect(await failed()).toEqual([]);
  });

  it('ends with its activation, and counts on without a gap', async () => {
    const allow = EVER.replace('"deny"', '"allow"');
    await ask('2');
    const digest = await load(allow);
    await policies.startShadow(digest, act);
    await ask('1');
    await policies.activate(digest, 'activate', act);
    expect(policies.shadow()).toBeNull();
    expect((await ask('1')).reasons[0]?.observed).toBe(3_000_000);
    expect(await failed()).toEqual([]);
  });
});
