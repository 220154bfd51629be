import { join } from 'node:path';
import { BursarError } from '../../core/errors/base.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { DataDir } from './config.ts';
import { readRunning } from './running.ts';

/**
 * Holds the data folder for this process until `release`; the system frees it when the process dies, however it dies. Taken
 * before anything else: a second server would end the first one's local chain. Throws `storage_in_use`, naming who has it.
 */
export function lockDataDir(dataDir: DataDir): { release(): Promise<void> } {
  let lock: Store;
  try {
    // An empty database beside ours, for its lock alone.
    lock = openStore(join(dataDir.dir, 'home'), []);
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
  return { release: () => lock.close() };
}
