import { log } from '../log/log.ts';

export type Workers = {
  /** Do not wait for the interval: something was decided. */
  wake(): void;
  /** Resolves when the round that runs is over. */
  stop(): Promise<void>;
};

/**
 * Runs the rounds of work one after another until it is stopped: each step is idempotent and bounded, so a step that throws
 * (a full disk, a signer that fails) is logged and comes again with the next round.
 */
export function startWorkers(
  steps: readonly { name: string; run: () => Promise<unknown> }[],
  intervalMs: number,
): Workers {
  let stopped = false;
  let poked = false;
  let wakeUp: () => void = () => {};

  async function loop(): Promise<void> {
    while (!stopped) {
      poked = false;
      for (const step of steps) {
        if (stopped) return;
        try {
          await step.run();
        } catch (error) {
          log.error({ err: error, step: step.name }, 'a worker step failed');
        }
      }
      if (poked || stopped) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs);
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
      wakeUp();
    },
    async stop() {
      stopped = true;
      wakeUp();
      await ended;
    },
  };
}
