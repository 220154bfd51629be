import { join } from 'node:path';
import { BursarError } from '../../core/errors/base.ts';
import { takeLock } from '../../store/database.ts';
import type { DataDir } from './config.ts';
import { readRunning } from './running.ts';

/**
 * Locks the data directory for this process until `release`; the system releases it when the process dies for any reason. Taken
 * first, because a second server would end the first one's local chain. Throws `storage_in_use` with the holder.
 */
export function lockDataDir(dataDir: DataDir): { release(): Promise<void> } {
  let lock: ReturnType<typeof takeLock>;
  try {
    lock = takeLock(join(dataDir.dir, 'bursar'));
  } catch (error) {
    if (!(error instanceof BursarError) || error.code !== 'storage_in_use') throw error;
    const running = readRunning(dataDir);
    throw new BursarError('storage_in_use', {
      message: running
        ? `A Bursar server already runs on ${dataDir.dir}: ${running.url} (process ${running.pid}).`
        : `Another Bursar process is working on ${dataDir.dir}.`,
      details: running ? { url: running.url, pid: running.pid } : {},
    });
  }
  return {
    release: async () => {
      lock.close();
    },
  };
}
