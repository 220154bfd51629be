import type { Hex } from 'viem';
import type { AddressBook } from '../match/addressBook.ts';
import { type Fact, factScope, readFacts } from '../match/facts.ts';
import type { BlockHeader, ChainLog, ChainSource } from '../node/source.ts';
import { believedLogs } from './believe.ts';
import type { Cursor } from './cursor.ts';
import { contradiction } from './doubts.ts';

/** The content of some blocks after a cursor, verified to be one chain. */
export type Segment = {
  /** Blocks to store, ascending; the last becomes the cursor. */
  headers: BlockHeader[];
  /** All blocks that were read, ascending. */
  read: BlockHeader[];
  /** Blocks with facts that concern us, ascending. */
  blocks: { header: BlockHeader; facts: Fact[] }[];
};

/**
 * Reads blocks `cursor + 1 .. to` that are final: one request for all logs, and each header, linked by hash. Null if the answers
 * are not one chain that builds on the cursor.
 */
export async function gatherRange(
  chain: ChainSource,
  book: AddressBook,
  cursor: Cursor,
  to: bigint,
): Promise<Segment | null> {
  const headers = await linkedHeaders(chain, cursor, to);
  const last = headers?.at(-1);
  if (!headers || !last) return null;
  const logs = await chain.logs({ fromBlock: cursor.number + 1n, toBlock: to }, book.scope);
  const blocks = await blocksOf(chain, book, headers, logs);
  return blocks && { headers: [last], read: headers, blocks };
}

/**
 * Reads blocks `cursor + 1 .. to` that may still be reorganised: each header, linked by hash, and logs by block hash, so that a
 * node without this very block reports it. Null as above.
 */
export async function gatherBlocks(
  chain: ChainSource,
  book: AddressBook,
  cursor: Cursor,
  to: bigint,
): Promise<Segment | null> {
  const headers = await linkedHeaders(chain, cursor, to);
  if (!headers) return null;
  const logs = await Promise.all(headers.map(({ hash }) => chain.logs({ blockHash: hash }, book.scope)));
  const blocks = await blocksOf(chain, book, headers, logs.flat());
  return blocks && { headers, read: headers, blocks };
}

async function linkedHeaders(chain: ChainSource, cursor: Cursor, to: bigint): Promise<BlockHeader[] | null> {
  const numbers = Array.from({ length: Number(to - cursor.number) }, (_, index) => cursor.number + 1n + BigInt(index));
  const headers: BlockHeader[] = [];
  let parent: { hash: Hex; timestampS: number } = cursor;
  for (const header of await Promise.all(numbers.map((number) => chain.header(number)))) {
    if (header?.parentHash !== parent.hash) return null;
    if (header.timestampS < parent.timestampS) {
      throw contradiction('time_backwards', `Block ${header.number} is older than the block that it builds on.`, {
        block: header.number.toString(),
      });
    }
    headers.push(header);
    parent = header;
  }
  return headers;
}

/** Null if a log is of a block that the chain does not have at that number. */
async function blocksOf(
  chain: ChainSource,
  book: AddressBook,
  headers: readonly BlockHeader[],
  logs: readonly ChainLog[],
): Promise<Segment['blocks'] | null> {
  const byNumber = new Map(headers.map((header) => [header.number, [] as ChainLog[]]));
  const hashes = new Map(headers.map(({ number, hash }) => [number, hash]));
  for (const log of logs) {
    if (hashes.get(log.blockNumber) !== log.blockHash) return null;
    byNumber.get(log.blockNumber)?.push(log);
  }
  const believed = await Promise.all(
    headers.map((header) => believedLogs(chain, book, header, byNumber.get(header.number) ?? [])),
  );
  return factsByBlock(chain, book, headers, believed.flat());
}

/** Blocks with facts that concern us. */
export function factsByBlock(
  chain: ChainSource,
  book: AddressBook,
  headers: readonly BlockHeader[],
  logs: readonly ChainLog[],
): Segment['blocks'] {
  const byNumber = new Map(headers.map((header) => [header.number, { header, facts: [] as Fact[] }]));
  for (const fact of readFacts(logs, factScope(chain, book))) byNumber.get(fact.at.blockNumber)?.facts.push(fact);
  return [...byNumber.values()].filter(({ facts }) => facts.length > 0);
}
