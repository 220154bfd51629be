import { judge } from './judge.ts';
import type { Payers } from './payers.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

export type ChaosOptions = {
  /** How often the fault happens. */
  count: number;
  seed: number;
  /** A run that takes longer ends with the faults that there were. */
  minutes: number;
  /** Default: SQLite, with one server. */
  database?: 'sqlite' | 'postgres';
  /** Of the lies of a node, those with this text in their name. */
  only?: string;
  say: (line: string) => void;
};

export type Needs = Omit<WorldOptions, 'seed'>;

export type Scenario = {
  name: string;
  /** What the world must have for it. */
  needs: (count: number) => Needs;
  /** Payments under faults. Resolves when the faults are over and each key is answered. */
  faults: (world: World, options: ChaosOptions) => Promise<Done>;
};
export type Done = { payers: Payers; counts?: Record<string, number>; findings?: string[] };

export type Result = {
  seconds: number;
  /** Of faults, payments by state, and the like. */
  counts: Record<string, number>;
  /** How often clients got each answer. */
  answers: Record<string, number>;
  findings: string[];
};

/** Whether there is another fault to come: `done` is how many there were. */
export function goesOn({ count, minutes }: ChaosOptions): (done: number) => boolean {
  const untilMs = performance.now() + minutes * 60_000;
  return (done) => done < count && performance.now() < untilMs;
}

/** Runs scenarios in one world, one after another, lets it come to rest, and judges it. */
export async function runChaos(
  chosen: readonly { scenario: Scenario; count: number }[],
  options: Omit<ChaosOptions, 'count'>,
): Promise<Result> {
  const needs = chosen.map(({ scenario, count }) => scenario.needs(count));
  const { seed, database = 'sqlite' } = options;
  const world = await openWorld(Object.assign({ seed, database }, ...needs) as WorldOptions);
  try {
    const startedMs = performance.now();
    const seconds = (): number => Math.round((performance.now() - startedMs) / 1_000);
    const done: Done[] = [];
    for (const { scenario, count } of chosen) {
      done.push(await scenario.faults(world, { ...options, count }));
      options.say(`${scenario.name}: the faults are over after ${seconds()} s`);
    }
    const payers = done.map((each) => each.payers);
    const verdict = await judge(world, payers);
    return {
      seconds: seconds(),
      counts: Object.assign({}, ...done.map(({ counts }) => counts), verdict.counts) as Record<string, number>,
      answers: answersOf(payers),
      findings: [...done.flatMap(({ findings = [] }) => findings), ...verdict.findings],
    };
  } finally {
    await world.close();
  }
}

function answersOf(payers: readonly Payers[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [answer, n] of payers.flatMap(({ answers }) => [...answers]))
    sums.set(answer, (sums.get(answer) ?? 0) + n);
  return Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}
