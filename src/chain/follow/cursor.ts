import type { Hex } from 'viem';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { BlockHeader } from '../node/source.ts';
import { addBlock, blockAt, firstBlock, keptBlocks, lastBlock } from './queries.ts';

/** A block that the follower has applied. */
export type Cursor = { number: bigint; hash: Hex; timestampS: number };

type Row = RowOf<typeof lastBlock>;
const toCursor = (row: Row): Cursor => ({
  number: row.number,
  hash: row.hash,
  timestampS: Number(row.timestamp_s),
});

/** The newest applied block; the books show the state after it. */
export function readCursor(tx: ReadTx, chainId: number): Cursor | null {
  const row = tx.get(lastBlock, { chain: chainId });
  return row ? toCursor(row) : null;
}

/** The newest applied block that is final: the oldest that is kept. */
export function readAnchor(tx: ReadTx, chainId: number): Cursor | null {
  const row = tx.get(firstBlock, { chain: chainId });
  return row ? toCursor(row) : null;
}

export function readBlock(tx: ReadTx, chainId: number, number: bigint): Cursor | null {
  const row = tx.get(blockAt, { chain: chainId, number });
  return row ? toCursor(row) : null;
}

/** All kept blocks, newest first. */
export function readBlocks(tx: ReadTx, chainId: number): Cursor[] {
  return tx.all(keptBlocks, { chain: chainId }).map(toCursor);
}

export function insertBlock(tx: Tx, chainId: number, header: BlockHeader): void {
  tx.run(addBlock, {
    chain: chainId,
    number: header.number,
    hash: header.hash,
    parent: header.parentHash,
    time: header.timestampS,
  });
}

/** Tells whether the books are unchanged since the chain was asked. */
export function isAt(tx: ReadTx, chainId: number, cursor: Pick<Cursor, 'number' | 'hash'>): boolean {
  const now = readCursor(tx, chainId);
  return now !== null && now.number === cursor.number && now.hash === cursor.hash;
}
