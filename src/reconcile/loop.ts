import type { Follower, TickReport } from './follower.ts';

export type FollowLoop = {
  /** Ticks now rather than at the next interval: something was just sent. */
  poke(): void;
  /** Ends after the running tick. */
  stop(): Promise<void>;
};
export type FollowLoopOptions = {
  /** Between ticks when there is nothing more to do. Default 1,000. */
  pollMs?: number;
  onTick?: (report: TickReport) => void;
  /** The store failed; the loop goes on, slower. */
  onError?: (error: unknown) => void;
};

const POLL_MS = 1_000;
/** Waits between ticks while the chain or the store does not answer: doubled each time, up to this. */
const BACKOFF_MAX_MS = 15_000;

/** Ticks until it is stopped: at once while behind, at the interval when there is nothing to do, slower while nobody answers. */
export function startFollowing(follower: Follower, options: FollowLoopOptions = {}): FollowLoop {
  const pollMs = options.pollMs ?? POLL_MS;
  let stopped = false;
  let failures = 0;
  let poked = false;
  let wake = (): void => {};

  async function once(): Promise<number> {
    try {
      const report = await follower.tick();
      options.onTick?.(report);
      if (report.status === 'stopped') stopped = true;
      failures = report.status === 'unavailable' ? failures + 1 : 0;
      if (report.status === 'behind') return 0;
    } catch (error) {
      failures += 1;
      options.onError?.(error);
    }
    return failures === 0 ? pollMs : Math.min(pollMs * 2 ** Math.min(failures, 10), BACKOFF_MAX_MS);
  }

  async function run(): Promise<void> {
    while (!stopped) {
      poked = false;
      const waitMs = await once();
      if (stopped || poked) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
  const ended = run();

  return {
    poke: () => {
      poked = true;
      wake();
    },
    stop: () => {
      stopped = true;
      wake();
      return ended;
    },
  };
}
