import type { Store } from '../../store/store.ts';
import type { AddressBook } from '../match/addressBook.ts';
import type { TransferFact } from '../match/facts.ts';
import type { BlockHeader, ChainLog, ChainSource } from '../node/source.ts';
import { bookedBalances, type Compared, differing, netOf } from './balances.ts';
import { type Cursor, isAt } from './cursor.ts';
import { factsByBlock, type Segment } from './gather.ts';

export type Sources = { chain: ChainSource; witnesses: readonly ChainSource[] };
type Where = { store: Store; chainId: number; book: AddressBook };

/**
 * Compares a segment that ends at the head with `balanceOf` there. If they differ, it reads the logs again from the blocks'
 * receipts and then from other sources, and takes the logs that agree with the balances. `moved`: the books or the chain changed
 * meanwhile. `wrong`: addresses that differ with every source.
 */
export async function agreeing(
  { chain, witnesses }: Sources,
  where: Where,
  cursor: Cursor,
  segment: Segment,
): Promise<{ segment: Segment; wrong: Compared[] } | 'moved'> {
  const last = segment.headers.at(-1);
  if (!chain.balancesOf || !last) return { segment, wrong: [] };
  const actual = await balancesAfter(chain, where, cursor, last);
  if (actual === 'moved') return 'moved';
  const wrongIn = (some: Segment): Compared[] => differing(withTransfers(actual, some));
  const wrong = wrongIn(segment);
  if (wrong.length === 0) return { segment, wrong };
  const others = [
    () => allReceipts(chain, segment),
    ...witnesses.map((witness) => () => allLogs(witness, where, segment)),
  ];
  for (const ask of others) {
    const logs = await ask();
    if (!logs) continue;
    const other = { ...segment, blocks: factsByBlock(chain, where.book, segment.read, logs) };
    if (wrongIn(other).length === 0) return { segment: other, wrong: [] };
  }
  return { segment, wrong };
}

/** Reads the books at the cursor and the chain's balances after `block`; `moved` if either changed while reading. */
async function balancesAfter(
  chain: ChainSource,
  { store, chainId, book }: Where,
  cursor: Cursor,
  block: BlockHeader,
): Promise<Compared[] | 'moved'> {
  const booked = await store.read(async (tx) =>
    (await isAt(tx, chainId, cursor)) ? await bookedBalances(tx, book) : null,
  );
  if (!booked) return 'moved';
  const addresses = booked.map(({ address }) => address);
  const balances = addresses.length === 0 ? [] : ((await chain.balancesOf?.(addresses, block.number)) ?? []);
  if ((await chain.header(block.number))?.hash !== block.hash) return 'moved';
  return booked.map((each, index) => ({ ...each, chain: balances[index] ?? 0n }));
}

/** The addresses at which the books at the cursor differ from the chain. */
export async function differencesAt(chain: ChainSource, where: Where, cursor: Cursor): Promise<Compared[] | 'moved'> {
  const block = { ...cursor, parentHash: cursor.hash };
  const compared = await balancesAfter(chain, where, cursor, block);
  return compared === 'moved' ? 'moved' : differing(compared);
}

export function transfersOf(blocks: Segment['blocks']): TransferFact[] {
  return blocks.flatMap(({ facts }) => facts.filter((fact) => fact.type === 'transfer'));
}

function withTransfers(all: readonly Compared[], { blocks }: Segment): Compared[] {
  const transfers = transfersOf(blocks);
  return all.map((each) => ({ ...each, books: each.books + netOf(each.address, transfers) }));
}

/** Null if the receipts of a block cannot be read, or are not plausible. */
async function allReceipts(chain: ChainSource, { read: headers }: Segment): Promise<ChainLog[] | null> {
  const logs = await Promise.all(headers.map((header) => chain.receiptLogs?.(header) ?? null));
  return logs.some((each) => each === null) ? null : logs.flatMap((each) => each ?? []);
}

async function allLogs(witness: ChainSource, { book }: Where, { read: headers }: Segment): Promise<ChainLog[] | null> {
  try {
    const logs = await Promise.all(headers.map(({ hash }) => witness.logs({ blockHash: hash }, book.scope)));
    const hashes = new Set(headers.map(({ hash }) => hash));
    return logs.flat().every(({ blockHash }) => hashes.has(blockHash)) ? logs.flat() : null;
  } catch {
    // A witness that does not answer is left out.
    return null;
  }
}
