import type { ReadTx } from '../../store/store.ts';
import type { BlockHeader, ChainSource } from '../node/source.ts';
import type { Finality } from '../relayer/observation.ts';
import { readBlock, readCursor } from './cursor.ts';
import { contradiction } from './doubts.ts';
import type { Following } from './following.ts';
import { countBlocksFrom } from './queries.ts';

/**
 * Returns how far the node claims finality. It decides how blocks are read, never which are final. Null: no further than before.
 * Throws `chain_inconsistent` for a `finalized` tag ahead of the head.
 */
export async function statedFinal(chain: ChainSource, finality: Finality, head: BlockHeader): Promise<bigint | null> {
  if (finality.kind === 'depth') {
    const depth = BigInt(finality.blocks);
    return head.number > depth ? head.number - depth : 0n;
  }
  const stated = await chain.finalized();
  if (stated !== null && stated > head.number) {
    throw contradiction(
      'finalized_ahead',
      `The RPC says that block ${stated} is final, and that ${head.number} is the newest.`,
      {
        finalized: stated.toString(),
        head: head.number.toString(),
      },
    );
  }
  return stated;
}

/**
 * Returns the newest final block, judged by blocks that were read here and linked by hash. By depth: that many blocks follow it,
 * whatever head was announced. By tag: the block is one of ours, and every source with a tag agrees.
 */
export async function provenFinal(
  { store, chainId, chain, witnesses }: Following,
  finality: Finality,
  stated: bigint | null,
): Promise<bigint | null> {
  if (finality.kind === 'depth') return store.read((tx) => buriedBlock(tx, chainId, finality.blocks));
  if (stated === null) return null;
  let least = stated;
  for (const witness of witnesses) {
    const other = await witness.finalized().catch(() => null);
    if (other !== null && other < least) least = other;
  }
  const known = await store.read((tx) => readBlock(tx, chainId, least));
  if (!known) return null;
  return (await chain.header(least))?.hash === known.hash ? least : null;
}

async function buriedBlock(tx: ReadTx, chainId: number, depth: number): Promise<bigint | null> {
  const cursor = await readCursor(tx, chainId);
  if (!cursor) return null;
  const final = cursor.number - BigInt(depth);
  const row = await tx.get(countBlocksFrom, { chain: chainId, number: final });
  return row?.n === BigInt(depth) + 1n ? final : null;
}
