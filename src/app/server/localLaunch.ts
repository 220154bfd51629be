import { existsSync, renameSync, writeFileSync } from 'node:fs';
import type { KeyProvider } from '../../chain/keys/keys.ts';
import { readEnvironment } from '../../core/environment/environment.ts';
import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import { createCredential } from '../../decide/identity/credentials.ts';
import { readStarterBundle } from '../../decide/policy/starter.ts';
import type { Store } from '../../store/store.ts';
import { type LocalChain, startLocalChain } from '../local-chain/localChain.ts';
import { type BursarServer, startServer } from './bursarServer.ts';
import { type Config, type DataDir, readConfig, writeConfig } from './config.ts';
import { operatorKeyFile, prepareDataDir } from './dataDir.ts';
import { accountOf, makeDataDirKeys, openDataDirKeys } from './dataDirKeys.ts';
import { lockDataDir } from './dataDirLock.ts';
import { keepFinalizing } from './finalize.ts';
import { anyOperatorKey } from './queries.ts';
import { clearRunning, writeRunning } from './running.ts';
import { openServerDatabase } from './serverDatabase.ts';

export { accountOf } from './dataDirKeys.ts';

export type Launched = {
  bursar: BursarServer;
  dataDir: DataDir;
  config: Config;
  rpcUrl: string;
  url: string;
  keys: KeyProvider;
  /** Null if the chain is not local. */
  local: LocalChain | null;
  /** The operator's key if this start made one: for tests. People get the path `operatorKeyFile`, because output lands in logs. */
  operatorKey: string | null;
  stop(): Promise<void>;
};
export type LaunchOptions = {
  dir: string;
  /** Null: the configured one. */
  port: number | null;
  version: string;
  say: (line: string) => void;
  /** Make another operator key, for when the first is lost. */
  newOperatorKey?: boolean;
  /** A PostgreSQL database, in place of the file in the data directory. Default: `DATABASE_URL`. */
  databaseUrl?: string;
  /** Maps the node's URL to the one that the server uses, for example a proxy's. */
  rpcOf?: (url: string) => Promise<string>;
};

