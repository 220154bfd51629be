import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bursar-lock-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('withLock', () => {
  it('lets one in at a time, also after a failure', async () => {
    const path = join(folder, 'deep', 'lock');
    let inside = 0;
    const enter = async (fails: boolean): Promise<void> => {
      inside += 1;
      expect(inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      inside -= 1;
      if (fails) throw new Error('failed inside');
    };
    const results = await Promise.allSettled(
      [true, false, true, false].map((fails) => withLock(path, () => enter(fails))),
    );
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('takes over from a process that is gone', async () => {
    const path = join(folder, 'lock');
    await mkdir(path);
    // Above the largest pid of any system we run on.
    await writeFile(join(path, 'pid'), '99999999');
    expect(await withLock(path, async () => 'in')).toBe('in');
  });

  it('takes over a lock that is older than the longest build', async () => {
    const path = join(folder, 'lock');
    await mkdir(path);
    await writeFile(join(path, 'pid'), String(process.pid));
    const hourAgo = new Date(Date.now() - 3_600_000);
    await utimes(path, hourAgo, hourAgo);
    expect(await withLock(path, async () => 'in')).toBe('in');
  });
});
