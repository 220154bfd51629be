import { mkdir, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { STALE_MS, withLock } from './lock.ts';

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

  it('takes over a lock that nobody has renewed for a minute', async () => {
    const path = join(folder, 'lock');
    await mkdir(path);
    const before = new Date(Date.now() - STALE_MS - 1_000);
    await utimes(path, before, before);
    expect(await withLock(path, async () => 'in')).toBe('in');
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
