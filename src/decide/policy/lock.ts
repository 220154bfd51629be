import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lock } from 'proper-lockfile';

const POLL_MS = 200;
/** A holder renews its lock every fifth of this; one that was not renewed for so long belongs to a process that is gone. */
export const STALE_MS = 60_000;

/**
 * Runs the action while no other process of this machine runs one under the same path. A holder that was not running for a minute
 * may lose its lock: two builds at once are slow, not wrong, since each writes beside its target and renames.
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
    // One that was taken over is not ours to release.
    await release().catch(() => {});
  }
}
