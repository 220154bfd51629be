import type { Account, Address, Hex } from 'viem';
import { setDeployerCall } from '../../chain/contracts/agentWallet.ts';
import { agentWalletFactoryAbi, policyRegistryAbi } from '../../chain/contracts/contracts.generated.ts';
import { activatePolicyCall } from '../../chain/contracts/policyRegistry.ts';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import { devAccounts } from './accounts.ts';
import { type Anvil, type AnvilOptions, startAnvil } from './anvil.ts';
import { type DevClient, devClient, sendInOrder } from './client.ts';
import { type BursarContracts, deployBursar } from './deploy.ts';
import { keptAlive } from './keepAlive.ts';
import { deployUsdc, installMulticall3, mintUsdc, type Usdc } from './usdc.ts';

export type LocalChainOptions = AnvilOptions & {
  /** Owns registry and factory. Its first three nonces on this chain are used for their deployment. */
  owner: Account;
  /** The account that anchors the event log, named by the owner in its next transaction. */
  anchorer?: Address;
  /** May make wallets of the factory, besides the owner. */
  deployers?: readonly Address[];
  /** Active in the registry from the start (bytes32). */
  policyDigest?: Hex;
  /**
   * Called when anvil ended unexpectedly and is started again. Only with a state file, because the chain would otherwise be lost.
   */
  onEnd?: (isLast: boolean) => void;
};

export type LocalChain = BursarContracts & {
  readonly anvil: Anvil;
  readonly client: DevClient;
  readonly usdc: Usdc;
  /** Of registry and factory. */
  readonly owner: Account;
  /** A faucet for USDC. */
  mint(to: Address, amount: MicroUsdc): Promise<void>;
  /** Tops addresses up to 100 coins for gas. */
  fundGas(addresses: readonly Address[]): Promise<void>;
  stop(): Promise<void>;
};

const GAS_WEI = 100n * 10n ** 18n;

/**
 * A private chain: anvil with Circle's USDC, Multicall3, and Bursar's registry and factory, within a second. With a state file it
 * is the same chain again, and an interrupted set-up continues.
 */
export async function startLocalChain(options: LocalChainOptions): Promise<LocalChain> {
  const { owner, policyDigest, anchorer, deployers = [], onEnd, ...anvilOptions } = options;
  const started = await startAnvil(anvilOptions);
  const again = async (port: number): Promise<Anvil> => {
    const next = await startAnvil({ ...anvilOptions, port });
    await resume(devClient(next.url, next.chainId), options);
    return next;
  };
  const anvil =
    options.stateFile === undefined
      ? started
      : keptAlive(started, { start: again, ...(onEnd ? { ended: onEnd } : {}) });
  try {
    const client = devClient(anvil.url, anvil.chainId);
    await resume(client, options);
    const fundGas = async (addresses: readonly Address[]): Promise<void> => {
      for (const address of addresses) {
        if ((await client.getBalance({ address })) < GAS_WEI) await client.setBalance({ address, value: GAS_WEI });
      }
    };
    const [deployer, proxyAdmin] = devAccounts;
    await Promise.all([installMulticall3(client), fundGas([owner.address])]);
    const usdc = await deployUsdc(client, { deployer, proxyAdmin: proxyAdmin.address, firstNonce: 0n });
    const contracts = await deployBursar(client, {
      owner,
      token: usdc.address,
      firstNonce: 0n,
      ...(anchorer ? { anchorer } : {}),
    });
    await nameDeployers(client, owner, contracts.factory, deployers);
    if (policyDigest !== undefined) await activateOnce(client, owner, contracts.registry, policyDigest);
    return {
      ...contracts,
      anvil,
      client,
      usdc,
      owner,
      mint: (to, amount) => mintUsdc(client, usdc, to, amount),
      fundGas,
      stop: () => anvil.stop(),
    };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

/** Accounts that are named already are left out: after an interrupted set-up, or on a resumed chain. */
async function nameDeployers(
  client: DevClient,
  owner: Account,
  factory: Address,
  deployers: readonly Address[],
): Promise<void> {
  const question = { address: factory, abi: agentWalletFactoryAbi, functionName: 'isDeployer' } as const;
  const known = await Promise.all(deployers.map((deployer) => client.readContract({ ...question, args: [deployer] })));
  const missing = deployers.filter((_, index) => !known[index]);
  if (missing.length > 0) {
    await sendInOrder(
      client,
      owner,
      missing.map((deployer) => setDeployerCall(factory, deployer, true)),
    );
  }
}

/** A resumed chain has state from its last block on: these blocks move the final block there, at which the books are read. */
async function resume(client: DevClient, { slotsInAnEpoch = 1 }: AnvilOptions): Promise<void> {
  if ((await client.getBlockNumber()) > 0n) await client.mine({ blocks: 2 * slotsInAnEpoch + 1 });
}

async function activateOnce(client: DevClient, owner: Account, registry: Address, policyDigest: Hex): Promise<void> {
  const current = await client.readContract({ address: registry, abi: policyRegistryAbi, functionName: 'current' });
  if (current !== policyDigest) await sendInOrder(client, owner, [activatePolicyCall(registry, policyDigest)]);
}
