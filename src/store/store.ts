import Database from 'better-sqlite3';
import { BursarError, invariant } from '../errors/base.ts';
import { changesFacts, type Memory, TxMemory } from './memory.ts';
import { type Migration, migrations } from './migrations/index.ts';

/** What SQLite takes and gives. Integers come back as bigint (`defaultSafeIntegers`). */
export type SqlValue = string | number | bigint | null;
export type Row = Record<string, SqlValue>;

/** Reading inside one consistent snapshot. Statements are prepared once per text. Synchronous: no await inside. */
export interface ReadTx {
  get<R>(sql: string, ...values: SqlValue[]): R | undefined;
  all<R>(sql: string, ...values: SqlValue[]): R[];
  /** Of the write transaction only. */
  readonly memory?: Memory;
}
/** Writing inside the one write transaction. `run` gives the number of changed rows. */
export interface Tx extends ReadTx {
  run(sql: string, ...values: SqlValue[]): number;
  /** Runs after the commit is durable, never after a roll-back. Must not throw. */
  afterCommit(callback: () => void): void;
}

export interface Store {
  /**
   * Queues one write job. Jobs run one after another, many to a commit (group commit), each in its own savepoint: a job
   * that throws leaves nothing behind and rejects alone. Resolves after the commit is on disk (synchronous=FULL).
   */
  write<T>(job: (tx: Tx) => T): Promise<T>;
  /** Reads what is committed, at once. */
  read<T>(job: (tx: ReadTx) => T): T;
  close(): Promise<void>;
  readonly path: string;
}

/** At most this many jobs share a commit: bounds the time an answer waits for others. */
const JOBS_PER_COMMIT = 256;
/** More waiting jobs than this are refused with `queue_full`. */
const QUEUE_MAX = 20_000;

type Job = { run: (tx: Tx) => unknown; resolve: (value: unknown) => void; reject: (error: unknown) => void };
type Statement = Database.Statement<SqlValue[]>;
type Statements = Map<string, Statement>;

/**
 * Opens the database file (or ':memory:'), takes the one-writer lock and migrates it. Throws `storage_read_only`,
 * `storage_in_use` where another process has it, or `storage_failed`.
 */
