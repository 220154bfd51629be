import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';

export type Workers = {
  /** Do not wait for the interval: a payment was decided. */
  wake(): void;
  /** Resolves when the current round ends. */
  stop(): Promise<void>;
};

export type Step = { name: string; run: () => Promise<unknown> };

/**
 * `intervalMs` between two rounds for `awakeMs` after a decision, then `idleMs`: a pending payment is followed closely, while an
 * idle server reads its chain every second and a half.
 */
export type Pace = { intervalMs: number; awakeMs: number; idleMs: number };
export const IDLE = { awakeMs: 10_000, idleMs: 1_500 };

/** Longer than any step may take; a step that still runs then hangs, and is reported. */
const STALLED_MS = 60_000;

/**
 * Runs each loop's steps in rounds, one after another, until stopped. Loops do not wait for each other, so steps with outside
 * servers have their own. Each step is idempotent and bounded: an error (a full disk, a failing signer) is logged and the step runs
 * again in the next round.
 */
export function startWorkers(loops: readonly (readonly Step[])[], pace: Pace): Workers {
  const started = loops.map((steps) => startLoop(steps, pace));
  return {
    wake() {
      for (const loop of started) loop.wake();
    },
    async stop() {
      await Promise.all(started.map((loop) => loop.stop()));
    },
  };
}

function startLoop(steps: readonly Step[], { intervalMs, awakeMs, idleMs }: Pace): Workers {
  let wokenMs = performance.now();
  let stopped = false;
  let poked = false;
  let wakeUp: () => void = () => {};

  async function loop(): Promise<void> {
    while (!stopped) {
      poked = false;
      for (const step of steps) {
        if (stopped) return;
        await runStep(step);
      }
      if (poked || stopped) continue;
      await new Promise<void>((resolve) => {
        const isAwake = performance.now() - wokenMs < awakeMs;
        const timer = setTimeout(resolve, isAwake ? intervalMs : Math.max(intervalMs, idleMs));
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
  const ended = loop();

  return {
    wake() {
      poked = true;
      wokenMs = performance.now();
      wakeUp();
    },
    async stop() {
      stopped = true;
      wakeUp();
      await ended;
    },
  };
}

async function runStep({ name, run }: Step): Promise<void> {
  const watch = setInterval(() => log.error({ step: name }, 'a worker step does not end'), STALLED_MS);
  try {
    await run();
  } catch (error) {
    if (error instanceof BursarError && error.code === 'lease_lost') log.info({ step: name }, error.message);
    else log.error({ err: error, step: name }, 'a worker step failed');
  } finally {
    clearInterval(watch);
  }
}
