import type { Address, Hex } from 'viem';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import { anchorOf, anchorsToNote, newestAnchors, standingAnchor } from './queries.ts';

/** Where an anchor's transaction stands. `failed`: it reverted, or will never be mined. */
export type AnchorState = 'queued' | 'pending' | 'mined' | 'final' | 'failed';
/** An anchor that this server queued, and what became of it. */
export type StoredAnchor = {
  transactionId: bigint;
  size: number;
  root: string;
  registry: Address;
  sender: Address;
  requestedBy: string;
  queuedAtMs: number;
  estimatedGas: bigint;
  estimatedWei: bigint;
  state: AnchorState;
  txHash: Hex | null;
  block: bigint | null;
  gasUsed: bigint | null;
  costWei: bigint | null;
  /** Why it failed. */
  reason: string | null;
};

export type AnchorRow = RowOf<typeof anchorOf>;

/** Newest first; or the one of that transaction. */
export async function anchorsOf(tx: ReadTx, which: { limit: number } | { id: bigint }): Promise<StoredAnchor[]> {
  return ('id' in which ? await tx.all(anchorOf, which) : await tx.all(newestAnchors, which)).map(toAnchor);
}

/** Those whose end is not in the event log yet, the oldest first. */
export async function openAnchors(tx: ReadTx, chainId: number): Promise<StoredAnchor[]> {
  return (await tx.all(anchorsToNote, { chain: chainId })).map(toAnchor);
}

/** The largest that did not fail. */
export async function newestAnchor(tx: ReadTx): Promise<StoredAnchor | null> {
  const row = await tx.get(standingAnchor);
  return row ? toAnchor(row) : null;
}

function toAnchor(row: AnchorRow): StoredAnchor {
  const failed = row.state === 'dropped' || row.succeeded === 0n;
  return {
    transactionId: row.transaction_id,
    size: Number(row.size),
    root: row.root,
    registry: row.registry,
    sender: row.sender,
    requestedBy: row.requested_by,
    queuedAtMs: Number(row.created_at),
    estimatedGas: row.estimated_gas,
    estimatedWei: BigInt(row.estimated_wei),
    state: failed ? 'failed' : (row.state as AnchorState),
    txHash: row.mined_hash,
    block: row.block_number,
    gasUsed: row.gas_used,
    costWei: row.gas_used === null || row.gas_price_wei === null ? null : row.gas_used * BigInt(row.gas_price_wei),
    reason: failed ? (row.drop_detail ?? row.drop_reason ?? 'the transaction reverted') : null,
  };
}
