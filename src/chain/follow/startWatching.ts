import type { Address, Hex } from 'viem';
import { raiseOnce } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { type Account, type EntryKind, externalAccount, post } from '../../books/ledger/journal.ts';
import { BursarError } from '../../core/errors/base.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { findPayment } from '../../decide/payments/records.ts';
import type { Store, Tx } from '../../store/store.ts';
import { type AddressBook, bookOf, unwatchedAgents, watchedBook } from '../match/addressBook.ts';
import { type ApplyContext, applyTransfer } from '../match/applyFacts.ts';
import { type Explanation, explain } from '../match/explain.ts';
import type { TransferFact } from '../match/facts.ts';
import { inflowOf } from '../match/inflow.ts';
import { inboundOf, recordReceivable } from '../match/receivables.ts';
import type { ChainSource } from '../node/source.ts';
import { transfersOf } from './agree.ts';
import { type Cursor, isAt, readBlock, readBlocks } from './cursor.ts';
import { addWatched, transferAt } from './queries.ts';
import { readAgain } from './reread.ts';
import type { TransferRow } from './rollBack.ts';

/**
 * Starts to follow wallets that were added: their earlier balance becomes an opening balance, and transfers in blocks that are not
 * final are booked log by log, so that a reorg can undo them. `moved`: the books or the chain changed meanwhile, ask again.
 */
export async function startWatching(
  store: Store,
  chain: ChainSource,
  chainId: number,
  clock: () => number,
): Promise<'done' | 'more' | 'moved'> {
  const { agents, added, blocks } = await store.read(async (tx) => {
    const agents = await unwatchedAgents(tx, chainId);
    return { agents, added: await bookOf(tx, chainId, agents), blocks: await readBlocks(tx, chainId) };
  });
  const cursor = blocks[0];
  if (agents.length === 0 || !cursor) return 'done';
  const transfers = await recentTransfers(chain, added, blocks);
  if (!transfers) return 'moved';
  const addresses = [...added.scope.wallets, ...added.scope.purses];
  const balances = await balancesAt(chain, added, addresses, cursor);
  if (!balances) return 'moved';
  if ((await chain.header(cursor.number))?.hash !== cursor.hash) return 'moved';
  const openings = addresses.map((address, index) => ({
    address,
    amount: (balances[index] ?? 0n) - netOf(address, transfers),
  }));
  if (openings.some(({ amount }) => amount < 0n)) {
    throw new BursarError('chain_unavailable', { message: 'The RPC gave a balance that its own logs contradict.' });
  }
  return store.write(async (tx) => {
    if (!(await isAt(tx, chainId, cursor))) return 'moved';
    for (const agentId of agents) {
      await tx.run(addWatched, { chain: chainId, agent: agentId, since: cursor.number });
    }
    const context = { chainId, book: await watchedBook(tx, chainId), atMs: clock(), meters: {} };
    for (const opening of openings) if (opening.amount > 0n) await bookOpening(tx, opening, cursor, context);
    for (const transfer of transfers) await bookRecent(tx, transfer, added, context);
    return 'more';
  });
}

/** Transfers of the added addresses in the kept blocks that are not final (all but the oldest). Null if the chain changed meanwhile. */
async function recentTransfers(
  chain: ChainSource,
  added: AddressBook,
  blocks: Cursor[],
): Promise<TransferFact[] | null> {
  const oldest = blocks.at(-1);
  const newest = blocks[0];
  if (!oldest || !newest || oldest.number === newest.number) return [];
  return transfersAfter(chain, added, oldest, newest);
}

/** Read as the follower reads blocks: headers linked by hash, and logs that the headers confirm. */
async function transfersAfter(
  chain: ChainSource,
  added: AddressBook,
  from: Cursor,
  to: { number: bigint; hash: Hex },
): Promise<TransferFact[] | null> {
  const reading = await readAgain(chain, added, from.number + 1n, to.number);
  if (reading?.before.hash !== from.hash || reading.read.at(-1)?.hash !== to.hash) return null;
  return transfersOf(reading.blocks);
}

/**
 * Returns the balances after the follower's block. A node may have dropped that state when the follower is far behind; then it is
 * the balance at the head minus later transfers. Null if the chain changed meanwhile.
 */
