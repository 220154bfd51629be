import type { Address, Hex } from 'viem';
import type { ReadTx } from '../../store/store.ts';

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

export type AnchorRow = {
  transaction_id: bigint;
  size: bigint;
  root: string;
  registry: Address;
  sender: Address;
  requested_by: string;
  estimated_gas: bigint;
  estimated_wei: string;
  created_at: bigint;
  state: 'queued' | 'pending' | 'mined' | 'final' | 'dropped';
  succeeded: bigint | null;
  drop_reason: string | null;
  drop_detail: string | null;
  mined_hash: Hex | null;
  block_number: bigint | null;
  gas_used: bigint | null;
  gas_price_wei: string | null;
};

const SELECT = `SELECT a.transaction_id, a.size, h.root, a.registry, a.sender, a.requested_by, a.estimated_gas, a.estimated_wei,
    t.created_at, t.state, t.succeeded, t.drop_reason, t.drop_detail, t.mined_hash, t.block_number, t.gas_used, t.gas_price_wei
  FROM log_anchors a JOIN log_heads h ON h.size = a.size JOIN transactions t ON t.id = a.transaction_id`;

/** Newest first; or the one of that transaction. */
export function anchorsOf(tx: ReadTx, which: { limit: number } | { id: bigint }): StoredAnchor[] {
  const rows =
    'id' in which
      ? tx.all<AnchorRow>(`${SELECT} WHERE a.transaction_id = ?`, which.id)
      : tx.all<AnchorRow>(`${SELECT} ORDER BY a.transaction_id DESC LIMIT ?`, which.limit);
  return rows.map(toAnchor);
}

/** Those whose end is not in the event log yet, the oldest first. */
export function openAnchors(tx: ReadTx, chainId: number): StoredAnchor[] {
  return tx
    .all<AnchorRow>(`${SELECT} WHERE a.noted = 0 AND t.chain_id = ? ORDER BY a.transaction_id`, chainId)
    .map(toAnchor);
}

/** The largest that did not fail. */
export function newestAnchor(tx: ReadTx): StoredAnchor | null {
  const row = tx.get<AnchorRow>(
    `${SELECT} WHERE t.state <> 'dropped' AND coalesce(t.succeeded, 1) = 1 ORDER BY a.size DESC LIMIT 1`,
  );
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
