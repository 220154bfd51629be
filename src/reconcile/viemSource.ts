import {
  type Address,
  type BaseError,
  type Block,
  BlockNotFoundError,
  ContractFunctionZeroDataError,
  getAddress,
  type Hex,
  numberToHex,
  padHex,
  parseAbi,
  type RpcLog,
  RpcRequestError,
  toEventSelector,
  BaseError as ViemError,
} from 'viem';
import { BursarError, invariant } from '../errors/base.ts';
import type { Chain, ChainClient } from '../wallet/chain.ts';
import { usdcEvents, walletSelectors } from './facts.ts';
import { registrySelectors } from './registryChanges.ts';
import type { BlockHeader, ChainLog, ChainSource, LogRange, LogScope } from './source.ts';

const reads = parseAbi([
  'function balanceOf(address account) view returns (uint256)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
]);
const [transferSelector, ...authorizationSelectors] = usdcEvents.map((event) => toEventSelector(event));
/** Addresses in one eth_getLogs filter: nodes bound the filter's size. */
const ADDRESSES_PER_QUERY = 200;

type Contracts = { token: Address; registry: Address | null };
type Filter = { address: Address | Address[]; topics: (Hex | readonly Hex[] | null | undefined)[] };

/** The chain as a node tells it, over JSON-RPC. */
export function viemSource(chain: Chain, registry: Address | null = null): ChainSource {
  const read = async (functionName: 'balanceOf' | 'authorizationState', args: readonly Hex[], blockNumber: bigint) => {
    const call = { address: chain.token, abi: reads, functionName, args, blockNumber } as Parameters<
      ChainClient['readContract']
    >[0];
    return chain.run((client) => client.readContract(call));
  };
  return {
    token: chain.token,
    registry: registry === null ? undefined : getAddress(registry),
    head: () => chain.run(async (client) => headerOf(await client.getBlock({ blockTag: 'latest' }))),
    header: (number) => chain.run((client) => blockOrNull(() => client.getBlock({ blockNumber: number }))),
    finalized: async () =>
      (await chain.run((client) => blockOrNull(() => client.getBlock({ blockTag: 'finalized' }))))?.number ?? null,
    logs: (range, scope) => chain.run((client) => logsOf(client, { token: chain.token, registry }, range, scope)),
    balanceOf: async (address, blockNumber) => {
      const value = await read('balanceOf', [address], blockNumber).catch((error: unknown) => {
        // Before the token was deployed there is nothing that could answer, and nothing to hold.
        if (error instanceof ViemError && error.walk((e) => e instanceof ContractFunctionZeroDataError)) return 0n;
        throw error;
      });
      invariant(typeof value === 'bigint', 'balanceOf gave no number.');
      return value;
    },
    authorizationState: async (purse, nonce, blockNumber) => {
      const value = await read('authorizationState', [purse, nonce], blockNumber);
      invariant(typeof value === 'boolean', 'authorizationState gave no boolean.');
      return value;
    },
  };
}

function headerOf(block: Block): BlockHeader {
  if (block.number === null || block.hash === null) {
    throw new BursarError('chain_unavailable', { message: 'The RPC sent a block without number or hash.' });
  }
  return { number: block.number, hash: block.hash, parentHash: block.parentHash, timestampS: Number(block.timestamp) };
}

async function blockOrNull(get: () => Promise<Block>): Promise<BlockHeader | null> {
  try {
    return headerOf(await get());
  } catch (error) {
    if (error instanceof BlockNotFoundError) return null;
    throw error;
  }
}

async function logsOf(
  client: ChainClient,
  contracts: Contracts,
  range: LogRange,
  scope: LogScope,
): Promise<ChainLog[]> {
  try {
    const logs = await Promise.all(
      filtersOf(contracts, scope).map((filter) =>
        client.request({
          method: 'eth_getLogs',
          params: [{ ...filter, ...rangeParameters(range) } as never],
        }),
      ),
    );
    // A transfer between two of ours is found from both ends.
    const unique = new Map(logs.flat().map((log) => [`${log.blockHash}:${log.logIndex}`, log]));
    return [...unique.values()].map(toChainLog);
  } catch (error) {
    if ('blockHash' in range || range.fromBlock === range.toBlock || !isRefusal(error)) throw error;
    // Providers bound the span or the number of results, each in its own words: ask for less.
    const middle = (range.fromBlock + range.toBlock) / 2n;
    const first = await logsOf(client, contracts, { fromBlock: range.fromBlock, toBlock: middle }, scope);
    return [...first, ...(await logsOf(client, contracts, { fromBlock: middle + 1n, toBlock: range.toBlock }, scope))];
  }
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

const topic = (address: Address): Hex => padHex(address, { size: 32 }).toLowerCase() as Hex;

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
  if (blockNumber === null || blockHash === null || transactionHash === null || logIndex === null) {
    throw new BursarError('chain_unavailable', { message: 'The RPC sent a log of a pending block.' });
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

/** The node answered, and said no; as against not answering at all. */
function isRefusal(error: unknown): boolean {
  return error instanceof ViemError && (error as BaseError).walk((cause) => cause instanceof RpcRequestError) !== null;
}
