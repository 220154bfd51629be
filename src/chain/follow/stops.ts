import { raiseAlert } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { type ChainStopEnd, endChainStop, openChainStop } from '../../decide/payments/chainStops.ts';
import type { Tx } from '../../store/store.ts';
import type { BlockHeader } from '../node/source.ts';
import type { Cursor } from './cursor.ts';
import type { Following } from './following.ts';
import { resolveInconsistency } from './waitingQueries.ts';

/** A final block was replaced on the chain: each occurrence raises its own alert and stops the gate. */
export async function noteFinalGone(
  { store, chainId, clock }: Following,
  known: Cursor,
  told: BlockHeader,
): Promise<void> {
  const atMs = clock();
  await store.write(async (tx) => {
    const found = { blockNumber: known.number, knownHash: known.hash, toldHash: told.hash };
    if (!(await openChainStop(tx, chainId, found, atMs))) return;
    await closeStopAlerts(tx, chainId, atMs);
    const data = {
      chain: chainId,
      message: `Block ${known.number} was final as ${known.hash}, and the RPC now says ${told.hash}. Payments on this chain are refused until it agrees again, or \`bursar recover --from-block ${known.number}\` has read it again.`,
      block: known.number.toString(),
      known: known.hash,
      told: told.hash,
    };
    await raiseAlert(tx, { type: 'chain_inconsistent', data }, atMs);
  });
}

/** The stop is over: payments are decided again. */
export async function noteStopEnded(tx: Tx, chainId: number, by: ChainStopEnd, atMs: number): Promise<void> {
  if (!(await endChainStop(tx, chainId, by, atMs))) return;
  await closeStopAlerts(tx, chainId, atMs);
  await appendEvent(tx, { type: 'chain.resumed', actor: 'bursar', data: { chain: chainId, by } }, atMs);
}

/** Only the follower's alerts: a sender's alert of the same type has its address as subject. */
async function closeStopAlerts(tx: Tx, chainId: number, atMs: number): Promise<void> {
  await tx.run(resolveInconsistency, { chain: chainId, at: atMs });
}
