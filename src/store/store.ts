import { setImmediate as nextTurn } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import { BursarError } from '../core/errors/base.ts';
import { noteChanges, type Sealing } from './changes.ts';
import { type Connection, connectionOf } from './connection.ts';
import { isSqliteError, open, orClose, orCloseAll, storageError, takeLock } from './database.ts';
import { type Migration, migrations } from './migrations/index.ts';
import { migrate } from './migrations/migrate.ts';
import type { SqlValue } from './slots.ts';
import type { Command, ParametersOf, Statement } from './statement.ts';

export type { SqlValue };
export type Row = Record<string, SqlValue>;

/** Reads inside one consistent snapshot. Statements are prepared once. Nothing but the transaction is awaited inside it. */
export interface ReadTx {
  get<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): Promise<R | undefined>;
  all<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): Promise<R[]>;
  /** `get` for each set of parameters, in their order: one call, and on PostgreSQL one round trip. */
  getEach<P, R>(statement: Statement<P, R>, sets: readonly NoInfer<P>[]): Promise<(R | undefined)[]>;
  allEach<P, R>(statement: Statement<P, R>, sets: readonly NoInfer<P>[]): Promise<R[][]>;
}
/** Writes inside the one write transaction. `run` returns the number of changed rows. */
export interface Tx extends ReadTx {
  run<P>(command: Command<P>, ...parameters: ParametersOf<NoInfer<P>>): Promise<number>;
  /** `run` for each set of parameters. The number of rows that all of them changed. */
  runEach<P>(command: Command<P>, sets: readonly NoInfer<P>[]): Promise<number>;
  /** Runs after the commit is durable, and never after a rollback. Must not throw. */
  afterCommit(callback: () => void): void;
  /** Seals a row with this commit, for tables whose inserts are not watched. `key`: its primary key as a JSON array. */
  noteRow?(table: string, key: string): void;
}
/** A reader of one snapshot, for long reads; it must be closed. `each` reads row by row, and other reads may run in between. */
export type Snapshot = { tx: ReadTx & Each; close: () => Promise<void> };
interface Each {
  each<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): AsyncIterable<R>;
}

export interface Store {
  /**
   * Queues one write job. Jobs run one after another, many to a commit (group commit), each in its own savepoint: a job
   * that throws leaves nothing behind and rejects alone. Resolves after the commit is on disk (synchronous=FULL).
   */
  write<T>(job: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Reads the committed state: all statements of a job see one snapshot. Jobs run one after another, in memory in turn with write
   * jobs, so a job that waits for another job would wait forever.
   */
  read<T>(job: (tx: ReadTx) => Promise<T>): Promise<T>;
  /** What is committed now, also later. In memory it is no snapshot: there it goes on with the writer. */
  snapshot(): Promise<Snapshot>;
  close(): Promise<void>;
  readonly path: string;
}

/** The number of jobs that share a commit; it bounds how long an answer waits for other jobs. */
const JOBS_PER_COMMIT = 256;
/** Above this number of waiting jobs, new ones are refused with `queue_full`. */
const QUEUE_MAX = 20_000;

/** The same methods without the types of rows and parameters, which callers check. */
type AsyncConnection = {
  get(command: Command<never>, given?: unknown): Promise<unknown>;
  all(command: Command<never>, given?: unknown): Promise<unknown[]>;
  getEach(command: Command<never>, sets: readonly unknown[]): Promise<unknown[]>;
  allEach(command: Command<never>, sets: readonly unknown[]): Promise<unknown[][]>;
  each(command: Command<never>, given?: unknown): AsyncIterable<unknown>;
};

type Job = {
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
  const [beginRead, endRead] = [reader.prepare('BEGIN'), reader.prepare('COMMIT')];
  const changes = sealing && orClose(writer, () => noteChanges(writer, sealing.watch));
  let callbacks: (() => void)[] = [];
  const writing = connectionOf(writer);
  const tx: Tx = {
    ...writingWith(writing),
    afterCommit: (callback) => {
      callbacks.push(callback);
    },
    ...(changes ? { noteRow: changes.note } : {}),
  };
  const queue: Job[] = [];
  /** Resolves when the queue is empty. Null: no batch is running. */
  let draining: Promise<void> | null = null;
  /** Resolves when the newest read job has ended. */
  let reading: Promise<unknown> = Promise.resolve();
  let closed = false;

  const [begin, commit, rollback] = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'].map((sql) => writer.prepare(sql)) as [
    Database.Statement,
    Database.Statement,
    Database.Statement,
  ];
  const savepoint = writer.prepare('SAVEPOINT job');
  const release = writer.prepare('RELEASE job');
  const undo = writer.prepare('ROLLBACK TO job');

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      // Jobs queued in the same turn of the event loop share a commit, and I/O is handled between two commits.
      await nextTurn();
      await runBatch(queue.splice(0, JOBS_PER_COMMIT));
    }
    draining = null;
  }

  async function runBatch(jobs: Job[]): Promise<void> {
    let ran: Ran;
    try {
      ran = await runAll(jobs);
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
  async function runAll(jobs: Job[]): Promise<Ran> {
    const ran: Ran = { done: [], failed: [], after: [] };
    begin.run();
    for (const job of jobs) {
      savepoint.run();
      try {
        callbacks = [];
        const value = await job.run(tx);
        release.run();
        ran.done.push({ job, value });
        ran.after.push(...callbacks);
      } catch (error) {
        if (!writer.inTransaction) throw error;
        undo.run();
        release.run();
        ran.failed.push({ job, error: isSqliteError(error) ? storageError(error) : error });
      }
    }
    await commitSealed();
    return ran;
  }

  async function commitSealed(): Promise<void> {
    const rows = changes?.take() ?? [];
    if (rows.length > 0) await sealing?.seal(tx, rows);
    commit.run();
  }

  function rollBack(): void {
    if (writer.inTransaction) rollback.run();
  }

  function write<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (closed) return reject(closedError());
      if (queue.length >= QUEUE_MAX) return reject(new BursarError('queue_full'));
      queue.push({ run, resolve: resolve as (value: unknown) => void, reject });
      draining ??= drain();
    });
  }

  function read<T>(job: (tx: ReadTx) => Promise<T>): Promise<T> {
    if (reader === writer) return write(job);
    if (closed) return Promise.reject(closedError());
    const result = reading.then(() => readOnce(job));
    reading = result.catch(() => undefined);
    return result;
  }

  async function readOnce<T>(job: (tx: ReadTx) => Promise<T>): Promise<T> {
    try {
      beginRead.run();
      return await job(readTx);
    } catch (error) {
      throw storageError(error);
    } finally {
      if (reader.inTransaction) endRead.run();
    }
  }

  return {
    path,
    write,
    read,
    snapshot: async () => {
      if (reader === writer) return { tx: inTurns(read), close: async () => {} };
      const own = open(path, { readonly: true });
      return orClose(own, () => {
        own.exec('BEGIN');
        // A read transaction takes its snapshot at its first read.
        own.prepare('SELECT 1 FROM sqlite_master').get();
        return { tx: readingOn(own), close: async () => void own.close() };
      });
    },
    close: async () => {
      closed = true;
      await draining;
      await reading;
      if (reader !== writer) reader.close();
      writer.close();
      lock?.close();
    },
  };
}

