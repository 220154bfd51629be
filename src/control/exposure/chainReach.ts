import type { Horizon } from './horizon.ts';

/** The limits of a wallet on its executor. Micro-USDC, seconds. */
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
 * The most that the wallet contract permits its executor to move within the horizon, regardless of the balance: the rest of this
 * period, and a whole ceiling for each period that begins before the end. A pending raise that takes effect in the horizon counts.
 */
export function chainReach(limits: ChainLimits, { nowMs, endMs }: Pick<Horizon, 'nowMs' | 'endMs'>): bigint {
  const nowS = Math.floor(nowMs / 1000);
  // The last second in which the executor can pay.
  const lastS = Math.min(Math.ceil(endMs / 1000), limits.validUntilS) - 1;
  if (limits.frozen || lastS < nowS) return 0n;
  const raise = limits.pendingRaise;
  const begins = (fromS: number, toS: number): bigint =>
    BigInt(Math.max(0, Math.floor(toS / limits.periodSeconds) - Math.floor(fromS / limits.periodSeconds)));
  if (!raise || raise.effectiveAtS > lastS) {
    return limits.remainingInPeriod + begins(nowS, lastS) * limits.perPeriod;
  }
  // The reductions of a pending change are in force already, so it can only raise a ceiling.
  const more = raise.perPeriod > limits.perPeriod ? raise.perPeriod - limits.perPeriod : 0n;
  const before = begins(nowS, raise.effectiveAtS - 1) * limits.perPeriod;
  const after = begins(raise.effectiveAtS - 1, lastS) * raise.perPeriod;
  const startsThere = raise.effectiveAtS % limits.periodSeconds === 0;
  return limits.remainingInPeriod + before + after + (startsThere ? 0n : more);
}
