import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventBodies } from '../../../test/support/eventBodies.ts';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { starterWith, stricterBundle } from '../../../test/support/stricterPolicy.ts';
import { microUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import { query } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { checkPayment, requestPayment } from '../payments/gate.ts';
import { resolveOpa } from '../policy/opa.ts';
import { readStarterBundle } from '../policy/starter.ts';
import { type Activations, openActivations } from './activations.ts';
import { findShadow, listDifferences, summaryOf } from './differences.ts';

const act = { actor: 'key_test', atMs: NOON_MS };
const allow = '{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"}], "review": null}';
let world: GateWorld;
let policies: Activations;
let strict: string;

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);
beforeEach(async () => {
  world = await gateWorld();
  policies = await openActivations(world.store, null, () => NOON_MS);
  await policies.load(await readStarterBundle(), 'starter', act);
  await policies.activate(world.policy.digest, 'activate', act);
  strict = (await policies.load(await stricterBundle(), 'lower cap', act)).digest;
});
afterEach(() => world.store.close());

const load = async (bundle: string): Promise<string> => (await policies.load(bundle, 'candidate', act)).digest;
const ask = async (usdc: string, changes = {}) => {
  const request = world.request({ amount: parseUsdc(usdc), ...changes });
  const made = await world.store.write((tx) => requestPayment(tx, request, world.context({ ...policies.inForce() })));
  return made.payment;
};
const newest = async (tx: ReadTx) => {
  const found = await findShadow(tx, null);
  if (!found) throw new Error('No candidate was ever in shadow.');
  return found;
};
const run = () => world.store.read(newest);
const summary = () => world.store.read(async (tx) => summaryOf(tx, (await newest(tx)).seq));
const differences = () =>
  world.store.read(async (tx) => listDifferences(tx, (await newest(tx)).seq, { before: undefined, limit: 50 }));
type Event = { actor: string; agent: string | null; data: Record<string, unknown> };
const events = (type: string) => eventBodies<Event>(world.store, type);

describe('a candidate in shadow', () => {
  it('decides nothing, and tells where it would have decided otherwise', async () => {
    await policies.startShadow(strict, act);
    expect(await ask('10')).toMatchObject({ state: 'authorized' });
    // Above 25 the starter asks people; the candidate's cap of 40 denies it outright.
    const reviewed = await ask('45');
    expect(reviewed).toMatchObject({ state: 'in_review', policyDigest: world.policy.digest });
    expect(await summary()).toEqual({
      decided: 2,
      same: 1,
      otherReasons: 0,
      changes: [{ active: 'review', shadow: 'deny', count: 1, amountMicro: 45_000_000n }],
    });
    expect(await differences()).toMatchObject([
      {
        paymentId: reviewed.id,
        agentId: world.agent.id,
        activeDigest: world.policy.digest,
        active: { effect: 'review', review: { quorum: 1 } },
        shadow: { effect: 'deny', reasons: [{ code: 'payment_cap', limit: 40_000_000 }], review: null },
        failure: null,
      },
    ]);
    expect(await events('policy.shadow_differs')).toMatchObject([
      { agent: null, data: { active: { effect: 'review' }, shadow: { effect: 'deny', codes: ['payment_cap'] } } },
    ]);
  });

  it('is told apart by its reasons and by the people whom it asks, also where the effect is the same', async () => {
    await policies.startShadow(
      await load(await starterWith('{from: "25.00", quorum: 1', '{from: "25.00", quorum: 2')),
      act,
    );
    await ask('30');
    expect(await summary()).toMatchObject({ decided: 1, same: 0, otherReasons: 1, changes: [] });
    const reviews = { active: { review: { quorum: 1 } }, shadow: { review: { quorum: 2 } } };
    expect(await differences()).toMatchObject([reviews]);
  });

  it('is not asked about a retry or a dry run', async () => {
    await policies.startShadow(strict, act);
    await ask('45', { idempotencyKey: 'once' });
    await ask('45', { idempotencyKey: 'once' });
    await world.store.read((tx) =>
      checkPayment(tx, world.request({ amount: parseUsdc('45') }), world.context({ ...policies.inForce() })),
    );
    expect((await summary()).decided).toBe(1);
  });

  it('sees the meters as they were for the active policy', async () => {
    const tighter = await load(await starterWith('limit: "200.00"', 'limit: "30.00"'));
    await policies.startShadow(tighter, act);
    for (const usdc of ['20', '10', '10']) expect((await ask(usdc)).state).toBe('authorized');
    expect(await differences()).toMatchObject([
      { shadow: { reasons: [{ code: 'agent_daily', observed: 40_000_000, limit: 30_000_000 }] } },
    ]);
  });

  it('is one at a time: the next one ends it, and the same one again changes nothing', async () => {
    await policies.startShadow(strict, act);
    await policies.startShadow(strict, act);
    const other = await load(await starterWith('limit: "50.00"', 'limit: "30.00"'));
    await policies.startShadow(other, { ...act, actor: 'key_other' });
    expect(await events('policy.shadow_started')).toHaveLength(2);
    expect(await events('policy.shadow_ended')).toMatchObject([{ actor: 'key_other', data: { reason: 'replaced' } }]);
    expect((await policies.list()).filter(({ shadow }) => shadow)).toMatchObject([{ digest: other, active: false }]);
    expect(await policies.endShadow(act)).toBe(true);
    expect(await policies.endShadow(act)).toBe(false);
    expect(policies.shadow()).toBeNull();
    await ask('45');
    expect((await summary()).decided).toBe(0);
  });

  it('of many asked for at the same moment is one', async () => {
    const others = await Promise.all(
      ['31', '32', '33'].map(async (usdc) => load(await starterWith('limit: "50.00"', `limit: "${usdc}.00"`))),
    );
    await Promise.all([...others, strict].map((digest) => policies.startShadow(digest, act)));
    expect((await policies.list()).filter(({ shadow }) => shadow)).toHaveLength(1);
    await ask('45');
    expect((await summary()).decided).toBe(1);
  });

  it('is refused where it decides already, where nobody knows it, and where nothing decides', async () => {
    await expect(policies.startShadow(world.policy.digest, act)).rejects.toMatchObject({
      code: 'policy_already_active',
    });
    await expect(policies.startShadow(`sha256:${'0'.repeat(64)}`, act)).rejects.toMatchObject({
      code: 'policy_not_found',
    });
    const empty = await openTestStore();
    const none = await openActivations(empty, null, () => NOON_MS);
    const { digest } = await none.load(await readStarterBundle(), 'starter', act);
    await expect(none.startShadow(digest, act)).rejects.toMatchObject({ code: 'policy_unavailable' });
    await empty.close();
  });
});

