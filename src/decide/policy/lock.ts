import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 200;
/** Longer than the longest build; a lock older than this was left behind. */
const STALE_MS = 20 * 60_000;

/** Runs the action while no other process of this machine runs one under the same path. mkdir is the atomic step. */
export async function withLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  while (!(await take(path))) {
    if (await isLeftBehind(path)) await rm(path, { recursive: true, force: true });
    else await sleep(POLL_MS);
  }
  try {
    return await action();
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await mkdir(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(join(path, 'pid'), String(process.pid));
  return true;
}

async function isLeftBehind(path: string): Promise<boolean> {
  const made = await stat(path).catch(() => null);
  if (made === null) return false;
  const ageMs = Date.now() - made.mtimeMs;
  if (ageMs > STALE_MS) return true;
  const pid = Number(await readFile(join(path, 'pid'), 'utf8').catch(() => ''));
  // The owner writes its pid right after mkdir; give it a moment.
  if (!Number.isSafeInteger(pid) || pid <= 0) return ageMs > 5_000;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
