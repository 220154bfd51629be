import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import { watchedBook } from '../match/addressBook.ts';
import type { ChainSource } from '../node/source.ts';
import { transfersOf } from './agree.ts';
import { bookedBalances, markChecked, netOf } from './balances.ts';
import { type Cursor, isAt, readBlock } from './cursor.ts';
import { bookDifference, differenceOf, noteReread, readAgain } from './reread.ts';
import { oldestUnsettled } from './waitingQueries.ts';

/** The number of blocks read again in one step; of more doubtful blocks, the newest. */
const HEAL_MAX = 5_000n;

export type Healing = {
  store: Store;
  chainId: number;
  chain: ChainSource;
  clock: () => number;
  meters: (tx: ReadTx) => Promise<MeterDeclarations>;
};

/**
 * Reads applied blocks again and books the logs that were missed. Nothing is undone, and nothing is booked unless books and chain
 * then agree on every address. True if something was booked.
 */
export async function heal(
  { store, chainId, chain, clock, meters }: Healing,
  cursor: Cursor,
  from: bigint,
): Promise<boolean> {
  const first = [from, cursor.number - HEAL_MAX, 1n].reduce((a, b) => (a > b ? a : b));
  if (first > cursor.number) return false;
  const book = await store.read((tx) => watchedBook(tx, chainId));
  const reading = await readAgain(chain, book, first, cursor.number);
  if (!reading || reading.read.at(-1)?.hash !== cursor.hash) return false;
  const addresses = [...book.scope.wallets, ...book.scope.purses];
  // A node that has dropped that state cannot answer; the header and the receipts of those blocks still can.
  const balances = await chain.balancesOf?.(addresses, cursor.number).catch(() => null);
  return store.write(async (tx) => {
    if (!(await isAt(tx, chainId, cursor))) return false;
    const { missing } = await differenceOf(tx, chainId, book, reading);
    if (missing.length === 0) return false;
    const transfers = transfersOf(missing);
    const agrees = (await bookedBalances(tx, book)).every(
      ({ address, books }, index) => !balances || books + netOf(address, transfers) === balances[index],
    );
    if (!agrees) return false;
    const atMs = clock();
    const difference = { missing, gone: [] };
    await bookDifference(tx, difference, { chainId, book, atMs, meters: await meters(tx) });
    await noteReread(tx, { chainId, from: first, to: cursor }, difference, { actor: 'bursar', atMs });
    if (balances) await markChecked(tx, chainId, cursor.number);
    return true;
  });
}

/**
 * Returns the oldest block in which, by its receipt, a transaction of ours succeeded but whose log was never delivered, so that its
 * payments still wait. Null if there is none.
 */
export async function unsettledBlock(tx: ReadTx, chainId: number, cursor: Cursor): Promise<bigint | null> {
  const row = await tx.get(oldestUnsettled, { chain: chainId, upTo: cursor.number });
  if (row?.block == null) return null;
  const known = await readBlock(tx, chainId, row.block);
  return known && known.hash !== row.hash ? null : row.block;
}
