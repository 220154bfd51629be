import { setTimeout as sleep } from 'node:timers/promises';
import { startPayers } from './payers.ts';
import { type ChaosOptions, type Done, goesOn, type Scenario } from './scenario.ts';
import type { ServerProcess } from './serverProcess.ts';
import type { World } from './world.ts';

/** One in so many processes is killed while it still starts, if it takes that long. */
const STARTING_ONE_IN = 3;
/** Until a process that serves is killed: most soon, some late enough for payments to become final. */
const [SOON_MS, LATE_MS, LATE_ONE_IN] = [700, 4_000, 10];

/** `kill -9` at random moments of a server under load. */
export const kill: Scenario = { name: 'kill', needs: () => ({ serverCount: 3 }), faults };

async function faults(world: World, options: ChaosOptions): Promise<Done> {
  const { random, servers } = world;
  const payers = startPayers(world, { name: 'kill', clients: 8, pauseMs: 600, doubled: 0.1 });
  const counts = { kills: 0, 'kills while starting': 0 };
  const findings: string[] = [];
  const ups = new Map<ServerProcess, Promise<unknown>>();
  let startMs = 0;
  const more = goesOn(options);
  while (more(counts.kills)) {
    const server = random.pick(servers);
    if (startMs > 0 && random.whole(1, STARTING_ONE_IN) === 1) {
      await sleep(random.whole(0, startMs));
      if (!server.isServing()) counts['kills while starting'] += 1;
    } else {
      await ups.get(server);
      await sleep(random.whole(0, random.whole(1, LATE_ONE_IN) > 1 ? SOON_MS : LATE_MS));
    }
    await server.kill();
    counts.kills += 1;
    if (counts.kills % 50 === 0) options.say(`${counts.kills} kills, ${payers.answered()} payments answered`);
    const fromMs = performance.now();
    const up = server.start().then((started) => {
      if (started === 'serves') startMs = Math.round(performance.now() - fromMs);
      else if (started !== 'killed') findings.push(`a start failed: ${started.output}`);
    });
    ups.set(server, up);
  }
  await Promise.all(ups.values());
  await payers.finish();
  return { payers, counts, findings };
}
