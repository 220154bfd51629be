import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '../../src/api/client/client.ts';
import { startPayers } from './payers.ts';
import { type ChaosOptions, goesOn, type Result, runIn } from './scenario.ts';
import { openWorld } from './world.ts';

const HOUR_SECONDS = 3_600;
const PAUSE_MS = 1_500;
const KILL_ONE_IN = 10;
const MARGIN_MS = 10_000;
const shifting = fileURLToPath(new URL('clockShift.mjs', import.meta.url));

/** The server's clock is stepped to anything within an hour of the true time, forward and back, under load. */
export async function clock(options: ChaosOptions): Promise<Result> {
  const { seed, say } = options;
  const folder = mkdtempSync(join(tmpdir(), 'bursar-clock-'));
  const file = join(folder, 'shift');
  const shift = (seconds: number): void => {
    writeFileSync(`${file}.new`, String(seconds));
    renameSync(`${file}.new`, file);
  };
  shift(0);
  const world = await openWorld({
    seed,
    server: { nodeArguments: ['--import', shifting], env: { CHAOS_CLOCK_FILE: file } },
  });
  const { random, servers } = world;
  try {
    return await runIn(world, 'clock', seed, async () => {
      const payers = startPayers(world, { clients: 4, pauseMs: 300, doubled: 0.05 });
      const counts = { steps: 0, 'steps back': 0, kills: 0 };
      const startedMs = Date.now();
      let before = 0;
      const more = goesOn(options);
      while (more(counts.steps)) {
        await sleep(random.whole(0, PAUSE_MS));
        const seconds = random.pick([0, -HOUR_SECONDS, HOUR_SECONDS, random.whole(-HOUR_SECONDS, HOUR_SECONDS)]);
        shift(seconds);
        counts.steps += 1;
        if (seconds < before) counts['steps back'] += 1;
        before = seconds;
        if (random.whole(1, KILL_ONE_IN) === 1) {
          await servers[0]?.kill();
          counts.kills += 1;
          await servers[0]?.start();
        }
        if (counts.steps % 20 === 0) say(`${counts.steps} steps, ${payers.answered()} payments answered`);
      }
      await payers.finish();
      const shifted = await decidedElsewhen(world.operator, startedMs);
      shift(0);
      const findings = shifted > 0 ? [] : ['The clock of the server was never stepped.'];
      return { payers, counts: { ...counts, 'newest payments at a stepped clock': shifted }, findings };
    });
  } finally {
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How many of the newest payments bear a time that was not during the run. */
async function decidedElsewhen(operator: Client, startedMs: number): Promise<number> {
  const { payments } = (await operator.call('list_payments', { limit: 200 })) as { payments: { created_at: string }[] };
  const times = payments.map(({ created_at }) => Date.parse(created_at));
  return times.filter((ms) => ms < startedMs - MARGIN_MS || ms > Date.now() + MARGIN_MS).length;
}