const closedError = (): BursarError => new BursarError('storage_failed', { message: 'The database is closed.' });

function readingWith({ get, all, getEach, allEach }: Connection): ReadTx {
  const tx: Omit<AsyncConnection, 'each'> = {
    get: async (command, given) => get(command, given),
    all: async (command, given) => all(command, given),
    getEach: async (command, sets) => getEach(command, sets),
    allEach: async (command, sets) => allEach(command, sets),
  };
  const typed: unknown = tx;
  return typed as ReadTx;
}

function writingWith(connection: Connection): ReadTx & Pick<Tx, 'run' | 'runEach'> {
  return {
    ...readingWith(connection),
    run: async (command: Command<never>, given?: unknown) => connection.run(command, given),
    runEach: async (command: Command<never>, sets: readonly unknown[]) => connection.runEach(command, sets),
  };
}

/** Reads a database that another process has open. */
export function readingOn(database: Database.Database): Snapshot['tx'] {
  const connection = connectionOf(database);
  return { ...readingWith(connection), each: eachOf(connection) };
}

/** The same with `run`. The caller begins and ends transactions. */
export function writingOn(database: Database.Database): Snapshot['tx'] & Pick<Tx, 'run' | 'runEach'> {
  const connection = connectionOf(database);
  return { ...writingWith(connection), each: eachOf(connection) };
}

function eachOf({ each }: Connection): Each['each'] {
  return async function* (command: Command<never>, given?: unknown) {
    yield* each(command, given);
  } as Each['each'];
}

/** Reads each statement in a read job of its own. */
function inTurns(read: Store['read']): Snapshot['tx'] {
  const tx: AsyncConnection = {
    get: (command, given) => read((inner) => (inner as AsyncConnection).get(command, given)),
    all: (command, given) => read((inner) => (inner as AsyncConnection).all(command, given)),
    getEach: (command, sets) => read((inner) => (inner as AsyncConnection).getEach(command, sets)),
    allEach: (command, sets) => read((inner) => (inner as AsyncConnection).allEach(command, sets)),
    each: async function* (command, given) {
      yield* await tx.all(command, given);
    },
  };
  return tx as Snapshot['tx'];
}
