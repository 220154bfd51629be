import { setTimeout as sleep } from 'node:timers/promises';
import { startPayers } from './payers.ts';
import { type ChaosOptions, goesOn, type Result, runIn } from './scenario.ts';
import { openWorld } from './world.ts';

/** One in so many processes is killed while it still starts. */
const STARTING_ONE_IN = 8;
/** Until a process that serves is killed: most soon, some late enough for payments to become final. */
const [SOON_MS, LATE_MS, LATE_ONE_IN] = [700, 4_000, 10];

/** `kill -9` at random moments of a server under load, `count` times. */
export async function kill(options: ChaosOptions): Promise<Result> {
  const { seed, say } = options;
  const world = await openWorld({ seed });
  const { random } = world;
  const [server] = world.servers;
  if (!server) throw new Error('There is no server.');
  try {
    return await runIn(world, 'kill', seed, async () => {
      const payers = startPayers(world, { clients: 8, pauseMs: 600, doubled: 0.1 });
      const counts = { kills: 0, 'kills while starting': 0 };
      const failedStarts: string[] = [];
      let up: Promise<unknown> = Promise.resolve();
      let startMs = 0;
      const more = goesOn(options);
      while (more(counts.kills)) {
        if (startMs > 0 && random.whole(1, STARTING_ONE_IN) === 1) {
          await sleep(random.whole(0, startMs));
          if (!server.isServing()) counts['kills while starting'] += 1;
        } else {
          await up;
          await sleep(random.whole(0, random.whole(1, LATE_ONE_IN) > 1 ? SOON_MS : LATE_MS));
        }
        await server.kill();
        counts.kills += 1;
        if (counts.kills % 50 === 0) say(`${counts.kills} kills, ${payers.answered()} payments answered`);
        const fromMs = performance.now();
        up = server.start().then((started) => {
          if (started === 'serves') startMs = Math.round(performance.now() - fromMs);
          else if (started !== 'killed') failedStarts.push(`a start failed: ${started.output}`);
        });
      }
      await up;
      await payers.finish();
      return { payers, counts, findings: failedStarts };
    });
  } finally {
    await world.close();
  }
}
