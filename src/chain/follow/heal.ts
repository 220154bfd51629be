import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import { watchedBook } from '../match/addressBook.ts';
import type { ChainSource } from '../node/source.ts';
import { transfersOf } from './agree.ts';
import { bookedBalances, markChecked, netOf } from './balances.ts';
import { type Cursor, isAt, readBlock } from './cursor.ts';
import { bookDifference, differenceOf, noteReread, readAgain } from './reread.ts';
import { oldestUnsettled } from './waitingQueries.ts';

/** Blocks read again in one go: the newest, where more are in doubt. */
const HEAL_MAX = 5_000n;

export type Healing = {
  store: Store;
  chainId: number;
  chain: ChainSource;
  clock: () => number;
  meters: () => MeterDeclarations;
};

/**
 * Reads blocks that were applied once more and books the logs that were missed. Nothing is undone, and nothing is booked unless books
 * and chain agree afterwards on every address. True when something was booked.
 */
export async function heal(
  { store, chainId, chain, clock, meters }: Healing,
  cursor: Cursor,
  from: bigint,
): Promise<boolean> {
  const first = [from, cursor.number - HEAL_MAX, 1n].reduce((a, b) => (a > b ? a : b));
  if (first > cursor.number) return false;
  const book = store.read((tx) => watchedBook(tx, chainId));
  const reading = await readAgain(chain, book, first, cursor.number);
  if (!reading || reading.read.at(-1)?.hash !== cursor.hash) return false;
  const addresses = [...book.scope.wallets, ...book.scope.purses];
  // A node that has dropped that state cannot say; the header and the receipts of those blocks still do.
  const balances = await chain.balancesOf?.(addresses, cursor.number).catch(() => null);
  return store.write((tx) => {
    if (!isAt(tx, chainId, cursor)) return false;
    const { missing } = differenceOf(tx, chainId, book, reading);
    if (missing.length === 0) return false;
    const transfers = transfersOf(missing);
    const agrees = bookedBalances(tx, book).every(
      ({ address, books }, index) => !balances || books + netOf(address, transfers) === balances[index],
    );
    if (!agrees) return false;
    const atMs = clock();
    const difference = { missing, gone: [] };
    bookDifference(tx, difference, { chainId, book, atMs, meters: meters() });
    noteReread(tx, { chainId, from: first, to: cursor }, difference, { actor: 'bursar', atMs });
    if (balances) markChecked(tx, chainId, cursor.number);
    return true;
  });
}

/**
 * The oldest block in which a transaction of ours was mined with success, by its receipt, and whose log never came: its payments
 * still wait. Null where there is none.
 */
export function unsettledBlock(tx: ReadTx, chainId: number, cursor: Cursor): bigint | null {
  const row = tx.get(oldestUnsettled, { chain: chainId, upTo: cursor.number });
  if (row?.block == null) return null;
  const known = readBlock(tx, chainId, row.block);
  return known && known.hash !== row.hash ? null : row.block;
}
