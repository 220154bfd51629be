import {
  type Account,
  type Address,
  concatHex,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  zeroHash,
} from 'viem';
import {
  agentWalletFactoryAbi,
  policyRegistryAbi,
  policyRegistryBytecode,
} from '../../chain/contracts/contracts.generated.ts';
import { CREATE2_DEPLOYER, factoryAddress, factoryCreationCode } from '../../chain/contracts/factoryAddress.ts';
import { type DevClient, sendInOrder } from './client.ts';

export type BursarContracts = { factory: Address; registry: Address };
export type DeployOptions = {
  /** Pays for the deployment and configures the factory; must be `owner`, or the factory's owner cannot be set here. */
  owner: Account;
  token: Address;
  /** How long the earlier policy stays active after a new one begins. Default 3,600. */
  gracePeriodSeconds?: number;
  /** The account that may anchor the event log besides the owner: one more transaction. */
  anchorer?: Address;
  /** The nonce at which a first run started: its steps are not repeated. Default: all steps run now. */
  firstNonce?: bigint;
};

/**
 * Deploys PolicyRegistry and AgentWalletFactory (the factory at its owner's fixed address), and configures the factory with the
 * token and the registry. 3 transactions, 4 with an anchorer.
 */
export async function deployBursar(client: DevClient, options: DeployOptions): Promise<BursarContracts> {
  const { owner, token, anchorer, gracePeriodSeconds = 3_600 } = options;
  const now = BigInt(await client.getTransactionCount({ address: owner.address, blockTag: 'pending' }));
  const nonce = options.firstNonce ?? now;
  const registry = getContractAddress({ from: owner.address, nonce });
  const factory = factoryAddress(owner.address);
  const steps = [
    {
      data: encodeDeployData({
        abi: policyRegistryAbi,
        bytecode: policyRegistryBytecode,
        args: [owner.address, gracePeriodSeconds],
      }),
    },
    { to: CREATE2_DEPLOYER, data: concatHex([zeroHash, factoryCreationCode(owner.address)]) },
    {
      to: factory,
      data: encodeFunctionData({ abi: agentWalletFactoryAbi, functionName: 'configure', args: [token, registry] }),
    },
    ...(anchorer
      ? [
          {
            to: registry,
            data: encodeFunctionData({ abi: policyRegistryAbi, functionName: 'setAnchorer', args: [anchorer] }),
          },
        ]
      : []),
  ];
  const done = Number(now - nonce);
  await sendInOrder(client, owner, steps.slice(Math.min(done, steps.length)));
  return { factory, registry };
}
