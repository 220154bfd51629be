import { type Address, encodeAbiParameters, type Hex, isAddressEqual, type PublicClient, parseAbi } from 'viem';
import {
  agentWalletAbi,
  agentWalletFactoryAbi,
  policyRegistryAbi,
  x402PurseAbi,
} from '../../chain/contracts/contracts.generated.ts';
import { factoryAddress } from '../../chain/contracts/factoryAddress.ts';
import { viewOf } from '../../chain/receipt/node.ts';
import { BursarError } from '../../core/errors/base.ts';

/** A contract in the form that an explorer takes. Null: the arguments depend on where it is deployed. */
export type PublishedContract = {
  address: Address | null;
  /** `file:name`, as in the standard JSON input. */
  contract: string;
  constructor_arguments: Hex | null;
};

const named = (name: string): string => `src/${name}.sol:${name}`;

/** All kinds, if no address is known. */
export const standardContracts = (): PublishedContract[] => [
  { address: null, contract: named('PolicyRegistry'), constructor_arguments: null },
  { address: null, contract: named('AgentWalletFactory'), constructor_arguments: null },
  { address: null, contract: named('AgentWallet'), constructor_arguments: '0x' },
  { address: null, contract: named('X402Purse'), constructor_arguments: '0x' },
];

const ownershipAbi = parseAbi(['event OwnershipTransferred(address indexed previousOwner, address indexed newOwner)']);

/** Recognises by its views which of our contracts is at the address. Throws `invalid_request` if it is none of them. */
export async function contractAt(client: PublicClient, address: Address): Promise<PublishedContract> {
  const owner = await viewOf(client, { address, abi: agentWalletFactoryAbi, functionName: 'owner' });
  if (owner && isAddressEqual(factoryAddress(owner), address)) {
    const args = encodeAbiParameters([{ type: 'address' }], [owner]);
    return { address, contract: named('AgentWalletFactory'), constructor_arguments: args };
  }
  const purse = await viewOf(client, { address, abi: agentWalletAbi, functionName: 'purse' });
  if (purse) return { address, contract: named('AgentWallet'), constructor_arguments: '0x' };
  const wallet = await viewOf(client, { address, abi: x402PurseAbi, functionName: 'wallet' });
  if (wallet) return { address, contract: named('X402Purse'), constructor_arguments: '0x' };
  const grace = await viewOf(client, { address, abi: policyRegistryAbi, functionName: 'gracePeriod' });
  if (owner && grace !== null) {
    const first = await firstOwner(client, address);
    const types = [{ type: 'address' }, { type: 'uint32' }] as const;
    const args = encodeAbiParameters(types, [first ?? owner, grace]);
    return { address, contract: named('PolicyRegistry'), constructor_arguments: args };
  }
  throw new BursarError('invalid_request', { message: `At ${address} there is none of Bursar's contracts.` });
}

/** The registry's constructor names its first owner; a later owner is not among its arguments. */
async function firstOwner(client: PublicClient, address: Address): Promise<Address | null> {
  const logs = await client.getContractEvents({ address, abi: ownershipAbi, fromBlock: 0n }).catch(() => []);
  return logs[0]?.args.newOwner ?? null;
}
