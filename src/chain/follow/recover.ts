import type { Address } from 'viem';
import { externalAccount, post } from '../../books/ledger/journal.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { type AddressBook, watchedBook } from '../match/addressBook.ts';
import { reopenTransactions } from '../relayer/transactions.ts';
import { transfersOf } from './agree.ts';
import { bookedBalances, markChecked, netOf } from './balances.ts';
import { type Cursor, insertBlock, isAt, readBlock, readCursor } from './cursor.ts';
import { contradiction } from './doubts.ts';
import type { Following } from './following.ts';
import { blocksOfTransfers, forgetBlocks, forgetCancellations, lowerWatched } from './queries.ts';
import {
  bookDifference,
  type Difference,
  differenceOf,
  followedSince,
  noteReread,
  type Reading,
  readAgain,
} from './reread.ts';
import { noteStopEnded } from './stops.ts';

/** The balance of an address in the books, in the books after the difference, and on chain. Micro-USDC. */
export type RecoveredBalance = {
  address: Address;
  agentId: string;
  before: bigint;
  after: bigint;
  chain: bigint;
  /** Its opening balance was taken in one of the blocks that are read again. */
  openedSince: boolean;
};
export type Recovery = {
  fromBlock: bigint;
  toBlock: bigint;
  difference: Difference;
  /** Only addresses whose balance changes, or would still differ. */
  balances: RecoveredBalance[];
  /** Transactions of ours that wait to be mined again. */
  reopened: number;
  /** Identifies this difference, so that exactly the one that was shown is booked. */
  digest: string;
  booked: boolean;
};
export type RequestedRecovery = {
  fromBlock: bigint;
  /** Null: only show the difference. Otherwise the digest of the difference that was shown. */
  book: string | null;
  actor: string;
};

/** The number of headers kept behind the new cursor: how far a later reorg can be undone. */
const KEPT_MAX = 2_000;
/** The number of blocks with transfers below the first one that are checked for an earlier reorg. */
const LOOKED_BELOW = 5;

type Prepared = {
  reading: Reading;
  difference: Difference;
  balances: RecoveredBalance[];
  digest: string;
  book: AddressBook;
};

/**
 * Reads the chain again from a block on, final blocks included, and shows how the books differ. With the digest of that result it
 * books the difference: missing transfers are added, transfers that are no longer on chain are undone, and their payments wait to
 * be mined again. Throws `invalid_request`, `conflict` if the difference has changed, `chain_inconsistent` if books and chain would
 * still differ.
 */
export async function recoverFrom(
  following: Following & { meters: (tx: ReadTx) => Promise<MeterDeclarations> },
  requested: RequestedRecovery,
): Promise<Recovery> {
  const { store, chainId, clock } = following;
  const cursor = await store.read((tx) => readCursor(tx, chainId));
  if (!cursor) throw new BursarError('invalid_request', { message: 'No block has been applied yet.' });
  const prepared = await prepare(following, cursor, requested.fromBlock);
  const { difference, balances, digest, reading } = prepared;
  const to = reading.read.at(-1) ?? reading.before;
  const answer = {
    fromBlock: requested.fromBlock,
    toBlock: to.number,
    difference,
    balances,
    digest,
    reopened: 0,
    booked: false,
  };
  if (requested.book === null) return answer;
  if (requested.book !== digest) {
    throw new BursarError('conflict', { message: 'The difference is another one by now. Look at it again.' });
  }
  refuseRest(balances);
  const reopened = await store.write(async (tx) => {
    if (!(await isAt(tx, chainId, cursor)))
      throw new BursarError('conflict', { message: 'The books have moved meanwhile. Ask again.' });
    return bookRecovery(tx, following, prepared, { requested, atMs: clock() });
  });
  return { ...answer, reopened, booked: true };
}

async function prepare({ store, chainId, chain }: Following, cursor: Cursor, from: bigint): Promise<Prepared> {
  const head = await chain.head();
  if (from < 1n || from > cursor.number + 1n || from > head.number + 1n) {
    throw new BursarError('invalid_request', {
      message: `from_block must be between 1 and ${cursor.number < head.number ? cursor.number + 1n : head.number + 1n}.`,
    });
  }
  const book = await store.read((tx) => watchedBook(tx, chainId));
  const reading = await readAgain(chain, book, from, head.number);
  if (!reading) throw contradiction('moving', 'The chain changed while it was read. Ask again.');
  const below = await store.read((tx) => blocksBelow(tx, chainId, from));
  for (const { number, hash } of below) {
    if ((await chain.header(number))?.hash === hash) continue;
    throw new BursarError('invalid_request', {
      message: `Block ${number} is another one on the chain too: read from ${number} or earlier.`,
      details: { block: number.toString() },
    });
  }
  const addresses = [...book.scope.wallets, ...book.scope.purses];
  const held = await chain.balancesOf?.(addresses, head.number);
  if ((await chain.header(head.number))?.hash !== reading.read.at(-1)?.hash && reading.read.length > 0) {
    throw contradiction('moving', 'The chain changed while it was read. Ask again.');
  }
  return store.read(async (tx) => {
    const difference = await differenceOf(tx, chainId, book, reading);
    const since = await followedSince(tx, chainId);
    const isLate = (agentId: string): boolean => (since.get(agentId) ?? 0n) >= from;
    const balances = (await balancesAfter(tx, book, difference, held)).map((each) => ({
      ...each,
      openedSince: isLate(each.agentId),
    }));
    return { reading, difference, balances, book, digest: digestOf(reading, difference, balances) };
  });
}

