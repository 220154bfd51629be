import { type Address, getAddress } from 'viem';
import { agentWalletFactoryAbi } from '../../chain/contracts/contracts.generated.ts';
import { readTokenDomain } from '../../chain/contracts/tokenDomain.ts';
import type { KeyProvider } from '../../chain/keys/keys.ts';
import { type Chain, openChain } from '../../chain/node/chain.ts';
import { requireSupportedChain } from '../../chain/node/chainProfile.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type Config, readConfig, writeConfig } from './config.ts';
import { prepareDataDir } from './dataDir.ts';
import { lockDataDir } from './dataDirLock.ts';
import { keysOf, localConfig, startChain } from './localLaunch.ts';

/** A public chain with Bursar's contracts. */
export type RemoteChain = {
  rpcUrl: string;
  chainId: number;
  usdc: Address;
  factory: Address;
  registry: Address | null;
};
export type InitOptions = { dir: string; remote: RemoteChain | null; say: (line: string) => void };
export type Initialised = { config: Config; addresses: { role: string; address: Address }[] };

/** One or two blocks a second is the fastest rate of public chains. */
const REMOTE_POLL_MS = 1_000;

/**
 * Makes a data directory: keys, configuration, and a local chain if none is given. Throws `conflict` if there is one already:
 * nothing is overwritten. A given chain is checked first: `chain_unavailable`, `chain_mismatch`, `not_configured`.
 */
export async function initDataDir({ dir, remote, say }: InitOptions): Promise<Initialised> {
  const dataDir = prepareDataDir(dir);
  const lock = lockDataDir(dataDir);
  try {
    if (readConfig(dataDir))
      throw new BursarError('conflict', { message: `There is a data directory in ${dir} already; it stays.` });
    if (remote) await checkRemote(remote);
    const keys = await keysOf(dataDir, say);
    if (remote) return { config: writeConfig(dataDir, remoteConfig(remote)), addresses: await addressesOf(keys) };
    const local = await startChain(dataDir, keys, null, say);
    try {
      return { config: localConfig(dataDir, local), addresses: await addressesOf(keys) };
    } finally {
      await local.stop();
    }
  } finally {
    await lock.release();
  }
}

async function addressesOf(keys: KeyProvider): Promise<Initialised['addresses']> {
  return Promise.all((await keys.roles()).map(async (role) => ({ role, address: await keys.address(role) })));
}

function remoteConfig(remote: RemoteChain): Parameters<typeof writeConfig>[1] {
  return {
    chain: {
      id: remote.chainId,
      rpc_url: remote.rpcUrl,
      usdc: remote.usdc,
      factory: remote.factory,
      registry: remote.registry,
      finality: { kind: 'tag' },
      poll_ms: REMOTE_POLL_MS,
      start_block: null,
    },
    server: { host: '127.0.0.1', port: 8402 },
  };
}

/** Checks the chain's id, the token's domain, and that the factory is configured with this token and this registry. */
async function checkRemote(remote: RemoteChain): Promise<void> {
  requireSupportedChain(remote.chainId);
  const chain = openChain({ chainId: remote.chainId, rpcUrl: remote.rpcUrl, token: remote.usdc });
  await readTokenDomain(chain);
  const [token, registry] = await factoryTies(chain, remote.factory);
  if (token !== getAddress(remote.usdc)) {
    throw new BursarError('not_configured', {
      message: `The factory at ${remote.factory} is tied to the token ${token}, not to ${remote.usdc}.`,
    });
  }
  const wanted = remote.registry ?? '0x0000000000000000000000000000000000000000';
  if (registry !== getAddress(wanted)) {
    throw new BursarError('not_configured', {
      message: `The factory at ${remote.factory} is tied to the registry ${registry}, not to ${wanted}.`,
    });
  }
}

async function factoryTies(chain: Chain, address: Address): Promise<[Address, Address]> {
  const factory = { address, abi: agentWalletFactoryAbi } as const;
  try {
    return await chain.run((client) =>
      Promise.all([
        client.readContract({ ...factory, functionName: 'token' }),
        client.readContract({ ...factory, functionName: 'registry' }),
      ]),
    );
  } catch (error) {
    if (error instanceof BursarError) throw error;
    throw new BursarError('not_configured', { message: `There is no AgentWalletFactory at ${address} on this chain.` });
  }
}
