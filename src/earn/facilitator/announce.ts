import type { PaymentPayload } from '@x402/core/types';
import { expectSale } from '../../books/receivables/sales.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import type { Tx } from '../../store/store.ts';
import { ownerOfWallet } from './queries.ts';
import type { Terms } from './terms.ts';

/**
 * Announces to the books that a payment to one of our agents will be settled, so that the follower recognises the transfer as a
 * sale. Does nothing for other receivers. Call it before anything can reach the chain.
 */
export async function announce(
  tx: Tx,
  { chainId, terms, payload }: { chainId: number; terms: Terms; payload: PaymentPayload },
  atMs: number,
): Promise<void> {
  const earner = await tx.get(ownerOfWallet, { chain: chainId, address: terms.payTo });
  if (!earner) return;
  await expectSale(
    tx,
    {
      chainId,
      payer: terms.payer,
      nonce: terms.nonce,
      agentId: earner.agent_id as AgentId,
      amount: terms.value,
      resource: resourceOf(payload),
      validBeforeS: terms.validBeforeS,
    },
    atMs,
  );
}

/** As the payer's client repeats it; without the query, which may contain secrets. */
function resourceOf(payload: PaymentPayload): string {
  return (payload.resource?.url ?? 'unnamed').split(/[?#]/)[0] ?? 'unnamed';
}
