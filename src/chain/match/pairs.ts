import type { AuthorizationFact, ExecutedFact, Fact, TransferFact, WithdrawnFact } from './facts.ts';

/** A log that announces a transfer. */
export type Claim = ExecutedFact | WithdrawnFact | (AuthorizationFact & { type: 'authorization_used' });
export type Pair = { transfer: TransferFact; claim: Claim | null };

/**
 * Pairs each transfer with the log that announces it. AgentWallet emits PaymentExecuted and Withdrawn, and USDC AuthorizationUsed,
 * directly before the Transfer that follows, so only the neighbour counts: equal payments in a batch cannot be confused, and no
 * other event of the transaction explains an outflow. `unused`: announcements without a transfer. Facts of one block, in order.
 */
export function pairClaims(facts: readonly Fact[]): { pairs: Pair[]; unused: Claim[] } {
  const pairs: Pair[] = [];
  const unused: Claim[] = [];
  let before: Claim | null = null;
  for (const fact of facts) {
    if (fact.type === 'transfer') {
      const claim: Claim | null = before && announces(before, fact) ? before : null;
      if (before && !claim) unused.push(before);
      pairs.push({ transfer: fact, claim });
      before = null;
      continue;
    }
    if (before) unused.push(before);
    before = isClaim(fact) ? fact : null;
  }
  if (before) unused.push(before);
  return { pairs, unused };
}

function announces(claim: Claim, transfer: TransferFact): boolean {
  const next = claim.at.txHash === transfer.at.txHash && claim.at.logIndex + 1 === transfer.at.logIndex;
  if (!next) return false;
  if (claim.type === 'authorization_used') return claim.purse === transfer.from;
  const to = claim.type === 'executed' ? claim.payee : claim.to;
  return claim.wallet === transfer.from && to === transfer.to && claim.amount === transfer.amount;
}

function isClaim(fact: Fact): fact is Claim {
  return fact.type === 'executed' || fact.type === 'withdrawn' || fact.type === 'authorization_used';
}
