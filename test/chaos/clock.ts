import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../src/api/client/client.ts';
import { type Payers, startPayers } from './payers.ts';
import { type ChaosOptions, type Done, goesOn, type Scenario } from './scenario.ts';
import type { World } from './world.ts';

const HOUR_SECONDS = 3_600;
const PAUSE_MS = 1_500;
const KILL_ONE_IN = 10;
const MARGIN_MS = 10_000;

/** The server's clock is stepped to anything within an hour of the true time, forward and back, under load. */
export const clock: Scenario = { name: 'clock', needs: () => ({ steppedClock: true }), faults };

async function faults(world: World, options: ChaosOptions): Promise<Done> {
  const { random, server, stepClock } = world;
  const payers = startPayers(world, { name: 'clock', clients: 4, pauseMs: 300, doubled: 0.05 });
  const counts = { steps: 0, 'steps back': 0, 'kills beside a step': 0 };
  const startedMs = Date.now();
  let before = 0;
  const more = goesOn(options);
  while (more(counts.steps)) {
    await sleep(random.whole(0, PAUSE_MS));
    const seconds = random.pick([0, -HOUR_SECONDS, HOUR_SECONDS, random.whole(-HOUR_SECONDS, HOUR_SECONDS)]);
    stepClock(seconds);
    counts.steps += 1;
    if (seconds < before) counts['steps back'] += 1;
    before = seconds;
    if (random.whole(1, KILL_ONE_IN) === 1) {
      await server.kill();
      counts['kills beside a step'] += 1;
      await server.start();
    }
    if (counts.steps % 20 === 0) options.say(`${counts.steps} steps, ${payers.answered()} payments answered`);
  }
  stepClock(-HOUR_SECONDS);
  await progressOf(payers);
  await payers.finish();
  const shifted = await decidedElsewhen(world.operator, startedMs);
  stepClock(0);
  const findings = shifted > 0 ? [] : ['The clock of the server was never stepped.'];
  return { payers, counts: { ...counts, 'newest payments at a stepped clock': shifted }, findings };
}

async function progressOf({ answered }: Payers): Promise<void> {
  const before = answered();
  while (answered() < before + 10) await sleep(20);
}

/** How many of the newest payments bear a time that was not during the run. */
async function decidedElsewhen(operator: Client, startedMs: number): Promise<number> {
  const { payments } = (await operator.call('list_payments', { limit: 200 })) as { payments: { created_at: string }[] };
  const times = payments.map(({ created_at }) => Date.parse(created_at));
  return times.filter((ms) => ms < startedMs - MARGIN_MS || ms > Date.now() + MARGIN_MS).length;
}
