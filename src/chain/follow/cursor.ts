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
export async function readCursor(tx: ReadTx, chainId: number): Promise<Cursor | null> {
  const row = await tx.get(lastBlock, { chain: chainId });
  return row ? toCursor(row) : null;
}

/** The newest applied block that is final: the oldest that is kept. */
export async function readAnchor(tx: ReadTx, chainId: number): Promise<Cursor | null> {
  const row = await tx.get(firstBlock, { chain: chainId });
  return row ? toCursor(row) : null;
}

export async function readBlock(tx: ReadTx, chainId: number, number: bigint): Promise<Cursor | null> {
  const row = await tx.get(blockAt, { chain: chainId, number });
  return row ? toCursor(row) : null;
}

/** All kept blocks, newest first. */
export async function readBlocks(tx: ReadTx, chainId: number): Promise<Cursor[]> {
  return (await tx.all(keptBlocks, { chain: chainId })).map(toCursor);
}

export async function insertBlock(tx: Tx, chainId: number, header: BlockHeader): Promise<void> {
  await tx.run(addBlock, {
    chain: chainId,
    number: header.number,
    hash: header.hash,
    parent: header.parentHash,
    time: header.timestampS,
  });
}

/** Tells whether the books are unchanged since the chain was asked. */
export async function isAt(tx: ReadTx, chainId: number, cursor: Pick<Cursor, 'number' | 'hash'>): Promise<boolean> {
  const now = await readCursor(tx, chainId);
  return now !== null && now.number === cursor.number && now.hash === cursor.hash;
}