describe('what ends a candidate', () => {
  it('is its activation', async () => {
    await policies.startShadow(strict, act);
    await policies.activate(strict, 'activate', act);
    expect((await run()).ended).toEqual({ reason: 'activated', by: 'key_test', atMs: NOON_MS });
    expect(policies.shadow()).toBeNull();
  });

  it('is not a roll-back of the active policy', async () => {
    const other = await load(await starterWith('limit: "50.00"', 'limit: "45.00"'));
    await policies.activate(other, 'activate', act);
    await policies.startShadow(strict, act);
    await ask('45');
    await policies.rollback(act);
    await ask('45');
    expect((await run()).ended).toBeNull();
    expect((await differences()).map(({ activeDigest }) => activeDigest)).toEqual([world.policy.digest, other]);
  });

  it('is an activation that takes its meters away', async () => {
    const bare = await load(await handMade(`meters := {}\n\ndecision := ${allow}`));
    await policies.startShadow(strict, act);
    await policies.activate(bare, 'activate', act);
    expect((await run()).ended?.reason).toBe('meters_differ');
    expect((await events('policy.shadow_ended'))[0]?.data.meters).toContain('agent_day');
    expect(policies.shadow()).toBeNull();
  });

  it('is an activation in the same moment as its start, whichever comes first', async () => {
    const bare = await load(await handMade(`meters := {}\n\ndecision := ${allow}`));
    for (const digest of [strict, bare]) {
      await policies.activate(world.policy.digest, 'activate', act);
      await Promise.allSettled([policies.activate(digest, 'activate', act), policies.startShadow(strict, act)]);
      expect(policies.active().digest).toBe(digest);
      // After the other activation it may run, with meters of its own that are counted.
      const shadow = policies.shadow();
      if (digest === strict) expect(shadow).toBeNull();
      if (shadow) expect([...(shadow.own?.generations.keys() ?? [])]).toContain('agent_day');
      expect((await policies.list()).some((version) => version.shadow)).toBe(shadow !== null);
    }
  });

  it('is not a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bursar-shadow-'));
    try {
      const path = join(folder, 'bursar.db');
      const first = await openTestStore(path);
      const before = await openActivations(first, null, () => NOON_MS);
      const active = await before.load(await readStarterBundle(), 'starter', act);
      await before.activate(active.digest, 'activate', act);
      await before.startShadow((await before.load(await stricterBundle(), 'candidate', act)).digest, act);
      await first.close();

      const second = await openTestStore(path);
      const after = await openActivations(second, null, () => NOON_MS);
      expect(after.shadow()).not.toBeNull();
      expect((await after.list()).find(({ shadow }) => shadow)?.digest).toBe(strict);
      // A bundle that is not what its digest says must not keep the server from opening.
      await second.write((tx) =>
        tx.run(query((db) => db.updateTable('policy_bundles').set({ bundle: '{}' }).where('digest', '=', strict))),
      );
      await second.close();

      const third = await openTestStore(path);
      const damaged = await openActivations(third, null, () => NOON_MS + 1);
      expect(damaged.shadow()).toBeNull();
      expect(damaged.active().digest).toBe(active.digest);
      expect((await third.read((tx) => findShadow(tx, strict)))?.ended).toEqual({
        reason: 'unreadable',
        by: 'bursar',
        atMs: NOON_MS + 1,
      });
      await third.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a roll-back', () => {
  it('that means another version than it would reach does nothing', async () => {
    await policies.activate(strict, 'activate', act);
    await policies.rollback(act, world.policy.digest);
    await expect(policies.rollback(act, world.policy.digest)).rejects.toMatchObject({ code: 'conflict' });
    expect(policies.active().digest).toBe(world.policy.digest);
  });
});

