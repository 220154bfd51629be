import { type JudgeOptions, judge } from './judge.ts';
import type { Payers } from './payers.ts';
import type { World } from './world.ts';

export type ChaosOptions = {
  /** How often the fault happens. */
  count: number;
  /** A run that takes longer ends with the faults that there were. */
  minutes: number;
  /** Of the lies of a node, those with this text in their name. */
  only?: string;
  seed: number;
  say: (line: string) => void;
};

export type Result = {
  scenario: string;
  seed: number;
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

type Done = { payers: Payers; counts?: Record<string, number>; findings?: string[]; judging?: JudgeOptions };

/** Runs one scenario in its world, lets it come to rest, and judges it. */
export async function runIn(
  world: World,
  scenario: string,
  seed: number,
  fault: (world: World) => Promise<Done>,
): Promise<Result> {
  const startedMs = performance.now();
  const { payers, counts = {}, findings = [], judging = {} } = await fault(world);
  const verdict = await judge(world, payers, judging);
  return {
    scenario,
    seed,
    seconds: Math.round((performance.now() - startedMs) / 1_000),
    counts: { ...counts, ...verdict.counts },
    answers: Object.fromEntries([...payers.answers].sort(([a], [b]) => (a < b ? -1 : 1))),
    findings: [...findings, ...verdict.findings],
  };
}
