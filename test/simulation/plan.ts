import { type Lie, lies } from './chain/node.ts';
import { Random } from './random.ts';

/** What can happen in a run, beside what the scheduler lets go. */
export const stepKinds = [
  'run',
  'tick',
  'request',
  'retry',
  'conflict',
  'purchase',
  'fetch',
  'sell',
  'mine',
  'advance',
  'deposit',
  'reorg',
  'drop',
  'resurrect',
  'fees',
  'jump',
  'clock',
  'crash',
  'mood',
  'owner',
  'administrator',
] as const;
export type StepKind = (typeof stepKinds)[number];
/** A step has a seed of its own, so that the others stay the same when it is left out. */
export type Step = { kind: StepKind; seed: number };

/** How often the operations that code waits for go wrong, in shares of one. */
export type Profile = {
  servers: number;
  /** Whether the books have the first deposits before anything else happens. */
  isFunded: boolean;
  store: { request: number; effect: number; answer: number };
  rpc: { request: number; answer: number };
  lies: Readonly<Record<Lie, number>>;
};
export type Plan = { seed: number; profile: Profile; steps: Step[] };

const usual: Readonly<Record<StepKind, number>> = {
  run: 400,
  tick: 240,
  request: 60,
  retry: 25,
  conflict: 4,
  purchase: 30,
  fetch: 70,
  sell: 30,
  mine: 90,
  advance: 20,
  deposit: 6,
  reorg: 0,
  drop: 0,
  resurrect: 0,
  fees: 0,
  jump: 0,
  clock: 0,
  crash: 0,
  mood: 0,
  owner: 0,
  administrator: 0,
};
const faulty: Partial<Record<StepKind, number>> = {
  reorg: 14,
  drop: 14,
  resurrect: 14,
  fees: 8,
  jump: 3,
  clock: 6,
  crash: 25,
  mood: 20,
  owner: 10,
  administrator: 10,
};

/** The plan of a run: which faults it has at all, how often, and its steps. Each fault is in about half of all plans. */
export function planOf(seed: number, length: number, allFaults = true): Plan {
  const random = new Random(seed ^ 0x51a7e5);
  const has = (share = 0.5): boolean => allFaults && random.chance(share);
  const rate = (most: number, share = 0.5): number => (has(share) ? (random.below(1_000) / 1_000) ** 2 * most : 0);
  const weights = { ...usual };
  for (const [kind, weight] of Object.entries(faulty) as [StepKind, number][]) if (has()) weights[kind] = weight;
  const profile: Profile = {
    isFunded: random.chance(0.85),
    servers: has() ? random.between(2, 3) : 1,
    store: { request: rate(0.1), effect: rate(0.2), answer: rate(0.2) },
    rpc: { request: rate(0.2), answer: rate(0.2) },
    lies: Object.fromEntries(lies.map((lie) => [lie, rate(0.15, 0.35)])) as Record<Lie, number>,
  };
  const steps = Array.from({ length }, () => ({ kind: random.weighted(weights), seed: random.next() }));
  return { seed, profile, steps };
}
