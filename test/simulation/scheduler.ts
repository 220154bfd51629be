import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Lie } from './chain/node.ts';
import type { Random } from './random.ts';

/**
 * How one operation goes. `request` is lost: nothing happens. `effect`: it is done and undone again, as a commit that fails. `answer` is
 * lost: its effect stays, and who waits gets an error. `process`: its effect stays, and nobody is left to hear of it.
 */
export type Fate = {
  loses: 'nothing' | 'request' | 'effect' | 'answer' | 'process';
  /** Only for requests to a node. */
  lie: Lie | null;
  random: Random;
};

/** One operation that code under test waits for: a request to a node, or a job of the database. */
export type Waiting = {
  /** The server that waits; its operations vanish with it. */
  owner: number;
  kind: 'rpc' | 'store';
  /** For the trace. */
  label: string;
};
type Queued = Waiting & { go: (fate: Fate) => Promise<void> };

/**
 * The virtual scheduler. Every request to a node and every job of the database waits here until the simulation lets it go, one at a time,
 * in the order that the seed gives. The code under test waits for nothing else.
 */
export class Scheduler {
  #waiting: Queued[] = [];
  #resumed = 0;

  get waiting(): readonly Waiting[] {
    return this.#waiting;
  }
  /** Operations let go so far. */
  get resumed(): number {
    return this.#resumed;
  }

  /** Waits for its turn. `work` carries out the operation, and throws where it or its answer is lost. */
  operation<T>(of: Waiting, work: (fate: Fate) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const go = async (fate: Fate): Promise<void> => {
        try {
          const value = await work(fate);
          if (fate.loses !== 'process') resolve(value);
        } catch (error) {
          if (fate.loses !== 'process') reject(error);
        }
      };
      this.#waiting.push({ ...of, go });
    });
  }

  /** Lets one operation go, and returns when all code has run that can run. */
  async resume(one: Waiting, fate: Fate): Promise<void> {
    const index = this.#waiting.indexOf(one as Queued);
    if (index < 0) throw new Error('That operation does not wait.');
    const [queued] = this.#waiting.splice(index, 1);
    this.#resumed += 1;
    await queued?.go(fate);
    await this.settle();
  }

  /** An operation has ended in `resume`, so what runs now waits for nothing but promises, which end before the next turn. */
  async settle(): Promise<void> {
    await nextTurn();
  }

  /** A process has died: what it waited for never returns to it. */
  drop(owner: number): void {
    this.#waiting = this.#waiting.filter((one) => one.owner !== owner);
  }
}
