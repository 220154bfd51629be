import { BursarError } from '../../src/core/errors/base.ts';
import type { ReadTx, Store, Tx } from '../../src/store/store.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * The database as one server sees it. Each job waits for its turn, and may be lost before it runs, fail to commit, or commit and lose
 * its answer. Below it is the real store in memory, with the real statements.
 */
export function faultStore(inner: Store, scheduler: Scheduler, owner: number): Store {
  return {
    ...inner,
    write: <T>(job: (tx: Tx) => Promise<T>): Promise<T> =>
      scheduler.operation({ owner, kind: 'store', label: 'write' }, async ({ loses }) => {
        if (loses === 'request') throw lost('The job never reached the database.');
        const callbacks: (() => void)[] = [];
        const value = await inner.write(async (tx) => {
          const done = await job({ ...tx, afterCommit: (callback) => void callbacks.push(callback) });
          if (loses === 'effect') throw lost('The commit failed.');
          return done;
        });
        if (loses === 'answer') throw lost('The commit was durable and its answer was lost.');
        if (loses === 'nothing') for (const callback of callbacks) callback();
        return value;
      }),
    read: <T>(job: (tx: ReadTx) => Promise<T>): Promise<T> =>
      scheduler.operation({ owner, kind: 'store', label: 'read' }, async ({ loses }) => {
        if (loses === 'request' || loses === 'effect') throw lost('The read failed.');
        const value = await inner.read(job);
        if (loses === 'answer') throw lost('The connection was lost.');
        return value;
      }),
  };
}

const lost = (message: string): BursarError => new BursarError('storage_failed', { message });
