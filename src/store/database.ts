import Database from 'better-sqlite3';
import { BursarError } from '../core/errors/base.ts';

/** Opens a file with the settings of every connection. Throws coded errors. */
export function open(path: string, options: Database.Options = {}): Database.Database {
  const database = connect(path, { timeout: 5_000, ...options });
  return orClose(database, () => {
    database.defaultSafeIntegers(true);
    if (!options.readonly) {
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      database.pragma('wal_autocheckpoint = 4000');
      // SQLite opens a read-only file without an error; this reports it before the first payment does.
      database.exec('BEGIN IMMEDIATE; ROLLBACK');
    }
    database.pragma('foreign_keys = ON');
    // 256 MiB at most: the random-order indexes of a million payments stay in memory.
    database.pragma('cache_size = -262144');
    // A job's savepoint keeps the pages it changes; above 64 KiB SQLite would write them to a temporary file.
    database.pragma('temp_store = MEMORY');
    return database;
  });
}

export function connect(path: string, options: Database.Options): Database.Database {
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

/** Runs a step of opening; on failure closes the database and throws the coded error. */
export function orClose<T>(database: Database.Database | null, step: () => T): T {
  try {
    return step();
  } catch (error) {
    database?.close();
    throw storageError(error);
  }
}

/** As above for an asynchronous step with several databases. */
export async function orCloseAll<T>(
  databases: readonly (Database.Database | null)[],
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    for (const database of databases) database?.close();
    throw storageError(error);
  }
}

/** An exclusive SQLite lock on a separate file. The operating system frees it when the process dies, even by a crash. */
export function takeLock(path: string): Database.Database {
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

export function isSqliteError(error: unknown): error is InstanceType<Database.SqliteError> {
  return error instanceof Database.SqliteError;
}

/** Tells whether SQLite reports a damaged file. */
export const isDamage = (code: string): boolean => code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';

/** Translates SQLite's errors to coded errors, once, at this boundary. */
export function storageError(error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  if (isDamage(error.code)) {
    const message = `The database file is damaged: ${error.message}.`;
    return new BursarError('database_damaged', { message, cause: error });
  }
  if (error.code === 'SQLITE_FULL') return new BursarError('storage_full', { cause: error });
  if (error.code.startsWith('SQLITE_READONLY')) return new BursarError('storage_read_only', { cause: error });
  if (error.code.startsWith('SQLITE_CONSTRAINT')) {
    return new BursarError('conflict', { message: 'The data base refused the change.', cause: error });
  }
  return new BursarError('storage_failed', { message: `The database failed (${error.code}).`, cause: error });
}
