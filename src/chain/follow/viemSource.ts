import {
  type Address,
  ContractFunctionZeroDataError,
  getAddress,
  type Hex,
  parseAbi,
  BaseError as ViemError,
} from 'viem';
import { BursarError, invariant } from '../../core/errors/base.ts';
import type { Chain, ChainClient } from '../node/chain.ts';
import type { BlockHeader, ChainSource } from '../node/source.ts';
import { readHeader } from './rawBlocks.ts';
import { readLogs, readReceiptLogs } from './rawLogs.ts';

const reads = parseAbi([
  'function balanceOf(address account) view returns (uint256)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
]);

/** Of call data in one question: about a hundred balances. */
const BALANCES_BYTES = 4_096;

/** The chain as a node tells it, over JSON-RPC. */
export function viemSource(chain: Chain, registry: Address | null = null): ChainSource {
  const contracts = { token: chain.token, registry };
  const read = async (functionName: 'balanceOf' | 'authorizationState', args: readonly Hex[], blockNumber: bigint) => {
    const call = { address: chain.token, abi: reads, functionName, args, blockNumber } as Parameters<
      ChainClient['readContract']
    >[0];
    return chain.run((client) => client.readContract(call));
  };
  const header = (at: bigint | 'latest' | 'finalized') => chain.run((client) => readHeader(client, chain.chainId, at));
  const balanceOf = async (address: Address, blockNumber: bigint): Promise<bigint> => {
    const value = await read('balanceOf', [address], blockNumber).catch((error: unknown) => {
      // Before the token was deployed no contract can answer, and there are no balances.
      if (error instanceof ViemError && error.walk((e) => e instanceof ContractFunctionZeroDataError)) return 0n;
      throw error;
    });
    invariant(typeof value === 'bigint', 'balanceOf gave no number.');
    return value;
  };
  return {
    token: chain.token,
    registry: registry === null ? undefined : getAddress(registry),
    head: async () => present(await header('latest')),
    header,
    finalized: async () => (await header('finalized'))?.number ?? null,
    logs: (range, scope) => chain.run((client) => readLogs(client, contracts, range, scope)),
    receiptLogs: (block) => chain.run((client) => readReceiptLogs(client, block)),
    balanceOf,
    balancesOf: async (addresses, blockNumber) => {
      const call = { address: chain.token, abi: reads, functionName: 'balanceOf' } as const;
      const contracts = addresses.map((address) => ({ ...call, args: [address] as const }));
      // A deployless call carries the calling contract's code, so no chain needs to have it deployed.
      const answers = await chain.run((client) =>
        client.multicall({ contracts, blockNumber, deployless: true, batchSize: BALANCES_BYTES }),
      );
      return Promise.all(addresses.map((address, index) => answers[index]?.result ?? balanceOf(address, blockNumber)));
    },
    authorizationState: async (purse, nonce, blockNumber) => {
      const value = await read('authorizationState', [purse, nonce], blockNumber);
      invariant(typeof value === 'boolean', 'authorizationState gave no boolean.');
      return value;
    },
  };
}

function present(header: BlockHeader | null): BlockHeader {
  if (header) return header;
  throw new BursarError('chain_unavailable', { message: 'The RPC says that it has no newest block.' });
}
