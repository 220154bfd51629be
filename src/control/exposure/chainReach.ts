import type { Horizon } from './horizon.ts';

/** What of a wallet bounds its executor. Micro-USDC, seconds. */
export type ChainLimits = {
  frozen: boolean;
  validUntilS: number;
  perPayment: bigint;
  perPeriod: bigint;
  periodSeconds: number;
  remainingInPeriod: bigint;
  pendingRaise: { perPayment: bigint; perPeriod: bigint; effectiveAtS: number } | null;
};

/**
 * The most that the wallet contract lets its executor move from now on within the horizon, however much lies there: what is left of
 * this period, and a whole ceiling for each period that begins before the end. A raise that comes into force meanwhile counts.
 */
export function chainReach(limits: ChainLimits, { nowMs, endMs }: Pick<Horizon, 'nowMs' | 'endMs'>): bigint {
  const nowS = Math.floor(nowMs / 1000);
  // The last second in which it can still pay.
  const lastS = Math.min(Math.ceil(endMs / 1000), limits.validUntilS) - 1;
  if (limits.frozen || lastS < nowS) return 0n;
  const raise = limits.pendingRaise;
  const begins = (fromS: number, toS: number): bigint =>
    BigInt(Math.max(0, Math.floor(toS / limits.periodSeconds) - Math.floor(fromS / limits.periodSeconds)));
  if (!raise || raise.effectiveAtS > lastS) {
    return limits.remainingInPeriod + begins(nowS, lastS) * limits.perPeriod;
  }
  // The cut half of a change is in force already, so a pending raise never lowers.
  const more = raise.perPeriod > limits.perPeriod ? raise.perPeriod - limits.perPeriod : 0n;
  const before = begins(nowS, raise.effectiveAtS - 1) * limits.perPeriod;
  const after = begins(raise.effectiveAtS - 1, lastS) * raise.perPeriod;
  const startsThere = raise.effectiveAtS % limits.periodSeconds === 0;
  return limits.remainingInPeriod + before + after + (startsThere ? 0n : more);
}
