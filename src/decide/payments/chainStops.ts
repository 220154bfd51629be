import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { endStop, newStop, openStop, removeStop } from './chainQueries.ts';

/** A final block that the chain no longer has. */
export type ChainStop = { id: bigint; blockNumber: bigint; knownHash: string; toldHash: string; startedAtMs: number };
export type ChainStopEnd = 'agreed' | 'recovered';

const RETRY_AFTER_SECONDS = 30;

/** The stop that is open for the chain, if any: there is at most one. */
export async function readChainStop(tx: ReadTx, chainId: number): Promise<ChainStop | null> {
  const row = await tx.get(openStop, { chain: chainId });
  if (!row) return null;
  return {
    id: row.id,
    blockNumber: row.block_number,
    knownHash: row.known_hash,
    toldHash: row.told_hash,
    startedAtMs: Number(row.started_at),
  };
}

/** Opens a stop, or replaces an open one about another block or hash. False where this very one is open already. */
export async function openChainStop(
  tx: Tx,
  chainId: number,
  found: Pick<ChainStop, 'blockNumber' | 'knownHash' | 'toldHash'>,
  atMs: number,
): Promise<boolean> {
  const open = await readChainStop(tx, chainId);
  if (open && open.blockNumber === found.blockNumber && open.toldHash === found.toldHash) return false;
  if (open) await tx.run(removeStop, { id: open.id });
  await tx.run(newStop, {
    chain: chainId,
    block: found.blockNumber,
    known: found.knownHash,
    told: found.toldHash,
    at: atMs,
  });
  return true;
}

export async function endChainStop(tx: Tx, chainId: number, by: ChainStopEnd, atMs: number): Promise<boolean> {
  return (await tx.run(endStop, { chain: chainId, by, at: atMs })) > 0;
}

export function chainStopError(chainId: number, stop: ChainStop): BursarError {
  return new BursarError('chain_inconsistent', {
    message: `Chain ${chainId} contradicts block ${stop.blockNumber}, which was final; no payment on it is decided until it agrees or is read again.`,
    details: {
      chain: chainId,
      block: stop.blockNumber.toString(),
      known: stop.knownHash,
      told: stop.toldHash,
      retry_after_seconds: RETRY_AFTER_SECONDS,
    },
  });
}

/** Throws `chain_inconsistent` while the chain contradicts what was final: nothing new may rest on its balances. */
export async function refuseWhileStopped(tx: ReadTx, chainId: number): Promise<void> {
  const stop = await readChainStop(tx, chainId);
  if (stop) throw chainStopError(chainId, stop);
}
