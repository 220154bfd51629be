import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Address, type Hex, hashTypedData } from 'viem';
import { type LocalAccount, toAccount } from 'viem/accounts';
import { type LocalChain, startLocalChain } from '../devnet/localChain.ts';
import { BursarError } from '../errors/base.ts';
import { createCredential } from '../identity/credentials.ts';
import { readStarterBundle } from '../policy/starter.ts';
import { environmentKeys, type KeyProvider, layeredKeys } from '../wallet/keys.ts';
import { createKeystore, openKeystore } from '../wallet/keystore.ts';
import { type Config, type Home, homeAt, readConfig, writeConfig } from './config.ts';
import { type Office, openOffice } from './office.ts';

/** The roles a new home gets keys for; `approver` is the first approver, `treasury` funds agents on the local chain. */
const ROLES = ['owner', 'guardian', 'executor', 'approver', 'treasury'] as const;

export type Launched = {
  office: Office;
  home: Home;
  config: Config;
  rpcUrl: string;
  url: string;
  keys: KeyProvider;
  /** Null where the chain is not ours. */
  local: LocalChain | null;
  /** Shown once, when the home is made. */
  operatorKey: string | null;
  stop(): Promise<void>;
};
export type LaunchOptions = { dir: string; port: number | null; version: string; say: (line: string) => void };

/**
 * Opens the data folder and serves. A new folder gets keys, a local chain with USDC, contracts, the starter policy and the
 * operator's key; an old one goes on where it stopped.
 */
export async function launch({ dir, port, version, say }: LaunchOptions): Promise<Launched> {
  const home = homeAt(dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const keys = await openKeys(home, say);
  const before = readConfig(home);
  const isLocal = before === null || before.chain.rpc_url === null;
  const local = isLocal ? await startChain(home, keys, before?.chain.id ?? 31_337, say) : null;
  try {
    const config = before ?? firstConfig(home, local);
    const rpcUrl = process.env.BURSAR_RPC_URL ?? local?.anvil.url ?? config.chain.rpc_url;
    if (!rpcUrl) throw new BursarError('not_configured', { message: 'No RPC is configured.' });
    const served = port === null ? config : { ...config, server: { ...config.server, port } };
    const office = await openOffice({ config: served, rpcUrl, databasePath: home.database, keys, version });
    const operatorKey = await firstRun(office, say);
    const url = await office.listen();
    const pulse = local ? keepFinalizing(local) : null;
    return {
      office,
      home,
      config: served,
      rpcUrl,
      url,
      keys,
      local,
      operatorKey,
      stop: async () => {
        pulse?.();
        await office.stop();
        await local?.stop();
      },
    };
  } catch (error) {
    await local?.stop();
    throw error;
  }
}

/** Keys from the environment first, then from the encrypted keystore; a new home gets one. */
async function openKeys(home: Home, say: (line: string) => void): Promise<KeyProvider> {
  const passphrase = process.env.BURSAR_PASSPHRASE ?? localPassphrase(home);
  if (!existsSync(home.keystore)) {
    say('Making keys (encrypted keystore)');
    await createKeystore(home.keystore, passphrase, ROLES);
  }
  return layeredKeys(environmentKeys(process.env), await openKeystore(home.keystore, passphrase));
}

/** Without BURSAR_PASSPHRASE the passphrase lies beside the keystore: fit for a laptop's test money, as the docs say. */
function localPassphrase(home: Home): string {
  const path = join(home.dir, 'passphrase');
  if (!existsSync(path)) {
    if (existsSync(home.keystore)) {
      throw new BursarError('keystore_locked', { message: 'Set BURSAR_PASSPHRASE to open the keystore.' });
    }
    writeFileSync(path, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  }
  return readFileSync(path, 'utf8').trim();
}

async function startChain(
  home: Home,
  keys: KeyProvider,
  chainId: number,
  say: (line: string) => void,
): Promise<LocalChain> {
  say(existsSync(home.chainState) ? 'Resuming the local chain' : "Starting a local chain (anvil) with Circle's USDC");
  const local = await startLocalChain({ chainId, stateFile: home.chainState, owner: await accountOf(keys, 'owner') });
  await local.fundGas([await keys.address('executor'), await keys.address('owner'), await keys.address('guardian')]);
  return local;
}

function firstConfig(home: Home, local: LocalChain | null): Config {
  if (!local) throw new BursarError('not_configured');
  return writeConfig(home, {
    chain: {
      id: local.anvil.chainId,
      rpc_url: null,
      usdc: local.usdc.address,
      factory: local.factory,
      registry: local.registry,
      finality: { kind: 'depth', blocks: 2 },
      poll_ms: 200,
      start_block: null,
    },
    server: { host: '127.0.0.1', port: 8402 },
  });
}

/** The first start makes the operator's key and activates the starter policy. Cut short, the next start does what is missing. */
async function firstRun(office: Office, say: (line: string) => void): Promise<string | null> {
  const { app, store } = office;
  const act = { actor: 'bursar', atMs: app.clock() };
  if (!hasPolicy(office)) {
    say('Loading and activating the starter policy');
    const policy = await app.policies.load(await readStarterBundle(), 'starter', act);
    await app.policies.activate(policy.digest, 'activate', act);
  }
  return store.write((tx) => {
    if (tx.get("SELECT id FROM credentials WHERE role = 'operator'")) return null;
    return createCredential(tx, act, { role: 'operator', agentId: null, name: 'first operator' }).key;
  });
}

function hasPolicy({ app }: Office): boolean {
  return app.policies.list().some((version) => version.active);
}

/** The provider's key as a viem account, for setting up a local chain. */
export async function accountOf(keys: KeyProvider, role: string): Promise<LocalAccount> {
  const address: Address = await keys.address(role);
  return toAccount({
    address,
    signMessage: () => Promise.reject(new BursarError('not_configured', { message: 'This key signs no messages.' })),
    signTransaction: (transaction) => {
      const { type = 'eip1559' } = transaction;
      if (type !== 'eip1559') throw new BursarError('not_configured', { message: 'Only EIP-1559 transactions.' });
      return keys.signTransaction(role, { ...transaction, type: 'eip1559' } as Parameters<
        KeyProvider['signTransaction']
      >[1]);
    },
    signTypedData: (typedData) =>
      keys.signDigest(role, hashTypedData(typedData as Parameters<typeof hashTypedData>[0])) as Promise<Hex>,
  });
}

/** A local chain makes a block per transaction, so nothing would ever get final: give it some blocks after the last one. */
function keepFinalizing(local: LocalChain): () => void {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    void settle().finally(() => {
      busy = false;
    });
  }, 500);
  async function settle(): Promise<void> {
    try {
      const block = await local.client.getBlock({ blockTag: 'latest' });
      const recent = await Promise.all(
        [0n, 1n, 2n].map((back) =>
          block.number > back ? local.client.getBlock({ blockNumber: block.number - back }) : Promise.resolve(block),
        ),
      );
      if (recent.some((each) => each.transactions.length > 0)) await local.client.mine({ blocks: 1 });
    } catch {
      // The chain is stopping or restarting; the next beat tries again.
    }
  }
  return () => clearInterval(timer);
}