/**
 * Opens the data directory and serves. A new directory gets keys, a local chain with USDC, contracts, the starter policy and the
 * operator's key; an existing one continues. Throws `storage_in_use` if a server runs on it already.
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { port, version, say } = options;
  const environment = readEnvironment();
  const dataDir = prepareDataDir(options.dir);
  const lock = lockDataDir(dataDir);
  let local: LocalChain | null = null;
  let store: Store | null = null;
  let bursar: BursarServer | null = null;
  let pulse: (() => void) | null = null;
  const stop = async (): Promise<void> => {
    pulse?.();
    await bursar?.stop();
    await store?.close();
    await local?.stop();
    clearRunning(dataDir);
    await lock.release();
  };
  try {
    const before = readConfig(dataDir);
    const keys = await keysOf(dataDir, say);
    if (before === null || before.chain.rpc_url === null) local = await startChain(dataDir, keys, before, say);
    const config = before ?? localConfig(dataDir, local);
    const nodeUrl = environment.BURSAR_RPC_URL ?? local?.anvil.url ?? config.chain.rpc_url;
    if (!nodeUrl) throw new BursarError('not_configured', { message: 'No RPC is configured.' });
    const rpcUrl = options.rpcOf ? await options.rpcOf(nodeUrl) : nodeUrl;
    const served = servedConfig(config, dataDir, port);
    const databaseUrl = options.databaseUrl ?? environment.DATABASE_URL ?? null;
    store = await openServerDatabase({ dataDir, config, keys, databaseUrl });
    bursar = await startServer({
      store,
      config: served,
      rpcUrl,
      witnessUrls: environment.BURSAR_WITNESS_RPC_URLS ?? config.chain.witness_rpc_urls,
      keys,
      version,
    });
    await firstPolicy(bursar, local !== null, say);
    const operatorKey = await operatorKeyOf(bursar, dataDir, options.newOperatorKey ?? false);
    const url = await bursar.listen();
    pulse = local ? keepFinalizing(local) : null;
    writeRunning(dataDir, { pid: process.pid, url, rpc_url: rpcUrl });
    return { bursar, dataDir, config: served, rpcUrl, url, keys, local, operatorKey, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function servedConfig(config: Config, dataDir: DataDir, port: number | null): Config {
  const { server, anchors } = config;
  return {
    ...config,
    server: port === null ? server : { ...server, port },
    anchors: { ...anchors, file: anchors.file ?? dataDir.checkpoints },
  };
}

export async function keysOf(dataDir: DataDir, say: (line: string) => void): Promise<KeyProvider> {
  if (!existsSync(dataDir.keystore)) say('Making keys (encrypted keystore)');
  await makeDataDirKeys(dataDir);
  return openDataDirKeys(dataDir);
}

/** The data directory's local chain: a new one, or the existing one. Its keys have gas. */
export async function startChain(
  dataDir: DataDir,
  keys: KeyProvider,
  config: Config | null,
  say: (line: string) => void,
): Promise<LocalChain> {
  const held = await keys.roles();
  say(
    existsSync(dataDir.chainState) ? 'Resuming the local chain' : "Starting a local chain (anvil) with Circle's USDC",
  );
  const local = await startLocalChain({
    chainId: config?.chain.id ?? 31_337,
    stateFile: dataDir.chainState,
    owner: await accountOf(keys, 'owner'),
    ...(held.includes('anchorer') ? { anchorer: await keys.address('anchorer') } : {}),
    deployers: [await keys.address('executor')],
    onEnd: (isLast) =>
      log.error(
        isLast
          ? 'the local chain ends again and again: it is not started any more'
          : 'the local chain ended; starting it again',
      ),
  });
  const sending = ['executor', 'owner', 'guardian', 'treasury', 'anchorer'];
  const roles = held.filter((role) => sending.includes(role) || role.startsWith('executor-'));
  await local.fundGas(await Promise.all(roles.map((role) => keys.address(role))));
  return local;
}

export function localConfig(dataDir: DataDir, local: LocalChain | null): Config {
  if (!local) throw new BursarError('not_configured');
  return writeConfig(dataDir, {
    chain: {
      id: local.anvil.chainId,
      rpc_url: null,
      usdc: local.usdc.address,
      factory: local.factory,
      registry: local.registry,
      finality: { kind: 'depth', blocks: 2 },
      poll_ms: 200,
      start_block: '0',
    },
    server: { host: '127.0.0.1', port: 8402 },
  });
}

/** The first start activates the starter policy. If it is interrupted, the next start completes it. */
async function firstPolicy({ app }: BursarServer, isLocal: boolean, say: (line: string) => void): Promise<void> {
  if ((await app.policies.list()).some((version) => version.active)) return;
  const act = { actor: 'bursar', atMs: app.clock() };
  say('Loading and activating the starter policy');
  const { digest } = await app.policies.load(await readStarterBundle(), 'starter', act);
  try {
    await app.policies.activate(digest, 'activate', act);
  } catch (error) {
    // On a public chain the owner may have to act first; until then nothing is allowed, and everything else works.
    if (isLocal || !(error instanceof BursarError)) throw error;
    say(
      `No policy is active yet, so every payment is refused: ${error.message} Then: bursar policy activate ${digest}`,
    );
  }
}

/** The key is written to its file before the database has it: a crash in between leaves an unused file, never a lost key. */
async function operatorKeyOf({ app, store }: BursarServer, dataDir: DataDir, another: boolean): Promise<string | null> {
  const act = { actor: 'bursar', atMs: app.clock() };
  return store.write(async (tx) => {
    const has = await tx.get(anyOperatorKey);
    if (has && !another) return null;
    const name = has ? 'another operator' : 'first operator';
    const { key } = await createCredential(tx, act, { role: 'operator', agentId: null, name });
    const draft = `${operatorKeyFile(dataDir)}.new`;
    writeFileSync(draft, `${key}\n`, { mode: 0o600 });
    renameSync(draft, operatorKeyFile(dataDir));
    return key;
  });
}