export function openStore(path: string, schema: readonly Migration[] = migrations): Store {
  const writer = open(path);
  const lock = path === ':memory:' ? null : orClose(writer, () => takeLock(path));
  orClose(writer, () => orClose(lock, () => migrate(writer, schema)));
  const statements: Statements = new Map();
  const reader = path === ':memory:' ? writer : open(path, { readonly: true });
  const readTx = readingWith(reader, path === ':memory:' ? statements : new Map());
  let callbacks: (() => void)[] = [];
  const memory = new TxMemory();
  const statementOf = writingWith(writer, statements, memory);
  const tx: Tx = {
    get: <R>(sql: string, ...values: SqlValue[]) => statementOf(sql).get(...values) as R | undefined,
    all: <R>(sql: string, ...values: SqlValue[]) => statementOf(sql).all(...values) as R[],
    run: (sql, ...values) => statementOf(sql).run(...values).changes,
    memory,
    afterCommit: (callback) => {
      callbacks.push(callback);
    },
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
    const done: { job: Job; value: unknown }[] = [];
    const failed: { job: Job; error: unknown }[] = [];
    const after: (() => void)[] = [];
    try {
      begin.run();
    } catch (error) {
      for (const job of jobs) job.reject(storageError(error));
      return;
    }
    try {
      for (const job of jobs) {
        callbacks = [];
        memory.bound();
        savepoint.run();
        try {
          const value = job.run(tx);
          invariant(!(value instanceof Promise), 'A write job must be synchronous: its commit does not wait.');
          release.run();
          done.push({ job, value });
          after.push(...callbacks);
        } catch (error) {
          memory.forgetAll();
          if (!writer.inTransaction) throw error;
          undo.run();
          release.run();
          failed.push({ job, error: isSqliteError(error) ? storageError(error) : error });
        }
      }
      commit.run();
    } catch (error) {
      // Nothing of the batch is on disk: every caller hears so, also those whose job had run.
      memory.forgetAll();
      if (writer.inTransaction) rollback.run();
      for (const job of jobs) job.reject(storageError(error));
      return;
    }
    for (const callback of after) callback();
    for (const { job, value } of done) job.resolve(value);
    for (const { job, error } of failed) job.reject(error);
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

function open(path: string, options: Database.Options = {}): Database.Database {
  const database = connect(path, { timeout: 5_000, ...options });
  return orClose(database, () => {
    database.defaultSafeIntegers(true);
    if (!options.readonly) {
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      database.pragma('wal_autocheckpoint = 4000');
      // SQLite opens a file it may not write without a word; the first payment is too late to hear of it.
      database.exec('BEGIN IMMEDIATE; ROLLBACK');
    }
    database.pragma('foreign_keys = ON');
    // 256 MiB at most: the random-order indexes of a million payments stay in memory.
    database.pragma('cache_size = -262144');
    // A job's savepoint keeps the pages it changes: above 64 KiB SQLite would write them to a temporary file.
    database.pragma('temp_store = MEMORY');
    return database;
  });
}

function connect(path: string, options: Database.Options): Database.Database {
  try {
    return new Database(path, options);
  } catch (error) {
    if (isSqliteError(error)) throw storageError(error);
    throw new BursarError('storage_failed', {
      message: 'The database cannot be opened; is there its folder?',
      cause: error,
    });
  }
}

/** Does a step of opening; where it fails, closes what is open and throws the coded error. */
function orClose<T>(database: Database.Database | null, step: () => T): T {
  try {
    return step();
  } catch (error) {
    database?.close();
    throw storageError(error);
  }
}

/** An exclusive SQLite lock on a file of its own: the system frees it when the process dies, however it dies. */
function takeLock(path: string): Database.Database {
  const lock = connect(`${path}.lock`, { timeout: 0 });
  return orClose(lock, () => {
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      if (isSqliteError(error) && error.code.startsWith('SQLITE_BUSY')) {
        throw new BursarError('storage_in_use', { cause: error });
      }
      throw error;
    }
    return lock;
  });
}

/** Brings the schema up to date, each migration whole or not at all. */
function migrate(database: Database.Database, schema: readonly Migration[]): void {
  const current = Number(database.pragma('user_version', { simple: true }));
  if (current > schema.length) {
    throw new BursarError('storage_failed', { message: 'The database was written by a newer Bursar.' });
  }
  schema.slice(current).forEach((migration, index) => {
    try {
      database.exec(`BEGIN IMMEDIATE; ${migration.sql}; PRAGMA user_version = ${current + index + 1}; COMMIT`);
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      throw storageError(error);
    }
  });
}

function prepared(database: Database.Database, statements: Statements, sql: string): Statement {
  let statement = statements.get(sql);
  if (!statement) {
    statement = database.prepare<SqlValue[]>(sql);
    statements.set(sql, statement);
  }
  return statement;
}

/** Statements of the writer. One that may change facts is marked when it is prepared, whether it is run, got or listed. */
function writingWith(
  database: Database.Database,
  statements: Statements,
  memory: TxMemory,
): (sql: string) => Statement {
  const forgetful = new Set<Statement>();
  const known = new Map<string, Statement>();
  return (sql) => {
    let statement = known.get(sql);
    if (!statement) {
      statement = prepared(database, statements, sql);
      known.set(sql, statement);
      if (!statement.readonly && changesFacts(sql)) forgetful.add(statement);
    }
    if (forgetful.size > 0 && forgetful.has(statement)) memory.forgetFacts();
    return statement;
  };
}

function readingWith(database: Database.Database, statements: Statements): ReadTx {
  return {
    get: <R>(sql: string, ...values: SqlValue[]) => prepared(database, statements, sql).get(...values) as R | undefined,
    all: <R>(sql: string, ...values: SqlValue[]) => prepared(database, statements, sql).all(...values) as R[],
  };
}

function isSqliteError(error: unknown): error is InstanceType<Database.SqliteError> {
  return error instanceof Database.SqliteError;
}

/** Translates what SQLite throws, once, at this boundary. */
function storageError(error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  if (error.code === 'SQLITE_FULL') return new BursarError('storage_full', { cause: error });
  if (error.code.startsWith('SQLITE_READONLY')) return new BursarError('storage_read_only', { cause: error });
  if (error.code.startsWith('SQLITE_CONSTRAINT')) {
    return new BursarError('conflict', { message: 'The data base refused the change.', cause: error });
  }
  return new BursarError('storage_failed', { message: `The database failed (${error.code}).`, cause: error });
}
