import type Database from 'better-sqlite3';
import { noteChanges, type Sealing } from './changes.ts';
import { type Connection, connectionOf } from './connection.ts';
import { open, orClose, orCloseAll, storageError, takeLock } from './database.ts';
import type { Migration } from './migrations/index.ts';
import { migrate } from './migrations/migrate.ts';
import type { Command } from './statement.ts';
import type { AsyncConnection, Each, ReadTx, Snapshot, Store, Tx } from './transaction.ts';
import { closedError, type Writer, writeQueue } from './writeQueue.ts';

/** Opens a database file, or ':memory:'; see `openStore`. */
export async function openSqlite(
  path: string,
  schema: readonly Migration[],
  sealing: Sealing<Tx> | null,
): Promise<Store> {
  const writer = open(path);
  const lock = path === ':memory:' ? null : orClose(writer, () => takeLock(path));
  await orCloseAll([writer, lock], () => migrate(writer, schema));
  const reader = path === ':memory:' ? writer : open(path, { readonly: true });
  const readTx = readingWith(connectionOf(reader));
  const [beginRead, endRead] = [reader.prepare('BEGIN'), reader.prepare('COMMIT')];
  const changes = sealing && orClose(writer, () => noteChanges(writer, sealing.watch));
  const queue = writeQueue(writerOf(writer, changes), sealing);
  /** Resolves when the newest read job has ended. */
  let reading: Promise<unknown> = Promise.resolve();
  let closed = false;

  function read<T>(job: (tx: ReadTx) => Promise<T>): Promise<T> {
    if (reader === writer) return queue.write(job);
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
    write: queue.write,
    writeBeside: queue.writeBeside,
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
      await queue.close();
      await reading;
      if (reader !== writer) reader.close();
      writer.close();
      lock?.close();
    },
  };
}

function writerOf(database: Database.Database, changes: Writer['changes']): Writer {
  const run = (sql: string): (() => void) => {
    const statement = database.prepare(sql);
    return () => void statement.run();
  };
  const [undo, release, rollBack] = [run('ROLLBACK TO job'), run('RELEASE job'), run('ROLLBACK')];
  return {
    tx: writingWith(connectionOf(database)),
    locks: null,
    begin: run('BEGIN IMMEDIATE'),
    savepoint: run('SAVEPOINT job'),
    release,
    undo: () => {
      undo();
      release();
    },
    commit: run('COMMIT'),
    rollBack: () => {
      if (database.inTransaction) rollBack();
    },
    isOpen: () => database.inTransaction,
    isTransient: () => false,
    translated: storageError,
    changes,
  };
}

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
