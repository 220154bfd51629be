import { setTimeout as pause } from 'node:timers/promises';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { liveRows, rowsOfGenerations } from '../../books/meters/generations.ts';
import { dropRolling } from '../../books/meters/meterRows.ts';
import { log } from '../../core/log/log.ts';
import type { Store } from '../../store/store.ts';
import type { Stage } from '../payments/stage.ts';
import { beginStage, catchUp, stagePage } from '../payments/stageMeters.ts';
import { metersUnlike } from '../policy/candidate.ts';
import type { Policy } from '../policy/policy.ts';

export type StagingOptions = {
  /** Payments up to this many are recounted in the activation's own transaction. */
  short?: number;
  /** Payments counted in one page. */
  page?: number;
  /** Called after each page, before the next one is begun. */
  onPage?: () => Promise<void>;
};

/** Rounds of catching up before the switch is made all the same: then what is left is taken within it. */
const ROUNDS_MAX = 100;
const SWEPT = 2_000;
const EVENTS = 500;

export interface Staging {
  /**
   * Counts the meters that a policy brings while the old policy goes on deciding, then changes over. Where another activation came first
   * and this policy's meters differ from the new ones in more than was staged, it stages again.
   */
  activation(staged: Staged<Policy>): Promise<Policy>;
  /** Counts the meters of a candidate that the active policy does not keep. They are kept up by `keepUp` from then on. */
  candidate(staged: Staged<void>): Promise<void>;
  /** Nobody reads these rows any more. */
  leave(stage: Stage): void;
}
/** `current`: the policy that decides. `change`: what is done with the staged meters. */
export type Staged<T> = {
  meters: MeterDeclarations;
  current: () => Policy | null;
  change: (stage: Stage) => Promise<T>;
};

/**
 * Pages are short jobs of their own, and as much time as one took is left to others before the next. What is staged goes one after
 * another. `spares`: totals that a candidate counts.
 */
export function createStaging(
  store: Store,
  clock: () => number,
  options: StagingOptions,
  spares: (stored: string) => boolean,
): Staging {
  let turn: Promise<unknown> = Promise.resolve();

  async function paced<T>(job: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const value = await job();
    await options.onPage?.();
    await pause(Math.max(1, performance.now() - startedAt));
    return value;
  }

  async function staged(
    { meters, current }: Pick<Staged<never>, 'meters' | 'current'>,
    spared: Stage['spares'],
  ): Promise<Stage> {
    const unlike = metersUnlike(meters, current()?.meters ?? {});
    const declarations = Object.fromEntries(Object.entries(meters).filter(([name]) => unlike.includes(name)));
    const stage = await store.write((tx) => beginStage(tx, { declarations, nowMs: clock(), spares: spared }));
    while (await paced(() => store.write((tx) => stagePage(tx, stage, options.page))));
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const taken = await paced(() => store.write((tx) => catchUp(tx, stage, EVENTS)));
      if (taken < EVENTS) break;
    }
    const missing = metersUnlike(meters, current()?.meters ?? {}).some((name) => !stage.generations.has(name));
    return missing ? staged({ meters, current }, spared) : stage;
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  }

  /** Lets the rolling windows go that nobody reads any more. What is left after a crash does no harm. */
  async function sweep(left: readonly string[]): Promise<void> {
    try {
      for (const rows of left) {
        while ((await paced(() => store.write((tx) => dropRolling(tx, rows, Infinity, SWEPT)))) > 0);
      }
    } catch (error) {
      log.debug({ err: error }, 'rows of former meters were not removed');
    }
  }

  return {
    activation: (asked) =>
      inTurn(async () => {
        const stage = await staged(asked, spares);
        const before = await store.read(async (tx) => [...stage.generations.keys()].map(await liveRows(tx)));
        const policy = await asked.change(stage);
        void sweep(before);
        return policy;
      }),
    candidate: (asked) => inTurn(async () => asked.change(await staged(asked, () => true))),
    leave: ({ generations }) => void sweep([...generations.keys()].map(rowsOfGenerations(generations))),
  };
}
