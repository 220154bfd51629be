/** Requests per caller: a bucket of `burst` that refills by `perSecond`. Bounded in memory: the stalest caller is forgotten. */
export type RateLimit = {
  /** 0 when the request may pass, else after how many seconds to come again. */
  take(caller: string, nowMs: number): number;
};

const CALLERS_MAX = 10_000;

export function rateLimit(options: { perSecond: number; burst: number }): RateLimit {
  const { perSecond, burst } = options;
  const buckets = new Map<string, { left: number; atMs: number }>();
  return {
    take: (caller, nowMs) => {
      const before = buckets.get(caller) ?? { left: burst, atMs: nowMs };
      const left = Math.min(burst, before.left + (Math.max(0, nowMs - before.atMs) / 1_000) * perSecond);
      buckets.delete(caller);
      buckets.set(caller, { left: left >= 1 ? left - 1 : left, atMs: nowMs });
      if (buckets.size > CALLERS_MAX) buckets.delete(buckets.keys().next().value as string);
      return left >= 1 ? 0 : Math.ceil((1 - left) / perSecond);
    },
  };
}
