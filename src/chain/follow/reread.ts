import type { Hex } from 'viem';
import { appendEvent } from '../../books/ledger/events.ts';
import { filterInOrder, mapInOrder } from '../../core/inOrder.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { AddressBook } from '../match/addressBook.ts';
import { type ApplyContext, applyFacts } from '../match/applyFacts.ts';
import type { Fact, TransferFact } from '../match/facts.ts';
import { pairClaims } from '../match/pairs.ts';
import type { BlockHeader, ChainSource } from '../node/source.ts';
import type { Cursor } from './cursor.ts';
import { gatherRange, type Segment } from './gather.ts';
import { transfersFrom, watchedSince } from './queries.ts';
import { type TransferRow, undoTransfers } from './rollBack.ts';
import { alertOfLog, eventOfLog } from './waitingQueries.ts';

/** Blocks `from .. to`, read again. `before`: the block on which they build. */
export type Reading = { before: BlockHeader; read: BlockHeader[]; blocks: Segment['blocks'] };

/** Transfers that the chain has and the books lack, and the reverse. */
export type Difference = { missing: { header: BlockHeader; facts: Fact[] }[]; gone: TransferRow[] };

/** The number of logs in one request. */
const BLOCKS_PER_STEP = 200n;

/** Null if the chain changed while reading, or lacks some of the blocks. */
export async function readAgain(
  chain: ChainSource,
  book: AddressBook,
  from: bigint,
  to: bigint,
): Promise<Reading | null> {
  const before = await chain.header(from - 1n);
  if (!before) return null;
  const reading: Reading = { before, read: [], blocks: [] };
  for (let at: BlockHeader = before; at.number < to; ) {
    const end = at.number + BLOCKS_PER_STEP < to ? at.number + BLOCKS_PER_STEP : to;
    const segment = await gatherRange(chain, book, at, end);
    const last = segment?.read.at(-1);
    if (!segment || !last) return null;
    reading.read.push(...segment.read);
    reading.blocks.push(...segment.blocks);
    at = last;
  }
  return reading;
}

/** Compares the result with the books, log by log. Transfers from before an agent was followed are in its opening balance. */
export async function differenceOf(
  tx: ReadTx,
  chainId: number,
  book: AddressBook,
  reading: Reading,
): Promise<Difference> {
  const from = reading.before.number + 1n;
  const rows = await tx.all(transfersFrom, { chain: chainId, block: from });
  const booked = new Set(rows.map((row) => placeOf(row.block_hash, Number(row.log_index))));
  const told = new Set(
    reading.blocks.flatMap(({ facts }) => facts.map(({ at }) => placeOf(at.blockHash, at.logIndex))),
  );
  const since = await followedSince(tx, chainId);
  const isFollowed = (transfer: TransferFact): boolean =>
    [transfer.from, transfer.to].every((address) => {
      const party = book.party(address);
      return party === null || (since.get(party.agentId) ?? -1n) < transfer.at.blockNumber;
    });
  const missing = (
    await mapInOrder(reading.blocks, async ({ header, facts }) => ({
      header,
      facts: await unbooked(tx, facts, (transfer) => !booked.has(placeOfFact(transfer)) && isFollowed(transfer)),
    }))
  ).filter(({ facts }) => facts.length > 0);
  return { missing, gone: rows.filter((row) => !told.has(placeOf(row.block_hash, Number(row.log_index)))) };
}

/** Books the difference: first undoes transfers that are gone, newest first, then adds missing ones, oldest first. */
export async function bookDifference(tx: Tx, { missing, gone }: Difference, context: ApplyContext): Promise<void> {
  await undoTransfers(tx, gone, context);
  for (const { header, facts } of missing) await applyFacts(tx, header, facts, context);
}

/** The facts of one block that the books lack; each transfer with the log that announced it. */
async function unbooked(
  tx: ReadTx,
  facts: readonly Fact[],
  isMissing: (transfer: TransferFact) => boolean,
): Promise<Fact[]> {
  const { pairs, unused } = pairClaims(facts);
  const claims = new Set<Fact>([...unused, ...pairs.flatMap(({ claim }) => claim ?? [])]);
  const others = facts.filter((fact) => fact.type !== 'transfer' && !claims.has(fact));
  return [
    ...pairs
      .filter(({ transfer }) => isMissing(transfer))
      .flatMap(({ transfer, claim }) => (claim ? [claim, transfer] : [transfer])),
    ...(await filterInOrder([...unused, ...others], async (fact) => !(await isNoted(tx, fact)))),
  ].sort((a, b) => a.at.logIndex - b.at.logIndex);
}

/** Tells whether an event or an alert already reports that log. */
async function isNoted(tx: ReadTx, { at }: Fact): Promise<boolean> {
  const log = { tx: at.txHash, log: at.logIndex };
  return (await tx.get(eventOfLog, log)) !== undefined || (await tx.get(alertOfLog, log)) !== undefined;
}

/** Returns the block from which on an agent's logs are followed. */
export async function followedSince(tx: ReadTx, chainId: number): Promise<Map<string, bigint>> {
  const rows = await tx.all(watchedSince, { chain: chainId });
  return new Map(rows.map((row) => [row.agent_id, row.since_block]));
}

/** Reports to people that a log was found late and is booked now. */
export async function noteReread(
  tx: Tx,
  where: { chainId: number; from: bigint; to: Cursor },
  { missing, gone }: Difference,
  by: { actor: string; atMs: number },
): Promise<void> {
  const data = {
    chain: where.chainId,
    from_block: where.from.toString(),
    to_block: where.to.number.toString(),
    added: missing.reduce((sum, { facts }) => sum + facts.filter(({ type }) => type === 'transfer').length, 0),
    undone: gone.length,
  };
  await appendEvent(tx, { type: 'chain.reread', actor: by.actor, data }, by.atMs);
}

const placeOf = (blockHash: Hex, logIndex: number): string => `${blockHash}:${logIndex}`;
const placeOfFact = ({ at }: Fact): string => placeOf(at.blockHash, at.logIndex);
