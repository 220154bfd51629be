import type Database from 'better-sqlite3';
import { BursarError, invariant } from '../core/errors/base.ts';
import { noteChanges, type Sealing } from './changes.ts';
import { type Connection, connectionOf } from './connection.ts';
import { isSqliteError, open, orClose, orCloseAll, storageError, takeLock } from './database.ts';
import { type Migration, migrations } from './migrations/index.ts';
import { migrate } from './migrations/migrate.ts';
import type { SqlValue } from './slots.ts';
import type { Command, ParametersOf, Statement } from './statement.ts';

export type { SqlValue };
export type Row = Record<string, SqlValue>;

/** Reads inside one consistent snapshot. Statements are prepared once. Synchronous: no await inside. */
export interface ReadTx {
  get<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): R | undefined;
  all<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): R[];
}
/** Writes inside the one write transaction. `run` returns the number of changed rows. */
export interface Tx extends ReadTx {
  run<P>(command: Command<P>, ...parameters: ParametersOf<NoInfer<P>>): number;
  /** Runs after the commit is durable, and never after a rollback. Must not throw. */
  afterCommit(callback: () => void): void;
  /** Seals a row with this commit, for tables whose inserts are not watched. `key`: its primary key as a JSON array. */
  noteRow?(table: string, key: string): void;
}
/** A reader of one snapshot, for long reads; it must be closed. `each` reads row by row, and other reads may run in between. */
export type Snapshot = { tx: ReadTx & Each; close: () => void };
interface Each {
  each<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): Iterable<R>;
}

export interface Store {
  /**
   * Queues one write job. Jobs run one after another, many to a commit (group commit), each in its own savepoint: a job
   * that throws leaves nothing behind and rejects alone. Resolves after the commit is on disk (synchronous=FULL).
   */
  write<T>(job: (tx: Tx) => T): Promise<T>;
  /** Reads the committed state at once. */
  read<T>(job: (tx: ReadTx) => T): T;
  /** What is committed now, also later. In memory it is no snapshot: there it goes on with the writer. */
  snapshot(): Snapshot;
  close(): Promise<void>;
  readonly path: string;
}

/** The number of jobs that share a commit; it bounds how long an answer waits for other jobs. */
const JOBS_PER_COMMIT = 256;
/** Above this number of waiting jobs, new ones are refused with `queue_full`. */
const QUEUE_MAX = 20_000;

type Job = {
  run: (tx: Tx) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};
type Ran = {
  done: { job: Job; value: unknown }[];
  failed: { job: Job; error: unknown }[];
  /** Callbacks for after the durable commit. */
  after: (() => void)[];
};

/**
 * Opens the database file (or ':memory:'), takes the one-writer lock and migrates it. Throws `storage_read_only`,
 * `storage_in_use` where another process has it, or `storage_failed`. `sealing`: who is told of the rows that each commit changes.
 */
export async function openStore(
  path: string,
  schema: readonly Migration[] = migrations,
  sealing: Sealing<Tx> | null = null,
): Promise<Store> {
  const writer = open(path);
  const lock = path === ':memory:' ? null : orClose(writer, () => takeLock(path));
  await orCloseAll([writer, lock], () => migrate(writer, schema));
  const reader = path === ':memory:' ? writer : open(path, { readonly: true });
  const readTx = readingWith(connectionOf(reader));
  const changes = sealing && orClose(writer, () => noteChanges(writer, sealing.watch));
  let callbacks: (() => void)[] = [];
  const writing = connectionOf(writer);
  const tx: Tx = {
    ...readingWith(writing),
    run: writing.run,
    afterCommit: (callback) => {
      callbacks.push(callback);
    },
    ...(changes ? { noteRow: changes.note } : {}),
  };
  let queue: Job[] = [];
  let scheduled = false;
  let closed = false;

  const [begin, commit, rollback] = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'].map((sql) => writer.prepare(sql)) as [
    Database.Statement,
    Database.Statement,
    Database.Statement,
  ];
  const savepoint = writer.prepare('SAVEPOINT job');
  const release = writer.prepare('RELEASE job');
  const undo = writer.prepare('ROLLBACK TO job');

  function drain(): void {
    scheduled = false;
    if (closed) return;
    const jobs = queue.splice(0, JOBS_PER_COMMIT);
    if (queue.length > 0) schedule();
    let ran: Ran;
    try {
      ran = runAll(jobs);
    } catch (error) {
      // Nothing of the batch is on disk, so every caller gets the error, also those whose job had run.
      rollBack();
      for (const job of jobs) job.reject(storageError(error));
      return;
    }
    for (const callback of ran.after) callback();
    for (const { job, value } of ran.done) job.resolve(value);
    for (const { job, error } of ran.failed) job.reject(error);
  }

  /** Runs each job in a savepoint, so a job that throws is undone alone. Throws if the whole batch failed to commit. */
  function runAll(jobs: Job[]): Ran {
    const ran: Ran = { done: [], failed: [], after: [] };
    begin.run();
    for (const job of jobs) {
      savepoint.run();
      try {
        const value = outcomeOf(job);
        release.run();
        keep(ran, job, value);
      } catch (error) {
        if (!writer.inTransaction) throw error;
        undo.run();
        release.run();
        ran.failed.push({ job, error: isSqliteError(error) ? storageError(error) : error });
      }
    }
    commitSealed();
    return ran;
  }

  function commitSealed(): void {
    const rows = changes?.take() ?? [];
    if (rows.length > 0) sealing?.seal(tx, rows);
    commit.run();
  }

  function outcomeOf(job: Job): unknown {
    callbacks = [];
    const value = job.run(tx);
    invariant(!(value instanceof Promise), 'A write job must be synchronous: its commit does not wait.');
    return value;
  }

  function keep(ran: Ran, job: Job, value: unknown): void {
    ran.done.push({ job, value });
    ran.after.push(...callbacks);
  }

  function rollBack(): void {
    if (writer.inTransaction) rollback.run();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(drain);
  }

  return {
    path,
    write: <T>(run: (tx: Tx) => T) =>
      new Promise<T>((resolve, reject) => {
        if (closed) return reject(new BursarError('storage_failed', { message: 'The database is closed.' }));
        if (queue.length >= QUEUE_MAX) return reject(new BursarError('queue_full'));
        queue.push({ run, resolve: resolve as (value: unknown) => void, reject });
        schedule();
      }),
    read: (job) => {
      try {
        return job(readTx);
      } catch (error) {
        throw storageError(error);
      }
    },
    snapshot: () => {
      if (reader === writer) return { tx: { ...readTx, each: readTx.all as Each['each'] }, close: () => {} };
      const own = open(path, { readonly: true });
      return orClose(own, () => {
        own.exec('BEGIN');
        // A read transaction takes its snapshot at its first read.
        own.prepare('SELECT 1 FROM sqlite_master').get();
        return { tx: readingOn(own), close: () => own.close() };
      });
    },
    close: async () => {
      while (queue.length > 0 && !closed) drain();
      closed = true;
      queue = [];
      if (reader !== writer) reader.close();
      writer.close();
      lock?.close();
    },
  };
}

function readingWith({ get, all }: Connection): ReadTx {
  return { get: get as ReadTx['get'], all: all as ReadTx['all'] };
}

/** Reads a database that another process has open. */
export function readingOn(database: Database.Database): Snapshot['tx'] {
  const connection = connectionOf(database);
  return { ...readingWith(connection), each: connection.each as Each['each'] };
}
