import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startWorkers, type Workers } from './workers.ts';

let workers: Workers | null = null;
const HOUR_MS = 3_600_000;
/** Always as when something was decided just now. */
const pace = (intervalMs: number) => ({ intervalMs, awakeMs: HOUR_MS, idleMs: HOUR_MS });
afterEach(() => workers?.stop());

describe('the workers', () => {
  it('go on in one loop while a step of another waits for an outsider', async () => {
    let answer: () => void = () => {};
    const outsider = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let rounds = 0;
    const settle = async () => {
      rounds += 1;
    };
    workers = startWorkers([[{ name: 'settle', run: settle }], [{ name: 'notify', run: () => outsider }]], pace(1));
    await expect.poll(() => rounds).toBeGreaterThan(3);
    answer();
  });

  it('run the next step and the next round after a step that throws', async () => {
    const done: string[] = [];
    const failing = async () => {
      done.push('failing');
      throw new Error('a full disk');
    };
    const next = async () => {
      done.push('next');
    };
    workers = startWorkers(
      [
        [
          { name: 'failing', run: failing },
          { name: 'next', run: next },
        ],
      ],
      pace(50),
    );
    await expect.poll(() => done.length).toBeGreaterThan(3);
    expect(done.slice(0, 4)).toEqual(['failing', 'next', 'failing', 'next']);
  });

  it('wait longer once nothing was decided for a while, and not after a decision', async () => {
    let rounds = 0;
    const step = async () => {
      rounds += 1;
    };
    workers = startWorkers([[{ name: 'step', run: step }]], { intervalMs: 1, awakeMs: 100, idleMs: HOUR_MS });
    await expect.poll(() => rounds).toBeGreaterThan(2);
    await sleep(200);
    const before = rounds;
    await sleep(50);
    expect(rounds).toBe(before);
    workers.wake();
    await expect.poll(() => rounds).toBeGreaterThan(before + 1);
  });

  it('look again at once when woken, also while a round runs, and stop after the step that runs', async () => {
    let rounds = 0;
    let running = 0;
    const step = async () => {
      running += 1;
      expect(running).toBe(1);
      await sleep(5);
      running -= 1;
      rounds += 1;
    };
    workers = startWorkers([[{ name: 'step', run: step }]], pace(HOUR_MS));
    workers.wake();
    await expect.poll(() => rounds).toBe(2);
    workers.wake();
    await expect.poll(() => rounds).toBe(3);
    workers.wake();
    await workers.stop();
    expect(running).toBe(0);
  });
});
