import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import Database from 'better-sqlite3';
import { BursarError } from '../errors/base.ts';

/**
 * Copies a database that may be in use, by SQLite's online backup: the copy is of one moment. All pages in one step after the
 * first hundred, since a step starts anew whenever another process wrote. Throws `storage_failed`.
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

/** SQLite's own check of a file that nobody uses. Throws `storage_failed` where it is damaged or no database of ours. */
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

/** In hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
