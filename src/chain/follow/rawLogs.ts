import {
  type Address,
  type BaseError,
  type Hex,
  numberToHex,
  padHex,
  type RpcLog,
  RpcRequestError,
  toEventSelector,
  BaseError as ViemError,
} from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { usdcEvents, walletSelectors } from '../match/facts.ts';
import { registrySelectors } from '../match/registryChanges.ts';
import type { ChainClient } from '../node/chain.ts';
import type { BlockHeader, ChainLog, LogRange, LogScope } from '../node/source.ts';
import { bloomOf } from './bloom.ts';

const [transferSelector, ...authorizationSelectors] = usdcEvents.map((event) => toEventSelector(event));
/** The number of addresses in one eth_getLogs filter: nodes limit its size. */
const ADDRESSES_PER_QUERY = 200;
/** The number of receipts requested one by one from a node that does not return those of a block. */
const RECEIPTS_MAX = 300;

export type Contracts = { token: Address; registry: Address | null };
type Filter = { address: Address | Address[]; topics: (Hex | readonly Hex[] | null | undefined)[] };

/** Reads the logs of a block or a range by `eth_getLogs`. Throws `chain_inconsistent` if two different logs have one position. */
export async function readLogs(
  client: ChainClient,
  contracts: Contracts,
  range: LogRange,
  scope: LogScope,
): Promise<ChainLog[]> {
  try {
    const answers = await Promise.all(
      filtersOf(contracts, scope).map((filter) =>
        client.request({
          method: 'eth_getLogs',
          params: [{ ...filter, ...rangeParameters(range) } as never],
        }),
      ),
    );
    return unique(answers.flat().map(toChainLog));
  } catch (error) {
    if ('blockHash' in range || range.fromBlock === range.toBlock || !isRefusal(error)) throw error;
    // Providers limit the span or the number of results, each with another message; on failure the range is halved.
    const middle = (range.fromBlock + range.toBlock) / 2n;
    const first = await readLogs(client, contracts, { fromBlock: range.fromBlock, toBlock: middle }, scope);
    return [
      ...first,
      ...(await readLogs(client, contracts, { fromBlock: middle + 1n, toBlock: range.toBlock }, scope)),
    ];
  }
}

/**
 * Reads all logs of a block from its receipts. Null if the node returns none, or if the header's bloom contradicts them. Without a
 * header to compare with, the receipts are unverified.
 */
export async function readReceiptLogs(client: ChainClient, header: BlockHeader): Promise<ChainLog[] | null> {
  const receipts = (await blockReceipts(client, header)) ?? (await receiptsOneByOne(client, header));
  if (receipts === null) return null;
  const logs = unique(receipts.flatMap(({ logs }) => logs).map(toChainLog));
  const ofBlock = logs.every((log) => log.blockHash === header.hash && log.blockNumber === header.number);
  return ofBlock && (header.logsBloom === undefined || bloomOf(logs) === header.logsBloom) ? logs : null;
}

type RawReceipt = { logs: RpcLog[] };

async function blockReceipts(client: ChainClient, header: BlockHeader): Promise<RawReceipt[] | null> {
  const request = { method: 'eth_getBlockReceipts', params: [numberToHex(header.number)] } as never;
  return receiptsIn(await client.request(request).catch(nothingOnRefusal));
}

async function receiptsOneByOne(client: ChainClient, header: BlockHeader): Promise<RawReceipt[] | null> {
  const block = await client
    .request({ method: 'eth_getBlockByNumber', params: [numberToHex(header.number), false] })
    .catch(nothingOnRefusal);
  const hashes = (block?.transactions ?? []) as Hex[];
  if (block?.hash !== header.hash || hashes.length > RECEIPTS_MAX) return null;
  const answers = await Promise.all(
    hashes.map((hash) =>
      client.request({ method: 'eth_getTransactionReceipt', params: [hash] }).catch(nothingOnRefusal),
    ),
  );
  return receiptsIn(answers);
}

function receiptsIn(answer: unknown): RawReceipt[] | null {
  if (!Array.isArray(answer)) return null;
  return answer.every((each) => Array.isArray((each as RawReceipt | null)?.logs)) ? (answer as RawReceipt[]) : null;
}

function nothingOnRefusal(error: unknown): null {
  if (isRefusal(error)) return null;
  throw error;
}

/** A transfer between two of our addresses is found from both ends. */
function unique(logs: readonly ChainLog[]): ChainLog[] {
  const places = new Map<string, ChainLog>();
  for (const log of logs) {
    const place = `${log.blockHash}:${log.logIndex}`;
    const other = places.get(place);
    if (
      other &&
      JSON.stringify([other.txHash, other.address, other.topics, other.data]) !==
        JSON.stringify([log.txHash, log.address, log.topics, log.data])
    ) {
      throw new BursarError('chain_inconsistent', {
        message: `The RPC sent two different logs ${log.logIndex} of block ${log.blockNumber}.`,
        details: { kind: 'two_logs_in_one_place', block: log.blockNumber.toString(), log_index: log.logIndex },
      });
    }
    places.set(place, log);
  }
  return [...places.values()];
}

function filtersOf({ token, registry }: Contracts, scope: LogScope): Filter[] {
  const filters: Filter[] = [];
  for (const some of chunks([...scope.wallets, ...scope.purses])) {
    filters.push({ address: token, topics: [transferSelector, some.map(topic)] });
    filters.push({ address: token, topics: [transferSelector, null, some.map(topic)] });
  }
  for (const some of chunks([...scope.purses, ...scope.payers])) {
    filters.push({ address: token, topics: [authorizationSelectors, some.map(topic)] });
  }
  for (const some of chunks(scope.wallets)) filters.push({ address: some, topics: [walletSelectors] });
  if (registry) filters.push({ address: registry, topics: [registrySelectors] });
  return filters;
}

export const topic = (address: Address): Hex => padHex(address, { size: 32 }).toLowerCase() as Hex;

function chunks(addresses: readonly Address[]): Address[][] {
  const parts: Address[][] = [];
  for (let start = 0; start < addresses.length; start += ADDRESSES_PER_QUERY) {
    parts.push(addresses.slice(start, start + ADDRESSES_PER_QUERY));
  }
  return parts;
}

function rangeParameters(range: LogRange): Record<string, Hex> {
  return 'blockHash' in range
    ? { blockHash: range.blockHash }
    : { fromBlock: numberToHex(range.fromBlock), toBlock: numberToHex(range.toBlock) };
}

function toChainLog(log: RpcLog): ChainLog {
  const { blockNumber, blockHash, transactionHash, logIndex } = log;
  if (!blockNumber || !blockHash || !transactionHash || !logIndex || !Array.isArray(log.topics)) {
    throw new BursarError('chain_unavailable', { message: 'The RPC sent a log that cannot be read.' });
  }
  return {
    address: log.address,
    topics: log.topics,
    data: log.data,
    blockNumber: BigInt(blockNumber),
    blockHash,
    txHash: transactionHash,
    logIndex: Number(logIndex),
  };
}

/** The node answered with a refusal, in contrast to no answer. */
function isRefusal(error: unknown): boolean {
  return error instanceof ViemError && (error as BaseError).walk((cause) => cause instanceof RpcRequestError) !== null;
}