async function balancesAt(
  chain: ChainSource,
  added: AddressBook,
  addresses: readonly Address[],
  cursor: Cursor,
): Promise<bigint[] | null> {
  const read = (block: bigint) => Promise.all(addresses.map((address) => chain.balanceOf(address, block)));
  try {
    return await read(cursor.number);
  } catch (error) {
    const head = await chain.head();
    if (head.number <= cursor.number) throw error;
    const since = await transfersAfter(chain, added, cursor, head);
    if (!since) return null;
    const balances = await read(head.number);
    if ((await chain.header(head.number))?.hash !== head.hash) return null;
    return balances.map((amount, index) => amount - netOf(addresses[index], since));
  }
}

function netOf(address: Address | undefined, transfers: readonly TransferFact[]): bigint {
  let net = 0n;
  for (const { from, to, amount } of transfers) {
    if (to === address) net += amount;
    if (from === address) net -= amount;
  }
  return net;
}

async function bookOpening(
  tx: Tx,
  { address, amount }: { address: Address; amount: bigint },
  cursor: Cursor,
  { book, atMs }: ApplyContext,
): Promise<void> {
  const party = book.party(address);
  if (!party) return;
  await post(tx, {
    kind: 'unexplained_in',
    atMs,
    blockNumber: cursor.number,
    lines: [
      [externalAccount(address), -amount],
      [book.account(address, true), amount],
    ],
  });
  const { agentId, sponsorId, place } = party;
  const data = { kind: 'opening_balance', amount: formatUsdc(amount), place, block: cursor.number.toString() };
  await appendEvent(tx, { type: 'receivable.received', actor: 'bursar', agentId, sponsorId, data }, atMs);
  await raiseOnce(tx, { type: 'unmatched_inflow', agentId, sponsorId, data }, atMs);
}

async function bookRecent(tx: Tx, transfer: TransferFact, added: AddressBook, context: ApplyContext): Promise<void> {
  const { chainId, book } = context;
  const row = await tx.get(transferAt, { chain: chainId, block: transfer.at.blockHash, log: transfer.at.logIndex });
  if (row) {
    await bookOtherSide(tx, { transfer, row }, added, context);
    return;
  }
  const block = await readBlock(tx, chainId, transfer.at.blockNumber);
  if (!block) return;
  const explanation: Explanation = book.party(transfer.from)
    ? { kind: 'internal', id: 'before_watch' }
    : await explain(tx, { transfer, claim: null }, book, { ...block, chainId });
  await applyTransfer(tx, { transfer, claim: null }, explanation, { ...context, block });
}

/** The transfer is booked already, from the other side, against an external account that is now one of ours. */
async function bookOtherSide(
  tx: Tx,
  { transfer, row }: { transfer: TransferFact; row: TransferRow },
  added: AddressBook,
  context: ApplyContext,
): Promise<void> {
  const { book, atMs, chainId } = context;
  const { blockNumber } = transfer.at;
  const move = async (kind: EntryKind, debit: Account, credit: Account): Promise<void> => {
    const { amount } = transfer;
    await post(tx, {
      kind,
      atMs,
      blockNumber,
      lines: [
        [debit, -amount],
        [credit, amount],
      ],
    });
  };
  if (added.party(transfer.from))
    await move('withdraw', book.account(transfer.from, true), externalAccount(transfer.from));
  const to = added.party(transfer.to);
  if (!to) return;
  const timestampS = (await readBlock(tx, chainId, blockNumber))?.timestampS ?? Math.floor(atMs / 1000);
  const inflow = inflowOf({ transfer, claim: null }, to, { chainId, timestampS });
  const what = await inboundOf(tx, await explanationOf(tx, row), { from: book.party(transfer.from), to }, inflow);
  if (what) {
    const paymentId = row.match_kind === 'payment' ? row.match_id : null;
    await recordReceivable(tx, { transfer, to, inflow, what }, { atMs, paymentId });
  }
  await move('reclassify', externalAccount(transfer.to), book.account(transfer.to, what?.kind === 'unmatched'));
}

async function explanationOf(tx: Tx, row: TransferRow): Promise<Explanation> {
  const payment = row.match_kind === 'payment' ? await findPayment(tx, row.match_id ?? '') : undefined;
  if (payment) return { kind: 'payment', payment, evidenceDiffers: false };
  return { kind: 'unexplained', doubt: 'no_claim', payment: null };
}
