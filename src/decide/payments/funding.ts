import { agentAccount, balance } from '../../books/ledger/journal.ts';
import type { ReadTx } from '../../store/store.ts';

/**
 * How an amount gets ready to be spent. `topUp`: to move from the wallet to the purse first; `holdNow`: what the payment holds
 * at once; the rest is held when the top-up settles.
 */
export type Funding = { holdNow: bigint; topUp: bigint };

/** Null where the agent has too little. `short` tells by how much (micro-USDC). */
export function walletFunding(tx: ReadTx, agentId: string, amount: bigint): Funding | { short: bigint } {
  const available = balance(tx, agentAccount(agentId, 'available'));
  return available >= amount ? { holdNow: amount, topUp: 0n } : { short: amount - available };
}

/**
 * The purse pays if it has enough. If not, the wallet tops it up, to the float target where it can: never with less than what
 * is missing, so that the purchase is covered by what the top-up brings plus what it holds already.
 */
export function purseFunding(
  tx: ReadTx,
  agentId: string,
  amount: bigint,
  floatTarget: bigint,
): Funding | { short: bigint } {
  const purse = balance(tx, agentAccount(agentId, 'purse'));
  if (purse >= amount) return { holdNow: amount, topUp: 0n };
  const available = balance(tx, agentAccount(agentId, 'available'));
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
