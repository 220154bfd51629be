import { expect, it } from 'vitest';
import { clock } from './clock.ts';
import { disk } from './disk.ts';
import { kill } from './kill.ts';
import { race } from './race.ts';
import { reorg } from './reorg.ts';
import { rpcLies } from './rpcLies.ts';
import { runChaos } from './scenario.ts';

/** A small dose of each, in one world; `npm run chaos` has the large ones, and docs/chaos.md what they found. */
const doses = [
  { scenario: kill, count: 2 },
  { scenario: reorg, count: 2 },
  { scenario: rpcLies, count: 1 },
  { scenario: disk, count: 1 },
  { scenario: clock, count: 2 },
  { scenario: race, count: 100 },
];

it('After kills, reorgs, lies, a full disk and clock steps, each key is one payment, and each settled one a transfer', async () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  const { findings } = await runChaos(doses, { seed, minutes: 1, only: 'log', say: () => {} });
  expect(findings, `seed ${seed}`).toEqual([]);
}, 300_000);
