import type { Hex } from 'viem';
import type { AddressBook } from './addressBook.ts';
import type { Cursor } from './cursor.ts';
import { type Fact, readFacts } from './facts.ts';
import type { BlockHeader, ChainLog, ChainSource } from './source.ts';

/** What some blocks after a cursor hold, checked for being one chain. */
export type Segment = {
  /** Blocks to remember, ascending; the last becomes the cursor. */
  headers: BlockHeader[];
  /** Blocks with something for us, ascending. */
  blocks: { header: BlockHeader; facts: Fact[] }[];
};

/**
 * Final blocks `cursor + 1 .. to`, by range: one question for all logs, and the headers of both ends and of blocks with logs.
 * Null when what was answered is not one chain that builds on the cursor.
 */
export async function gatherRange(
  chain: ChainSource,
  book: AddressBook,
  cursor: Cursor,
  to: bigint,
): Promise<Segment | null> {
  const from = cursor.number + 1n;
  const [first, last, logs] = await Promise.all([
    chain.header(from),
    chain.header(to),
    chain.logs({ fromBlock: from, toBlock: to }, book.scope),
  ]);
  if (!first || !last || first.parentHash !== cursor.hash) return null;
  if (logs.some((log) => log.blockNumber < from || log.blockNumber > to)) return null;
  const headers = new Map<bigint, BlockHeader>([
    [from, first],
    [to, last],
  ]);
  const missing = [...new Set(logs.map((log) => log.blockNumber))].filter((number) => !headers.has(number));
  for (const header of await Promise.all(missing.map((number) => chain.header(number)))) {
    if (header) headers.set(header.number, header);
  }
  const ordered = [...headers.values()].sort((a, b) => (a.number < b.number ? -1 : 1));
  const blocks = factsByBlock(chain, book, ordered, logs);
  return blocks && { headers: [last], blocks };
}

/**
 * Blocks `cursor + 1 .. to` that may yet be reorganised: each header, linked by hash, and logs by block hash, so that a node which
 * does not have that very block says so. Null as above.
 */
export async function gatherBlocks(
  chain: ChainSource,
  book: AddressBook,
  cursor: Cursor,
  to: bigint,
): Promise<Segment | null> {
  const numbers = Array.from({ length: Number(to - cursor.number) }, (_, index) => cursor.number + 1n + BigInt(index));
  const headers: BlockHeader[] = [];
  let parent: Hex = cursor.hash;
  for (const header of await Promise.all(numbers.map((number) => chain.header(number)))) {
    if (header?.parentHash !== parent) return null;
    headers.push(header);
    parent = header.hash;
  }
  const logs = await Promise.all(headers.map(({ hash }) => chain.logs({ blockHash: hash }, book.scope)));
  const blocks = factsByBlock(chain, book, headers, logs.flat());
  return blocks && { headers, blocks };
}

/** Null when a log is of a block that the chain does not have at that number. */
function factsByBlock(
  chain: ChainSource,
  book: AddressBook,
  headers: readonly BlockHeader[],
  logs: readonly ChainLog[],
): Segment['blocks'] | null {
  const byNumber = new Map(headers.map((header) => [header.number, { header, facts: [] as Fact[] }]));
  if (logs.some((log) => byNumber.get(log.blockNumber)?.header.hash !== log.blockHash)) return null;
  const scope = {
    token: chain.token,
    registry: chain.registry,
    isWallet: book.isWallet.bind(book),
    isPurse: book.isPurse.bind(book),
    isPayer: book.isPayer.bind(book),
  };
  for (const fact of readFacts(logs, scope)) byNumber.get(fact.at.blockNumber)?.facts.push(fact);
  return [...byNumber.values()].filter(({ facts }) => facts.length > 0);
}
