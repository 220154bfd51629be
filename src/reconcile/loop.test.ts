import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TickReport } from './follower.ts';
import { type FollowLoop, startFollowing } from './loop.ts';
import { accountsOf, TREASURY } from './testing/books.ts';
import { type Scene, scene } from './testing/scene.ts';

let set: Scene;
let loop: FollowLoop | null = null;
beforeEach(async () => {
  set = await scene();
});
afterEach(async () => {
  await loop?.stop();
  await set.store.close();
});

const NEVER_MS = 3_600_000;

it('catches up at once, though a tick is bounded', async () => {
  set.chain.mineEmpty(10);
  set.restart({ maxBlocksPerTick: 3 });
  const reports: TickReport[] = [];
  loop = startFollowing(set.follower, { pollMs: NEVER_MS, onTick: (report) => reports.push(report) });
  await expect.poll(() => reports.at(-1)?.status).toBe('synced');
  expect(reports.map(({ applied }) => applied)).toEqual([3, 3, 3, 1]);
});

it('looks again when it is poked, and not after it was stopped', async () => {
  const reports: TickReport[] = [];
  loop = startFollowing(set.follower, { pollMs: NEVER_MS, onTick: (report) => reports.push(report) });
  await expect.poll(() => reports).toHaveLength(1);
  set.chain.mine(set.chain.send({ kind: 'transfer', from: TREASURY, to: set.agent.wallet, amount: 1n }));
  loop.poke();
  await expect.poll(() => accountsOf(set.store, set.agent)).toEqual({ available: 100_000_001n });
  await loop.stop();
  const { length } = reports;
  set.chain.mine([]);
  loop.poke();
  await loop.stop();
  expect(reports).toHaveLength(length);
});

it('goes on by itself after an outage', async () => {
  set.chain.failure = new Error('down');
  const reports: TickReport[] = [];
  loop = startFollowing(set.follower, { pollMs: 1, onTick: (report) => reports.push(report) });
  await expect.poll(() => reports.at(-1)?.status).toBe('unavailable');
  set.chain.failure = null;
  await expect.poll(() => reports.at(-1)?.status).toBe('synced');
});

it('reports what the store throws and goes on', async () => {
  const errors: unknown[] = [];
  let fails = true;
  const report = await set.follower.tick();
  const follower = {
    tick: async () => {
      if (!fails) return report;
      fails = false;
      throw new Error('disk');
    },
  };
  const reports: TickReport[] = [];
  loop = startFollowing(follower, {
    pollMs: 1,
    onError: (error) => errors.push(error),
    onTick: (one) => reports.push(one),
  });
  await expect.poll(() => reports.length).toBeGreaterThan(0);
  expect(errors).toHaveLength(1);
});
