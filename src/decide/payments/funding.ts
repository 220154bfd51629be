import type { Funding } from './answer.ts';

/** `short`: by how much there is too little, in micro-USDC. */
type Found = Funding | { short: bigint };

export function walletFunding(available: bigint, amount: bigint): Found {
  return available >= amount ? { holdNow: amount, topUp: 0n } : { short: amount - available };
}

/**
 * The purse pays if it has enough. If not, the wallet tops it up, to the float target where it can: never with less than the amount
 * that is missing, so that the purchase is covered by what the top-up brings plus what it holds already.
 */
export function purseFunding(
  { available, purse }: { available: bigint; purse: bigint },
  amount: bigint,
  floatTarget: bigint,
): Found {
  if (purse >= amount) return { holdNow: amount, topUp: 0n };
  const free = purse > 0n ? purse : 0n;
  const missing = amount - free;
  if (available < missing) return { short: missing - available };
  const wanted = larger(amount, floatTarget);
  const topUp = wanted > available ? available : wanted;
  return { topUp, holdNow: larger(amount - topUp, 0n) };
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
