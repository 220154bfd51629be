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
 * Holds a segment that ends at the head against `balanceOf` there. Where they differ, the blocks' receipts and then other sources are
 * asked for the logs, and what agrees with the balances is taken. `moved`: books or chain did meanwhile. Compared addresses that
 * differ whatever was asked come back in `wrong`.
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

/** Books at the cursor and the chain's balances after `block`; `moved` where either changed while it was asked. */
async function balancesAfter(
  chain: ChainSource,
  { store, chainId, book }: Where,
  cursor: Cursor,
  block: BlockHeader,
): Promise<Compared[] | 'moved'> {
  const booked = store.read((tx) => (isAt(tx, chainId, cursor) ? bookedBalances(tx, book) : null));
  if (!booked) return 'moved';
  const addresses = booked.map(({ address }) => address);
  const balances = addresses.length === 0 ? [] : ((await chain.balancesOf?.(addresses, block.number)) ?? []);
  if ((await chain.header(block.number))?.hash !== block.hash) return 'moved';
  return booked.map((each, index) => ({ ...each, chain: balances[index] ?? 0n }));
}

/** Where the books at the cursor differ from the chain there. */
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

/** Null where the receipts of one of the blocks cannot be had, or be believed. */
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
    // A witness that does not answer is no witness.
    return null;
  }
}