describe('a candidate that fails', () => {
  it('by a trap is a difference with what it threw; the payment goes on', async () => {
    const odd = `decision := ${allow} if input.payment.amount != 7000000\n\ndecision := 1 if input.payment.amount == 7000000\n\ndecision := 2 if input.payment.amount == 7000000`;
    await policies.startShadow(await load(await handMade(`meters := {}\n\n${odd}`)), act);
    expect((await ask('7')).state).toBe('authorized');
    expect((await ask('8')).state).toBe('authorized');
    const [, failed] = await differences();
    expect(failed).toMatchObject({ active: { effect: 'allow' }, shadow: { reasons: [{ code: 'policy_error' }] } });
    expect(failed?.failure).toMatch(/conflict/);
    expect((await run()).ended).toBeNull();
  });

  it('by taking long is dropped, in the middle of a commit too, whatever it answers in the end', async () => {
    const long = `count([1 | some x in numbers.range(1, 900); some y in numbers.range(1, 900); x + y < 0])`;
    const rego = `meters := {}\n\ndecision := ${allow} if input.payment.amount != 7000000\n\ndecision := ${long} if input.payment.amount == 7000000`;
    await policies.startShadow(await load(await handMade(rego)), act);
    const asked = await Promise.all(Array.from({ length: 60 }, () => ask('0.5')));
    const many = await Promise.all(Array.from({ length: 60 }, () => ask('7')));
    expect(asked.concat(many).every(({ policyDigest }) => policyDigest === world.policy.digest)).toBe(true);
    expect((await summary()).decided).toBeGreaterThan(60);
    expect((await summary()).decided).toBeLessThan(120);
    expect((await run()).ended).toMatchObject({ reason: 'too_slow', by: 'bursar' });
    expect(policies.shadow()).toBeNull();
    expect(await events('policy.shadow_ended')).toMatchObject([{ actor: 'bursar', data: { reason: 'too_slow' } }]);
  });

  it('cannot be made to by sums that no table holds', async () => {
    const absurd = microUsdc(9_007_199_254_740_991n);
    await policies.startShadow(strict, act);
    const { seq: shadow } = await run();
    await world.store.write((tx) =>
      tx.run(
        query((db) =>
          db.insertInto('policy_shadow_counts').values({
            shadow,
            active_effect: 'deny',
            shadow_effect: 'deny',
            is_same: 1,
            count: 1023,
            amount_micro: 8_999_999_999_999_999_999n,
          }),
        ),
      ),
    );
    const { payment } = await world.store.write((tx) =>
      requestPayment(tx, world.request({ amount: absurd }), world.context({ ...policies.inForce() })),
    );
    expect(payment.state).toBe('denied');
    expect(await summary()).toMatchObject({ decided: 1024, same: 1024 });
  });
});
