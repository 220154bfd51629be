import { setTimeout as sleep } from 'node:timers/promises';
import { startPayers } from './payers.ts';
import { type ChaosOptions, type Done, goesOn, type Scenario } from './scenario.ts';
import type { World } from './world.ts';

const PAUSE_MS = 3_000;

/** The primary of PostgreSQL is killed under load, and its standby is promoted. */
export const failover: Scenario = {
  name: 'failover',
  needs: () => ({ database: 'postgres', withStandby: true, serverCount: 2 }),
  faults,
};

async function faults(world: World, options: ChaosOptions): Promise<Done> {
  const { random, database } = world;
  if (!database?.failOver) throw new Error('There is no standby.');
  const payers = startPayers(world, { name: 'failover', clients: 8, pauseMs: 200, doubled: 0.05 });
  const counts = { 'kills of the primary': 0 };
  const more = goesOn(options);
  while (more(counts['kills of the primary'])) {
    await sleep(random.whole(0, PAUSE_MS));
    await database.failOver();
    counts['kills of the primary'] += 1;
    const before = payers.answered();
    while (payers.answered() < before + 5) await sleep(20);
    if (counts['kills of the primary'] % 10 === 0)
      options.say(`${counts['kills of the primary']} kills of the primary`);
  }
  await payers.finish();
  return { payers, counts };
}
