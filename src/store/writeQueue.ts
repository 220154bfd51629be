import { setImmediate as nextTurn } from 'node:timers/promises';
import { BursarError } from '../core/errors/base.ts';
import type { ChangedRow, Sealing } from './changes.ts';
import type { Locks, ReadTx, Store, Tx } from './transaction.ts';

/** The number of jobs that share a commit; it bounds how long an answer waits for other jobs. */
const JOBS_PER_COMMIT = 256;
/** Above this number of waiting jobs, new ones are refused with `queue_full`. */
const QUEUE_MAX = 20_000;
/** How often a batch runs that the database asks to run again. */
const ATTEMPTS_MAX = 5;

type Maybe = void | Promise<void>;

/** The one writing connection of a database. */
export interface Writer {
  readonly tx: ReadTx & Pick<Tx, 'run' | 'runEach'>;
  /** For transactions that run beside others; null where there is one writer only. */
  readonly locks: Locks | null;
  begin(isBeside: boolean): Maybe;
  /** A savepoint of one job: begun, kept, or undone. */
  savepoint(): Maybe;
  release(): Maybe;
  undo(): Maybe;
  commit(): Maybe;
  /** Ends what is left of a transaction. Never throws. */
  rollBack(): Maybe;
  /** False where an error has ended the whole transaction, as a full disk does. */
  isOpen(): boolean;
  /** Whether the batch should run again: the database chose it to end a deadlock. */
  isTransient(error: unknown): boolean;
  /** The coded error of one of the database. */
  translated(error: unknown): unknown;
  /** Which rows of watched tables the transaction has changed; null where nothing is sealed. */
  readonly changes: { note(table: string, key: string): void; take(): Promise<ChangedRow[]> } | null;
}

type Job = {
  isBeside: boolean;
  run: (tx: Tx) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};
type Ran = {
  done: { job: Job; value: unknown }[];
  failed: { job: Job; error: unknown }[];
  /** Callbacks for after the durable commit. */
  after: (() => void)[];
};

/** Runs write jobs one after another, many to a commit (group commit). */
export function writeQueue(
  writer: Writer,
  sealing: Sealing<Tx> | null,
): Pick<Store, 'write' | 'writeBeside'> & { close(): Promise<void> } {
  let callbacks: (() => void)[] = [];
  const { changes, locks } = writer;
  const tx: Tx = {
    ...writer.tx,
    afterCommit: (callback) => {
      callbacks.push(callback);
    },
    ...(changes ? { noteRow: changes.note } : {}),
  };
  const besideTx: Tx = locks ? { ...tx, locks } : tx;
  const queue: Job[] = [];
  /** Resolves when the queue is empty. Null: no batch is running. */
  let draining: Promise<void> | null = null;
  let closed = false;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      // Jobs queued in the same turn of the event loop share a commit, and I/O is handled between two commits.
      await nextTurn();
      await runBatch(queue.splice(0, batchSize()));
    }
    draining = null;
  }

  /** A job that runs beside other servers is a transaction of its own, so that it locks no more than it needs. */
  function batchSize(): number {
    if (queue[0]?.isBeside) return 1;
    const next = queue.findIndex(({ isBeside }) => isBeside);
    return Math.min(JOBS_PER_COMMIT, next === -1 ? queue.length : next);
  }

  async function runBatch(jobs: Job[], attempt = 1): Promise<void> {
    let ran: Ran;
    try {
      ran = await runAll(jobs);
    } catch (error) {
      await writer.rollBack();
      if (attempt < ATTEMPTS_MAX && writer.isTransient(error)) return runBatch(jobs, attempt + 1);
      // Nothing of the batch is known to be on disk, so every caller gets the error, also those whose job had run.
      for (const job of jobs) job.reject(writer.translated(error));
      return;
    }
    for (const callback of ran.after) callback();
    for (const { job, value } of ran.done) job.resolve(value);
    for (const { job, error } of ran.failed) job.reject(error);
  }

  /**
   * Runs each job in a savepoint, so a job that throws is undone alone; a single job is the whole transaction. Throws if the batch
   * failed to commit.
   */
  async function runAll(jobs: Job[]): Promise<Ran> {
    const ran: Ran = { done: [], failed: [], after: [] };
    const isAlone = jobs.length === 1;
    const isBeside = jobs[0]?.isBeside ?? false;
    await writer.begin(isBeside);
    for (const job of jobs) {
      if (!isAlone) await writer.savepoint();
      try {
        callbacks = [];
        const value = await job.run(isBeside ? besideTx : tx);
        if (!isAlone) await writer.release();
        ran.done.push({ job, value });
        ran.after.push(...callbacks);
      } catch (error) {
        if (!writer.isOpen() || writer.isTransient(error)) throw error;
        if (isAlone) throw error;
        await writer.undo();
        ran.failed.push({ job, error: writer.translated(error) });
      }
    }
    const rows = (await changes?.take()) ?? [];
    if (rows.length > 0) {
      if (isBeside) await locks?.whole('events');
      await sealing?.seal(tx, rows);
    }
    await writer.commit();
    return ran;
  }

  const queued =
    (isBeside: boolean) =>
    <T>(run: (tx: Tx) => Promise<T>): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        if (closed) return reject(closedError());
        if (queue.length >= QUEUE_MAX) return reject(new BursarError('queue_full'));
        queue.push({ isBeside, run, resolve: resolve as (value: unknown) => void, reject });
        draining ??= drain();
      });

  return {
    write: queued(false),
    writeBeside: queued(locks !== null),
    close: async () => {
      closed = true;
      await draining;
    },
  };
}

export const closedError = (): BursarError => new BursarError('storage_failed', { message: 'The database is closed.' });