/** Below the first block: the state on which the books rest there. */
async function blocksBelow(tx: ReadTx, chainId: number, from: bigint): Promise<{ number: bigint; hash: string }[]> {
  const kept = await readBlock(tx, chainId, from - 1n);
  const rows = await tx.all(blocksOfTransfers, { chain: chainId, below: from, limit: LOOKED_BELOW });
  return [...(kept ? [kept] : []), ...rows];
}

async function balancesAfter(
  tx: ReadTx,
  book: AddressBook,
  { missing, gone }: Difference,
  held: readonly bigint[] | undefined,
): Promise<Omit<RecoveredBalance, 'openedSince'>[]> {
  const added = transfersOf(missing);
  const undone = gone.map((row) => ({
    from: row.from_address as Address,
    to: row.to_address as Address,
    amount: row.amount_micro,
  }));
  return (await bookedBalances(tx, book))
    .map(({ address, agentId, books: before }, index) => {
      const after = before + netOf(address, added) - netOf(address, undone);
      return { address, agentId, before, after, chain: held?.[index] ?? after };
    })
    .filter(({ before, after, chain }) => before !== after || after !== chain);
}

function digestOf(
  { before, read }: Reading,
  { missing, gone }: Difference,
  balances: readonly RecoveredBalance[],
): string {
  const places = missing.flatMap(({ facts }) => facts.map(({ at }) => [at.blockHash, at.logIndex]));
  const undone = gone.map((row) => [row.block_hash, Number(row.log_index)]);
  const held = balances.map(({ address, after, chain }) => [address, after.toString(), chain.toString()]);
  const from = before.hash;
  // The head is left out: blocks without transfers of ours do not change the result.
  return sha256(JSON.stringify({ from, blocks: read.length > 0, places, undone, held }));
}

/** A difference without logs is an opening balance that a reorg made wrong; it is corrected only if the wallet gained by it. */
function refuseRest(balances: readonly RecoveredBalance[]): void {
  const wrong = balances.filter(({ after, chain, openedSince }) => chain < after || (chain > after && !openedSince));
  if (wrong.length === 0) return;
  throw contradiction(
    'balances',
    'Books and chain would still differ: read from an earlier block, or ask another node.',
    {
      addresses: wrong.map(({ address }) => address),
    },
  );
}

async function bookRecovery(
  tx: Tx,
  { chainId, meters }: Following & { meters: (tx: ReadTx) => Promise<MeterDeclarations> },
  { reading, difference, balances, book }: Prepared,
  { requested, atMs }: { requested: RequestedRecovery; atMs: number },
): Promise<number> {
  const { before, read } = reading;
  const to = read.at(-1) ?? before;
  await tx.run(forgetCancellations, { chain: chainId, from: requested.fromBlock });
  await tx.run(lowerWatched, { chain: chainId, block: to.number });
  await bookDifference(tx, difference, { chainId, book, atMs, meters: await meters(tx) });
  for (const { address, after, chain } of balances) {
    if (chain > after) await correctOpening(tx, book, { address, amount: chain - after }, { block: to.number, atMs });
  }
  await tx.run(forgetBlocks, { chain: chainId });
  for (const header of read.length > 0 ? read.slice(-KEPT_MAX) : [before]) await insertBlock(tx, chainId, header);
  const reopened = await reopenTransactions(tx, chainId, requested.fromBlock, new Set(read.map(({ hash }) => hash)));
  await markChecked(tx, chainId, to.number);
  await noteReread(tx, { chainId, from: requested.fromBlock, to }, difference, { actor: requested.actor, atMs });
  await noteStopEnded(tx, chainId, 'recovered', atMs);
  return reopened;
}

async function correctOpening(
  tx: Tx,
  book: AddressBook,
  { address, amount }: { address: Address; amount: bigint },
  at: { block: bigint; atMs: number },
): Promise<void> {
  await post(tx, {
    kind: 'unexplained_in',
    atMs: at.atMs,
    blockNumber: at.block,
    lines: [
      [externalAccount(address), -amount],
      [book.account(address, true), amount],
    ],
  });
}
