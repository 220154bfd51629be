import type { Block } from './chain/block.ts';
import { BLOCK_S, ModelChain } from './chain/modelChain.ts';
import { lies } from './chain/node.ts';
import { ask, conflictOf, newRequest } from './clients.ts';
import { administratorAct, ownerAct } from './people.ts';
import type { Profile, Step, StepKind } from './plan.ts';
import { fetchSignature, newPurchase, settlePresented } from './purchases.ts';
import { Random } from './random.ts';
import type { Fate, Waiting } from './scheduler.ts';
import { type SimulatedServer, type WorkerName, workerNames } from './server.ts';
import { deposit, startServer, type World } from './world.ts';

export const honest = (random: Random): Fate => ({ loses: 'nothing', lie: null, random });

type Perform = (world: World, random: Random, profile: Profile) => Promise<void> | void;

const actions: Readonly<Record<StepKind, Perform>> = {
  run: async (world, random, profile) => {
    for (let left = random.between(1, 40); left > 0 && world.scheduler.waiting.length > 0; left -= 1) {
      const one = random.pick(world.scheduler.waiting);
      const fate = fateOf(one, random, profile);
      note(world, one, fate);
      await world.scheduler.resume(one, fate);
    }
  },
  tick: (world, random) => startWorker(world, random.pick(world.servers), random.pick(workerNames)),
  request: (world, random) => ask(world, newRequest(world, random), random.pick(world.servers)),
  retry: (world, random) => {
    if (world.requests.length > 0) ask(world, random.pick(world.requests), random.pick(world.servers));
  },
  conflict: (world, random) => {
    const earlier = world.requests.filter(({ isConflict }) => !isConflict);
    if (earlier.length > 0) ask(world, conflictOf(world, random.pick(earlier)), random.pick(world.servers));
  },
  purchase: (world, random) => ask(world, newPurchase(world, random), random.pick(world.servers)),
  fetch: (world, random) => {
    const purchases = world.requests.filter(({ request }) => request.rail === 'x402');
    if (purchases.length > 0) fetchSignature(world, random.pick(purchases), random.pick(world.servers));
  },
  sell: (world, random) => settlePresented(world, random),
  mine: (world, random) => {
    for (let left = random.between(1, 3); left > 0; left -= 1) {
      world.nowMs += BLOCK_S * 1_000;
      mineOne(world, random, 0.85);
    }
  },
  advance: (world, random) => {
    world.nowMs += random.between(50, 40_000);
  },
  deposit: (world, random) => deposit(world, random.pick(world.agents).wallet, BigInt(random.between(1, 100_000_000))),
  reorg: (world, random) => reorg(world, random, random.between(1, 5)),
  drop: (world, random) => void world.chain.drop(random),
  resurrect: (world, random) => void world.chain.resurrect(random),
  fees: (world, random) => {
    world.chain.baseFee = BigInt(random.between(1, 400)) * 250_000_000n;
    world.chain.priorityFee = BigInt(random.between(1, 40)) * 50_000_000n;
  },
  jump: (world, random) => {
    world.nowMs += random.between(1, 30) * 3_600_000;
  },
  clock: (world, random) => {
    const place = random.below(world.servers.length);
    world.offsetsMs[place] = random.between(-3_600_000, 3_600_000);
  },
  mood: (world, random, profile) => {
    const node = random.chance(0.7) ? world.node : world.witness;
    const possible = lies.filter((lie) => profile.lies[lie] > 0);
    const lasts = possible.length > 0 && random.chance(0.6);
    node.mood = lasts ? { lie: random.pick(possible), size: random.between(1, 6) } : null;
    world.trace[world.trace.length - 1] += ` ${node.mood?.lie ?? 'honest'}`;
  },
  owner: (world, random) => ownerAct(world, random),
  administrator: (world, random) => administratorAct(world, random, random.pick(world.servers)),
  crash: (world, random) => crash(world, random, random.below(world.servers.length)),
};

/** Adds an operation, and how it went, to the line of the step. */
function note(world: World, { owner, label }: Waiting, { loses, lie }: Fate): void {
  const wrong = [loses === 'nothing' ? '' : ` loses its ${loses}`, lie === null ? '' : ` ${lie}`].join('');
  world.trace[world.trace.length - 1] +=
    ` ${owner}:${label.replace('eth_', '')}${wrong === '' ? '' : ` (${wrong.trim()})`},`;
}

/** Carries out one step. */
export async function perform(world: World, step: Step, profile: Profile): Promise<void> {
  world.trace.push(`${step.kind}:`);
  await actions[step.kind](world, new Random(step.seed), profile);
  await world.scheduler.settle();
}

function fateOf(one: Waiting, random: Random, { store, rpc, lies: shares }: Profile): Fate {
  const rates = one.kind === 'store' ? store : { ...rpc, effect: 0 };
  const loses = (['request', 'effect', 'answer'] as const).find((each) => random.chance(rates[each])) ?? 'nothing';
  const lie = one.kind === 'rpc' ? (lies.find((each) => random.chance(shares[each])) ?? null) : null;
  return { loses, lie, random };
}

/** Starts a step of a worker if none of it is under way. */
export function startWorker(world: World, server: SimulatedServer, name: WorkerName): void {
  if (server.busy.has(name)) return;
  server.busy.add(name);
  if (!world.isCalm) world.trace[world.trace.length - 1] += ` ${server.id}:${name}`;
  server
    .run(name)
    .catch((error: unknown) => world.errors.push(error))
    .finally(() => server.busy.delete(name));
}

/** A block on top of the chain, with a share of the transactions that wait. */
export function mineOne(world: World, random: Random, share: number): Block {
  const { chain } = world;
  const takes = (): boolean => random.chance(share);
  const block = chain.mine(chain.tip, { timestampS: Math.floor(world.nowMs / 1_000), salt: random.word(), takes });
  chain.adopt(block);
  return block;
}

/** Replaces the newest blocks by one more than that. Some of what they held is lost, some waits, some is in the new blocks. */
function reorg(world: World, random: Random, depth: number): void {
  const { chain, stale } = world;
  const fork = ModelChain.ancestor(chain.tip, Math.max(0, chain.tip.number - depth));
  if (!fork || fork === chain.tip) return;
  const count = chain.tip.number - fork.number + 1;
  stale.push(chain.tip);
  chain.adopt(fork, ({ raw }) => raw !== null && random.chance(0.2));
  for (let made = 0; made < count; made += 1) mineOne(world, random, 0.6);
}

/** A process dies between two operations, or when one has had its effect, and another is started in its place. */
function crash(world: World, random: Random, place: number): Promise<void> | void {
  const server = world.servers[place] as SimulatedServer;
  const own = world.scheduler.waiting.filter(({ owner }) => owner === server.id);
  const last = own.length > 0 && random.chance(0.6) ? random.pick(own) : null;
  if (last) note(world, last, { loses: 'process', lie: null, random });
  const restart = (): void => {
    world.scheduler.drop(server.id);
    startServer(world, place);
  };
  if (last === null) return restart();
  return world.scheduler.resume(last, { loses: 'process', lie: null, random }).then(restart);
}
