/** EIP-1559 fees, in wei per gas. */
export type Fees = { maxFee: bigint; maxPriorityFee: bigint };
/** What the chain asks now. */
export type FeeMarket = { baseFee: bigint; priorityFee: bigint };
/** What we pay at most, whatever the chain or its RPC asks. */
export type FeeCaps = { maxFee: bigint; maxPriorityFee: bigint };

const GWEI = 1_000_000_000n;
export const DEFAULT_FEE_CAPS: FeeCaps = { maxFee: 300n * GWEI, maxPriorityFee: 50n * GWEI };

/**
 * Fees for a first attempt, so that the base fee may double (six full blocks, EIP-1559), within the caps. Null when the
 * base fee alone is above the cap: then it waits.
 */
export function firstFees(market: FeeMarket, caps: FeeCaps): Fees | null {
  const maxPriorityFee = least(market.priorityFee, caps.maxPriorityFee);
  if (market.baseFee + maxPriorityFee > caps.maxFee) return null;
  return { maxFee: least(2n * market.baseFee + maxPriorityFee, caps.maxFee), maxPriorityFee };
}

/**
 * Fees for a replacement under the same nonce: what a new one would pay, and at least an eighth above the one before in both
 * fields, since nodes refuse less (geth asks 10 %). Null when that would pass a cap: the one before stays.
 */
export function replacementFees(before: Fees, market: FeeMarket, caps: FeeCaps): Fees | null {
  const fresh = firstFees(market, caps);
  const fees = {
    maxFee: most(raised(before.maxFee), fresh?.maxFee ?? 0n),
    maxPriorityFee: most(raised(before.maxPriorityFee), fresh?.maxPriorityFee ?? 0n),
  };
  if (fees.maxFee > caps.maxFee || fees.maxPriorityFee > caps.maxPriorityFee) return null;
  return fees;
}

/** One eighth more, rounded up, and never the same. */
function raised(fee: bigint): bigint {
  return fee + (fee + 7n) / 8n + (fee === 0n ? 1n : 0n);
}
function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
