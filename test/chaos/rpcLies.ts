import { setTimeout as sleep } from 'node:timers/promises';
import type { LyingRpc } from '../../src/app/local-chain/lyingRpc.ts';
import { type Liar, liesOf } from './lies.ts';
import { type Payers, startPayers } from './payers.ts';
import { type ChaosOptions, type Done, goesOn, type Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** Long enough for the server to ask everything, and for an alert to be raised and closed. */
const [LIE_MS, TRUTH_MS] = [4_000, 2_000];
/** Until what was decided has settled, so that the next lie meets payments too. What a node dropped is sent again after 30 s. */
const SETTLE_MS = 90_000;

/** A node that lies, one lie after another under load, in an order that follows from the seed. */
export const rpcLies: Scenario = { name: 'rpc', needs: () => ({ proxied: true }), faults };

async function faults(world: World, options: ChaosOptions): Promise<Done> {
  const { random, proxy } = world;
  if (!proxy) throw new Error('There is no proxy before the node.');
  const lies = liesOf(world.local.anvil.url, random);
  const names = Object.keys(lies).filter((each) => each.includes(options.only ?? ''));
  const payers = startPayers(world, { name: 'rpc', clients: 4, pauseMs: 600, doubled: 0.05 });
  const counts: Record<string, number> = { lies: 0, 'answers changed': 0 };
  const findings: string[] = [];
  const more = goesOn(options);
  let left: string[] = [];
  for (let lied = 0; more(lied); lied += 1) {
    if (left.length === 0) left = names;
    const name = random.pick(left);
    left = left.filter((each) => each !== name);
    const told = await lieOnce(proxy, lies[name] ?? (() => 'pass'));
    options.say(`${lied + 1}: a node that ${name}, ${told} answers; ${payers.answered()} payments answered`);
    if (told === 0) counts['lies that nothing was asked of'] = (counts['lies that nothing was asked of'] ?? 0) + 1;
    counts.lies = lied + 1;
    counts['answers changed'] = (counts['answers changed'] ?? 0) + told;
    await sleep(TRUTH_MS);
    if (!(await settles(world, payers))) findings.push(`Nothing settles after a node that ${name}.`);
  }
  await payers.finish();
  return { payers, counts, findings };
}

/** Whether the payment that was answered last comes to its end. */
async function settles({ operator }: World, { asked }: Payers): Promise<boolean> {
  const [id] = asked.findLast(({ ids }) => ids.size > 0)?.ids ?? [];
  const untilMs = performance.now() + SETTLE_MS;
  while (id && performance.now() < untilMs) {
    const { state } = await operator.call('get_payment', { id });
    if (state !== 'authorized' && state !== 'submitted') return true;
    await sleep(100);
  }
  return false;
}

/** Tells a lie for a time, and how many answers it changed. */
async function lieOnce(proxy: LyingRpc, lie: Liar): Promise<number> {
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
