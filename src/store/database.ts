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

/** Does a step of opening; where it fails, closes what is open and throws the coded error. */
export function orClose<T>(database: Database.Database | null, step: () => T): T {
  try {
    return step();
  } catch (error) {
    database?.close();
    throw storageError(error);
  }
}

/** The same for a step that is asynchronous, and several databases. */
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

/** An exclusive SQLite lock on a file of its own: the system frees it when the process dies, however it dies. */
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

/** Whether SQLite says that the file is not as it wrote it. */
export const isDamage = (code: string): boolean => code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';

/** Translates what SQLite throws, once, at this boundary. */
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
