import { setTimeout as sleep } from 'node:timers/promises';
import { type LyingRpc, startLyingRpc } from '../../src/app/local-chain/lyingRpc.ts';
import { liesOf } from './lies.ts';
import { startPayers } from './payers.ts';
import { type ChaosOptions, goesOn, type Result, runIn } from './scenario.ts';
import { openWorld } from './world.ts';

/** Long enough for the server to ask everything, and for an alert to be raised and closed. */
const [LIE_MS, TRUTH_MS] = [4_000, 2_000];

/** A node that lies, one lie after another under load; `count` lies, in an order that follows from the seed. */
export async function rpcLies(options: ChaosOptions): Promise<Result> {
  const { seed, say } = options;
  const proxies: LyingRpc[] = [];
  const world = await openWorld({
    seed,
    rpcOf: async (url) => {
      const proxy = await startLyingRpc(url);
      proxies.push(proxy);
      return proxy.url;
    },
  });
  const { random } = world;
  const [proxy] = proxies;
  if (!proxy) throw new Error('There is no proxy.');
  try {
    return await runIn(world, 'rpc', seed, async () => {
      const lies = liesOf(world.local.anvil.url, random);
      const payers = startPayers(world, { clients: 4, pauseMs: 300, doubled: 0.05 });
      const counts: Record<string, number> = { lies: 0 };
      const more = goesOn(options);
      let left: string[] = [];
      while (more(counts.lies ?? 0)) {
        if (left.length === 0) left = Object.keys(lies).filter((each) => each.includes(options.only ?? ''));
        const name = random.pick(left);
        left = left.filter((each) => each !== name);
        const told = await lieOnce(proxy, lies[name] ?? (() => 'pass'));
        counts.lies = (counts.lies ?? 0) + 1;
        counts[`answers changed by a node that ${name}`] = told;
        say(`${counts.lies}: a node that ${name}, ${told} answers; ${payers.answered()} payments answered`);
        await sleep(TRUTH_MS);
      }
      await payers.finish();
      return { payers, counts };
    });
  } finally {
    await world.close();
    await proxy.stop();
  }
}

/** Tells a lie for a time, and how many answers it changed. */
async function lieOnce(proxy: LyingRpc, lie: ReturnType<typeof liesOf>[string]): Promise<number> {
  let told = 0;
  proxy.tell(async (request) => {
    const answer = await lie(request);
    if (answer !== 'pass') told += 1;
    return answer;
  });
  await sleep(LIE_MS);
  proxy.tell(() => 'pass');
  return told;
}
