import { BursarError } from '../../core/errors/base.ts';
import type { BlockHeader, ChainSource } from '../node/source.ts';
import { type Cursor, insertBlock, readBlock, readBlocks, readCursor } from './cursor.ts';
import { contradiction } from './doubts.ts';
import type { Following } from './following.ts';
import { rollBack } from './rollBack.ts';
import { noteFinalGone } from './stops.ts';

/** Returns the block at which the books begin, once the announced head exists. Null: not yet. */
export async function beginAt(
  { store, chainId, chain }: Following,
  number: bigint | null,
  head: BlockHeader,
): Promise<Cursor | null> {
  if (number === null || (await chain.header(head.number))?.hash !== head.hash) return null;
  const header = await chain.header(number);
  if (!header) return null;
  await store.write(async (tx) => {
    if (!(await readCursor(tx, chainId))) await insertBlock(tx, chainId, header);
  });
  return store.read((tx) => readCursor(tx, chainId));
}

/** Compares the head with the cursor. `behind`: the node lacks blocks that it announced, or that are known here. */
export async function compareBranches(
  { store, chainId, chain, witnesses }: Following,
  cursor: Cursor,
  head: BlockHeader,
): Promise<'same' | 'forked' | 'behind'> {
  if (head.number > cursor.number) {
    const next = await chain.header(cursor.number + 1n);
    if (!next) return 'behind';
    if (next.parentHash !== cursor.hash) return 'forked';
    // The node announced the head but does not have it by its number.
    if ((await chain.header(head.number))?.hash !== head.hash) return 'behind';
    await refuseOtherBranch(witnesses, head);
    return 'same';
  }
  if (head.number === cursor.number) return head.hash === cursor.hash ? 'same' : 'forked';
  const known = await store.read((tx) => readBlock(tx, chainId, head.number));
  if (known) return known.hash === head.hash ? 'behind' : 'forked';
  const message = `The RPC is at block ${head.number}, below what is final here: it is syncing, or its chain was made again.`;
  throw new BursarError('chain_unavailable', { message });
}

/**
 * Undoes blocks down to the newest one that is still on the chain. `stopped`: a final block was replaced, and a person must look at
 * it.
 */
export async function goBack(following: Following, cursor: Cursor): Promise<Cursor | 'stopped' | null> {
  const { store, chainId, chain, clock } = following;
  const kept = await store.read((tx) => readBlocks(tx, chainId));
  for (const block of kept) {
    const header = await chain.header(block.number);
    if (header?.hash === block.hash) {
      // It is the cursor itself if the node returned to the earlier branch.
      if (block.number === cursor.number) return null;
      const undone = await store.write((tx) => rollBack(tx, chainId, { from: cursor, to: block }, clock()));
      return undone === null ? null : block;
    }
    if (header && block === kept.at(-1)) {
      await noteFinalGone(following, block, header);
      return 'stopped';
    }
  }
  return null;
}

/** Two sources report different blocks at one height: one of them is wrong, or they will agree soon. */
async function refuseOtherBranch(witnesses: readonly ChainSource[], head: BlockHeader): Promise<void> {
  for (const witness of witnesses) {
    // A source that does not answer, or is behind, is left out.
    const other = await witness.header(head.number).catch(() => null);
    if (other && other.hash !== head.hash) {
      throw contradiction('sources_disagree', `Two RPCs have different blocks ${head.number}.`, {
        block: head.number.toString(),
        hashes: [head.hash, other.hash],
      });
    }
  }
}
