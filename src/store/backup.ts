import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import Database from 'better-sqlite3';
import { BursarError } from '../core/errors/base.ts';
import { isDamage, storageError } from './database.ts';

/**
 * Copies a database that may be in use with SQLite's online backup; the copy is consistent. After the first hundred pages the rest
 * is copied in one step, because a step restarts when another process writes. Throws `storage_failed`.
 */
export async function copyDatabase(path: string, to: string): Promise<void> {
  try {
    const source = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
    try {
      await source.backup(to, { progress: () => 0x7fff_ffff });
    } finally {
      source.close();
    }
  } catch (cause) {
    throw new BursarError('storage_failed', { message: 'The database cannot be copied.', cause });
  }
  checkDatabase(to);
}

/**
 * Runs SQLite's integrity check on a file that no process uses. Throws `storage_failed` if it is damaged or not a Bursar database.
 */
export function checkDatabase(path: string): { wallets: { agent: string; address: string }[] } {
  try {
    const database = new Database(path, { fileMustExist: true });
    try {
      if (database.pragma('integrity_check', { simple: true }) !== 'ok') throw new Error('integrity_check');
      const wallets = database
        .prepare<[], { agent: string; address: string }>(
          'SELECT a.name AS agent, w.address FROM wallets w JOIN agents a ON a.id = w.agent_id ORDER BY a.id',
        )
        .all();
      return { wallets };
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new BursarError('storage_failed', { message: `${path} is no sound database of Bursar.`, cause });
  }
}

/** Larger files are not checked completely at each start; damage there is reported when it is read. */
const CHECKED_BYTES = 256 * 1024 * 1024;

/** Runs SQLite's quick check before a file is served. Throws `database_damaged` with SQLite's message. */
export function refuseDamaged(path: string): void {
  if (path === ':memory:' || !existsSync(path) || statSync(path).size > CHECKED_BYTES) return;
  const damaged = (said: string, cause?: unknown): BursarError =>
    new BursarError('database_damaged', {
      message: `The database file ${path} is damaged: ${said}.`,
      details: { database: path },
      cause,
    });
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { fileMustExist: true, timeout: 5_000 });
    const said = String(database.pragma('quick_check(1)', { simple: true }));
    if (said !== 'ok') throw damaged(said.replaceAll(/\s+/g, ' ').slice(0, 200));
  } catch (error) {
    if (error instanceof Database.SqliteError && isDamage(error.code)) throw damaged(error.message, error);
    throw storageError(error);
  } finally {
    database?.close();
  }
}

/** In hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
