import type { Inflow } from '../../books/receivables/classify.ts';
import type { Party } from './addressBook.ts';
import type { Pair } from './pairs.ts';

/** The transfer in the form of books/receivables. */
export function inflowOf(
  { transfer, claim }: Pair,
  to: Party,
  { chainId, timestampS }: { chainId: number; timestampS: number },
): Inflow {
  return {
    chainId,
    agentId: to.agentId,
    place: to.place,
    from: transfer.from,
    to: transfer.to,
    amountMicro: transfer.amount,
    txHash: transfer.at.txHash,
    nonce: claim?.type === 'authorization_used' ? claim.nonce : null,
    atMs: timestampS * 1000,
  };
}
