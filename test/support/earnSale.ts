import type { Address } from 'viem';
import { findReceivable } from '../../src/books/receivables/readReceivables.ts';
import { finalizeReceivable, recordInflow } from '../../src/books/receivables/record.ts';
import type { ReceivableId } from '../../src/core/ids/ids.ts';
import type { Agent } from '../../src/decide/identity/identity.ts';
import type { Tx } from '../../src/store/store.ts';

/** A sale of 5 USDC, final: what an agent can refund. */
export async function earnSale(tx: Tx, agent: Agent, payer: Address): Promise<ReceivableId> {
  const txHash = `0x${'7'.repeat(64)}` as const;
  const id = await recordInflow(
    tx,
    {
      ...{ chainId: 31_337, agentId: agent.id, place: 'wallet', from: payer, to: agent.wallet?.address ?? '' },
      ...{ amountMicro: 5_000_000n, txHash, nonce: null, atMs: 0 },
    },
    { kind: 'x402_sale', invoiceId: null, invoiceBy: null, saleNonce: null },
    { log: { blockNumber: 1n, blockHash: txHash, txHash, logIndex: 0 }, paymentId: null, atMs: 0 },
  );
  const made = await findReceivable(tx, id);
  if (made) await finalizeReceivable(tx, made);
  return id;
}
