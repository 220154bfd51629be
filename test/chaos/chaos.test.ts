import { describe, expect, it } from 'vitest';
import { clock } from './clock.ts';
import { disk } from './disk.ts';
import { kill } from './kill.ts';
import { race } from './race.ts';
import { reorg } from './reorg.ts';
import { rpcLies } from './rpcLies.ts';
import type { ChaosOptions, Result } from './scenario.ts';

/** A small dose of each scenario; `npm run chaos` has the large ones, and docs/chaos.md what they found. */
const dose = (count: number): ChaosOptions => ({
  count,
  seed: Math.floor(Math.random() * 1_000_000),
  minutes: 1,
  say: () => {},
});

describe('after chaos every key is one payment, and every settled payment one transfer', () => {
  it.each<[string, number, (options: ChaosOptions) => Promise<Result>]>([
    ['a server that is killed again and again', 3, kill],
    ['requests that race for one budget', 500, race],
    ['reorgs of depth 1 to 5', 4, reorg],
    ['a node that lies', 3, rpcLies],
    ['a disk that is full or read-only', 2, disk],
    ['a clock that is stepped by up to an hour', 4, clock],
  ])('%s', async (_, count, scenario) => {
    const { seed, findings } = await scenario(dose(count));
    expect(findings, `seed ${seed}`).toEqual([]);
  });
});
