import type { Hex } from 'viem';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { BlockHeader } from '../node/source.ts';

/** A block the follower has applied. */
export type Cursor = { number: bigint; hash: Hex; timestampS: number };

type Row = { number: bigint; hash: Hex; timestamp_s: bigint };
const toCursor = (row: Row): Cursor => ({
  number: row.number,
  hash: row.hash,
  timestampS: Number(row.timestamp_s),
});
const columns = 'SELECT number, hash, timestamp_s FROM blocks WHERE chain_id = ?';

/** The newest block applied; what the books show is the state after it. */
export function readCursor(tx: ReadTx, chainId: number): Cursor | null {
  const row = tx.get<Row>(`${columns} ORDER BY number DESC LIMIT 1`, chainId);
  return row ? toCursor(row) : null;
}

/** The newest final block applied: the oldest that is kept. */
export function readAnchor(tx: ReadTx, chainId: number): Cursor | null {
  const row = tx.get<Row>(`${columns} ORDER BY number LIMIT 1`, chainId);
  return row ? toCursor(row) : null;
}

export function readBlock(tx: ReadTx, chainId: number, number: bigint): Cursor | null {
  const row = tx.get<Row>(`${columns} AND number = ?`, chainId, number);
  return row ? toCursor(row) : null;
}

/** All kept blocks, newest first. */
export function readBlocks(tx: ReadTx, chainId: number): Cursor[] {
  return tx.all<Row>(`${columns} ORDER BY number DESC`, chainId).map(toCursor);
}

export function insertBlock(tx: Tx, chainId: number, header: BlockHeader): void {
  tx.run(
    'INSERT INTO blocks (chain_id, number, hash, parent_hash, timestamp_s) VALUES (?, ?, ?, ?, ?)',
    chainId,
    header.number,
    header.hash,
    header.parentHash,
    header.timestampS,
  );
}

/** Whether the books still stand where they stood when the chain was asked. */
export function isAt(tx: ReadTx, chainId: number, cursor: Pick<Cursor, 'number' | 'hash'>): boolean {
  const now = readCursor(tx, chainId);
  return now !== null && now.number === cursor.number && now.hash === cursor.hash;
}
