/**
 * Counts failures per address: after `max` failures in a window, further attempts are refused. Memory is bounded: the address with
 * the oldest failure is dropped.
 */
export type Attempts = {
  /** Returns 0 while the address may fail once more, else the seconds to wait. */
  waitSeconds(address: string, nowMs: number): number;
  failed(address: string, nowMs: number): void;
};

const ADDRESSES_MAX = 10_000;

export function countAttempts(options: { max: number; windowMs: number }): Attempts {
  const { max, windowMs } = options;
  const failures = new Map<string, { count: number; untilMs: number }>();
  const live = (address: string, nowMs: number) => {
    const seen = failures.get(address);
    return seen && seen.untilMs > nowMs ? seen : undefined;
  };
  return {
    waitSeconds: (address, nowMs) => {
      const seen = live(address, nowMs);
      return seen && seen.count >= max ? Math.ceil((seen.untilMs - nowMs) / 1000) : 0;
    },
    failed: (address, nowMs) => {
      const seen = live(address, nowMs) ?? { count: 0, untilMs: nowMs + windowMs };
      failures.delete(address);
      failures.set(address, { count: seen.count + 1, untilMs: seen.untilMs });
      if (failures.size > ADDRESSES_MAX) failures.delete(failures.keys().next().value as string);
    },
  };
}
