/** EIP-1559 fees, in wei per gas. */
export type Fees = { maxFee: bigint; maxPriorityFee: bigint };
/** The current fees of the chain. */
export type FeeMarket = { baseFee: bigint; priorityFee: bigint };
/** The highest fees that we pay, whatever the chain or its RPC asks. */
export type FeeCaps = { maxFee: bigint; maxPriorityFee: bigint };

const GWEI = 1_000_000_000n;
export const DEFAULT_FEE_CAPS: FeeCaps = { maxFee: 300n * GWEI, maxPriorityFee: 50n * GWEI };

/**
 * Fees of a first attempt, within the caps, so that the base fee may double (six full blocks, EIP-1559). Null if the base fee
 * alone is above the cap: then it waits.
 */
export function firstFees(market: FeeMarket, caps: FeeCaps): Fees | null {
  const maxPriorityFee = least(market.priorityFee, caps.maxPriorityFee);
  if (market.baseFee + maxPriorityFee > caps.maxFee) return null;
  return { maxFee: least(2n * market.baseFee + maxPriorityFee, caps.maxFee), maxPriorityFee };
}

/**
 * Fees of a replacement: those of a new attempt, and at least an eighth above the earlier ones in both fields, since nodes refuse
 * less (geth requires 10 %). Null above a cap: the earlier attempt stays.
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

/** An eighth more, rounded up, so always higher. */
function raised(fee: bigint): bigint {
  return fee + (fee + 7n) / 8n + (fee === 0n ? 1n : 0n);
}
function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
