import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type AddressBook, watchedBook } from '../match/addressBook.ts';
import { agreeing, differencesAt } from './agree.ts';
import { type Compared, differencesView, markChecked, readChecked } from './balances.ts';
import { type Cursor, isAt } from './cursor.ts';
import { contradiction } from './doubts.ts';
import type { Following } from './following.ts';
import type { Segment } from './gather.ts';
import { heal, unsettledBlock } from './heal.ts';

export type Confirming = Following & { meters: () => MeterDeclarations };
/** `agrees`: books and chain are equal after the segment; else only the segment itself adds up, and what differs is older. */
export type Confirmed = { segment: Segment; agrees: boolean } | 'moved' | 'healed';

/**
 * A segment that ends at the head, once it adds up to the balances there. What differed before it is looked for in blocks that were
 * applied unseen. Throws `chain_inconsistent` while the segment itself does not add up.
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
  if (before?.length !== 0 && (await healed(following, cursor, firstUnchecked(following, cursor)))) return 'healed';
  if (before && addsUp(before, wrong)) return { segment, agrees: false };
  throw balancesDiffer(wrong, gathered.read.at(-1)?.number ?? cursor.number);
}

/** Books and chain are apart by the same amounts before and after: the segment itself is right. */
function addsUp(before: readonly Compared[], after: readonly Compared[]): boolean {
  const apart = (all: readonly Compared[]) => new Map(all.map(({ address, books, chain }) => [address, chain - books]));
  const [first, then] = [apart(before), apart(after)];
  return [...new Set([...first.keys(), ...then.keys()])].every((address) => first.get(address) === then.get(address));
}

/**
 * The books against the chain at the cursor: after a start, and where a receipt of ours tells of a log that never came. Gives the error
 * that people are told of, `healed`, or null when all agrees.
 */
export async function audit(
  following: Confirming,
  cursor: Cursor,
  isCompared: boolean,
): Promise<BursarError | 'healed' | 'moved' | null> {
  const { store, chainId, chain } = following;
  const missed = store.read((tx) => unsettledBlock(tx, chainId, cursor));
  if (missed !== null) {
    if (await healed(following, cursor, missed)) return 'healed';
    const message = `A transaction of ours is in block ${missed}, and the RPC has no log of it.`;
    return contradiction('receipt_without_log', message, { block: missed.toString() });
  }
  if (!chain.balancesOf || isCompared) return null;
  const book = store.read((tx) => watchedBook(tx, chainId));
  const wrong = await differencesAt(chain, { store, chainId, book }, cursor);
  if (wrong === 'moved') return 'moved';
  if (wrong.length > 0) {
    if (await healed(following, cursor, firstUnchecked(following, cursor))) return 'healed';
    return balancesDiffer(wrong, cursor.number);
  }
  await store.write((tx) => (isAt(tx, chainId, cursor) ? markChecked(tx, chainId, cursor.number) : undefined));
  return null;
}

/** What cannot be read again yet is looked for at the next step. */
async function healed(following: Confirming, cursor: Cursor, from: bigint): Promise<boolean> {
  return heal(following, cursor, from).catch((error: unknown) => {
    if (error instanceof BursarError) return false;
    throw error;
  });
}

/** Where to read again: after the last block at which all agreed, or all of it where that says nothing. */
function firstUnchecked({ store, chainId }: Following, cursor: Cursor): bigint {
  const checked = store.read((tx) => readChecked(tx, chainId));
  return checked === null || checked >= cursor.number ? 1n : checked + 1n;
}

function balancesDiffer(wrong: readonly Compared[], block: bigint): BursarError {
  return contradiction(
    'balances',
    `The logs up to block ${block} do not add up to the balances there: one is missing or too many.`,
    { block: block.toString(), addresses: differencesView(wrong) },
  );
}
