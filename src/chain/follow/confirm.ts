import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx } from '../../store/store.ts';
import { type AddressBook, watchedBook } from '../match/addressBook.ts';
import { agreeing, differencesAt } from './agree.ts';
import { type Compared, differencesView, markChecked, readChecked } from './balances.ts';
import { type Cursor, isAt } from './cursor.ts';
import { contradiction } from './doubts.ts';
import type { Following } from './following.ts';
import type { Segment } from './gather.ts';
import { heal, unsettledBlock } from './heal.ts';

export type Confirming = Following & { meters: (tx: ReadTx) => Promise<MeterDeclarations> };
/**
 * `agrees`: books and chain are equal after the segment. Otherwise only the segment itself adds up, and the difference is older.
 */
export type Confirmed = { segment: Segment; agrees: boolean } | 'moved' | 'healed';

/**
 * Accepts a segment that ends at the head once it adds up to the balances there. An older difference is searched for in blocks that
 * were already applied. Throws `chain_inconsistent` while the segment itself does not add up.
 */
export async function confirmSegment(
  following: Confirming,
  book: AddressBook,
  cursor: Cursor,
  gathered: Segment,
): Promise<Confirmed> {
  const { store, chainId, chain } = following;
  const where = { store, chainId, book };
  const agreed = await agreeing(following, where, cursor, gathered);
  if (agreed === 'moved') return 'moved';
  const { segment, wrong } = agreed;
  if (wrong.length === 0) return { segment, agrees: true };
  const before = await differencesAt(chain, where, cursor).catch(() => null);
  if (before === 'moved') return 'moved';
  if (before?.length !== 0 && (await healed(following, cursor, await firstUnchecked(following, cursor))))
    return 'healed';
  if (before && addsUp(before, wrong)) return { segment, agrees: false };
  throw balancesDiffer(wrong, gathered.read.at(-1)?.number ?? cursor.number);
}

/** Books and chain differ by the same amounts before and after the segment, so the segment itself is right. */
function addsUp(before: readonly Compared[], after: readonly Compared[]): boolean {
  const apart = (all: readonly Compared[]) => new Map(all.map(({ address, books, chain }) => [address, chain - books]));
  const [first, then] = [apart(before), apart(after)];
  return [...new Set([...first.keys(), ...then.keys()])].every((address) => first.get(address) === then.get(address));
}

/**
 * Compares the books with the chain at the cursor: after a start, and when a receipt of ours has a log that was never delivered.
 * Returns the error to report to people, `healed`, or null if all agrees.
 */
export async function audit(
  following: Confirming,
  cursor: Cursor,
  isCompared: boolean,
): Promise<BursarError | 'healed' | 'moved' | null> {
  const { store, chainId, chain } = following;
  const missed = await store.read((tx) => unsettledBlock(tx, chainId, cursor));
  if (missed !== null) {
    if (await healed(following, cursor, missed)) return 'healed';
    const message = `A transaction of ours is in block ${missed}, and the RPC has no log of it.`;
    return contradiction('receipt_without_log', message, { block: missed.toString() });
  }
  if (!chain.balancesOf || isCompared) return null;
  const book = await store.read((tx) => watchedBook(tx, chainId));
  const wrong = await differencesAt(chain, { store, chainId, book }, cursor);
  if (wrong === 'moved') return 'moved';
  if (wrong.length > 0) {
    if (await healed(following, cursor, await firstUnchecked(following, cursor))) return 'healed';
    return balancesDiffer(wrong, cursor.number);
  }
  await store.write(async (tx) =>
    (await isAt(tx, chainId, cursor)) ? await markChecked(tx, chainId, cursor.number) : undefined,
  );
  return null;
}

/** Blocks that cannot be read again yet are searched at the next step. */
async function healed(following: Confirming, cursor: Cursor, from: bigint): Promise<boolean> {
  return heal(following, cursor, from).catch((error: unknown) => {
    if (error instanceof BursarError) return false;
    throw error;
  });
}

/** The block to read again from: the one after the last agreement, or the first if there was none. */
async function firstUnchecked({ store, chainId }: Following, cursor: Cursor): Promise<bigint> {
  const checked = await store.read((tx) => readChecked(tx, chainId));
  return checked === null || checked >= cursor.number ? 1n : checked + 1n;
}

function balancesDiffer(wrong: readonly Compared[], block: bigint): BursarError {
  return contradiction(
    'balances',
    `The logs up to block ${block} do not add up to the balances there: one is missing or too many.`,
    { block: block.toString(), addresses: differencesView(wrong) },
  );
}
