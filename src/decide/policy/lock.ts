import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lock } from 'proper-lockfile';

const POLL_MS = 200;
/** A holder renews its lock every fifth of this time; a lock that was not renewed for that long belongs to a dead process. */
export const STALE_MS = 60_000;

/**
 * Runs the action while no other process of this machine runs one under the same path. A holder that was suspended for a minute may
 * lose its lock: two builds at once are slow, but correct, since each writes beside its target and renames.
 */
export async function withLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const release = await lock(path, {
    realpath: false,
    lockfilePath: path,
    stale: STALE_MS,
    update: STALE_MS / 5,
    retries: { forever: true, minTimeout: POLL_MS, maxTimeout: POLL_MS },
    onCompromised: () => {},
  });
  try {
    return await action();
  } finally {
    // A lock that another process took over is not released.
    await release().catch(() => {});
  }
}
