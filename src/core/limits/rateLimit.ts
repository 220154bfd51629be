/**
 * A token bucket per caller: `burst` tokens, refilled by `perSecond`. Memory is bounded: the caller that was idle longest is
 * dropped.
 */
export type RateLimit = {
  /** Returns 0 when the request may pass, else the seconds to wait. `cost`: tokens, 1 for an ordinary request. */
  take(caller: string, nowMs: number, cost?: number): number;
  /** Charges the real cost of a request that was already done, so the bucket may go below zero. */
  owe(caller: string, nowMs: number, cost: number): void;
};

const CALLERS_MAX = 10_000;

export function rateLimit(options: { perSecond: number; burst: number }): RateLimit {
  const { perSecond, burst } = options;
  const buckets = new Map<string, { left: number; atMs: number }>();

  const leftOf = (caller: string, nowMs: number): number => {
    const before = buckets.get(caller) ?? { left: burst, atMs: nowMs };
    return Math.min(burst, before.left + (Math.max(0, nowMs - before.atMs) / 1_000) * perSecond);
  };
  const put = (caller: string, left: number, atMs: number): void => {
    buckets.delete(caller);
    buckets.set(caller, { left, atMs });
    if (buckets.size > CALLERS_MAX) buckets.delete(buckets.keys().next().value as string);
  };
  return {
    take: (caller, nowMs, cost = 1) => {
      const left = leftOf(caller, nowMs);
      const passes = left >= cost;
      put(caller, passes ? left - cost : left, nowMs);
      return passes ? 0 : Math.ceil((cost - left) / perSecond);
    },
    owe: (caller, nowMs, cost) => put(caller, Math.max(-burst, leftOf(caller, nowMs) - cost), nowMs),
  };
}
