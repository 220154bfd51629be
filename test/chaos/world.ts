import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Address, encodeFunctionData, erc20Abi } from 'viem';
import { type Client, createClient } from '../../src/api/client/client.ts';
import { ensureBuilt } from '../../src/api/http/console/builder.ts';
import { freePort } from '../../src/app/cli/testing/cli.ts';
import { sendInOrder } from '../../src/app/local-chain/client.ts';
import { type LocalChain, startLocalChain } from '../../src/app/local-chain/localChain.ts';
import { type LyingRpc, startLyingRpc } from '../../src/app/local-chain/lyingRpc.ts';
import { writeConfig } from '../../src/app/server/config.ts';
import { operatorKeyFile, prepareDataDir } from '../../src/app/server/dataDir.ts';
import { accountOf, openDataDirKeys } from '../../src/app/server/dataDirKeys.ts';
import { keepFinalizing } from '../../src/app/server/finalize.ts';
import type { KeyProvider } from '../../src/chain/keys/keys.ts';
import { createKeystore } from '../../src/chain/keys/keystore.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import { addressOf } from '../support/payoutScene.ts';
import type { Asked } from './payers.ts';
import { chaosPolicy } from './policy.ts';
import { type ChaosDatabase, openPostgres } from './postgres.ts';
import { type Random, randomFrom } from './random.ts';
import { type ServerProcess, serverProcess } from './serverProcess.ts';
import { openSmallDisk, type SmallDisk } from './smallDisk.ts';

export type Payer = { id: string; name: string; wallet: string; purse: string; key: string };
export type Payee = { name: string; address: string };

/** A chain that the servers do not own, the servers, and everyone who takes part, with money. */
export type World = {
  readonly dataDir: string;
  readonly random: Random;
  readonly local: LocalChain;
  /** One on SQLite; any number on PostgreSQL. `server` is the first. */
  readonly servers: readonly ServerProcess[];
  readonly server: ServerProcess;
  /** Between the server and the node; null unless it was asked for, as the disk. */
  readonly proxy: LyingRpc | null;
  readonly smallDisk: SmallDisk | null;
  /** Null on SQLite. */
  readonly database: ChaosDatabase | null;
  /** The server's clock is off by so many seconds from now on. */
  stepClock(seconds: number): void;
  readonly operator: Client;
  readonly agents: readonly Payer[];
  readonly payees: readonly Payee[];
  readonly fundedMicro: bigint;
  readonly budgetMicro: bigint;
  /** All payments that clients have asked for, in order. */
  readonly asked: Asked[];
  /** An amount that no other payment of this world has, so that each payment can be told on the chain. */
  nextAmount(): bigint;
  close(): Promise<void>;
};

export type WorldOptions = {
  seed: number;
  agents?: number;
  payees?: number;
  /** The budget that all payouts share. Default: far more than is ever asked for. */
  budgetMicro?: bigint;
  finalityBlocks?: number;
  /** A block at each interval; absent: a block for each transaction, at once. */
  blockSeconds?: number;
  database?: 'sqlite' | 'postgres';
  /** PostgreSQL with a standby that can take over. */
  withStandby?: boolean;
  /** How many servers answer; on SQLite one. */
  serverCount?: number;
  /** Puts a node that can lie between the server and the chain. */
  proxied?: boolean;
  /** Puts the data directory on a disk of its own that can be filled. */
  onSmallDisk?: boolean;
  /** Gives the server a clock that can be stepped. */
  steppedClock?: boolean;
};

const EACH_MICRO = 4_000_000_000n;
const DISK_MEGABYTES = 96;
const SETTLED_BLOCKS = 20;
const BOUNDLESS = 1_000_000_000_000_000n;
/** A keystore that opens fast: each of a thousand starts opens it. */
const [PASSPHRASE, SCRYPT_N] = ['of a test', 16_384];
const ROLES = ['owner', 'guardian', 'executor', 'approver', 'treasury', 'anchorer', 'log'];
const ROLES_WITH_GAS = ['executor', 'owner', 'guardian', 'treasury', 'anchorer'];

export async function openWorld(options: WorldOptions): Promise<World> {
  const { seed, finalityBlocks = 2, blockSeconds, budgetMicro = BOUNDLESS } = options;
  await ensureBuilt();
  const folder = mkdtempSync(join(tmpdir(), 'bursar-chaos-'));
  const ended: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of ended.reverse()) await end();
  };
  try {
    const smallDisk = options.onSmallDisk ? await openSmallDisk(DISK_MEGABYTES) : null;
    if (smallDisk) ended.push(() => smallDisk.close());
    const dataDir = prepareDataDir(join(smallDisk?.path ?? folder, 'data'));
    writeFileSync(join(dataDir.dir, 'passphrase'), PASSPHRASE, { mode: 0o600 });
    await createKeystore(dataDir.keystore, PASSPHRASE, ROLES, { scryptN: SCRYPT_N });
    const keys = await openDataDirKeys(dataDir);
    const local = await startLocalChain({
      owner: await accountOf(keys, 'owner'),
      anchorer: await keys.address('anchorer'),
      deployers: [await keys.address('executor')],
      ...(blockSeconds === undefined ? {} : { blockTimeSeconds: blockSeconds }),
    });
    ended.push(() => local.stop());
    await local.fundGas(await Promise.all(ROLES_WITH_GAS.map((role) => keys.address(role))));
    ended.push(keepFinalizing(local));
    const proxy = options.proxied ? await startLyingRpc(local.anvil.url) : null;
    if (proxy) ended.push(() => proxy.stop());
    writeConfig(dataDir, {
      chain: {
        id: local.anvil.chainId,
        rpc_url: proxy?.url ?? local.anvil.url,
        usdc: local.usdc.address,
        factory: local.factory,
        registry: local.registry,
        finality: { kind: 'depth', blocks: finalityBlocks },
        poll_ms: 100,
        start_block: '0',
      },
      server: { host: '127.0.0.1', port: 0 },
    });
    const clock = options.steppedClock ? steppedClock(join(folder, 'clock')) : null;
    const database = options.database === 'postgres' ? await openPostgres(options.withStandby ?? false) : null;
    if (database) ended.push(() => database.close());
    const servers: ServerProcess[] = [];
    for (let n = 0; n < (database ? (options.serverCount ?? 1) : 1); n += 1) {
      const name = n === 0 ? 'data' : `data-${n}`;
      // Every server has the same keys and configuration, in a folder of its own.
      if (n > 0) copyDataDir(dataDir.dir, join(folder, name));
      const server = serverProcess({
        dataDir: join(smallDisk?.asServer ?? folder, name),
        port: await freePort(),
        logFile: process.env.CHAOS_LOG ?? join(folder, 'server.log'),
        prefix: smallDisk?.prefix ?? [],
        nodeArguments: clock?.nodeArguments ?? [],
        env: { ...clock?.env, ...(database ? { DATABASE_URL: database.url } : {}) },
      });
      servers.push(server);
      ended.push(() => server.kill());
      const started = await server.start();
      if (started !== 'serves') throw new Error(`The server does not start: ${JSON.stringify(started)}`);
    }
    const [server] = servers as [ServerProcess];
    const operator = createClient(server.url, readFileSync(operatorKeyFile(dataDir), 'utf8').trim());
    const people = await populate(operator, { ...options, local, keys });
    let amount = 1_000n;
    return {
      dataDir: dataDir.dir,
      random: randomFrom(seed),
      local,
      servers,
      server,
      proxy,
      smallDisk,
      database,
      stepClock: (seconds) => clock?.step(seconds),
      operator,
      ...people,
      fundedMicro: EACH_MICRO,
      budgetMicro,
      asked: [],
      nextAmount: () => {
        amount += 1n;
        return amount;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function copyDataDir(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  for (const name of ['config.json', 'passphrase', 'keystore'])
    cpSync(join(from, name), join(to, name), { recursive: true });
}

/** A file with the seconds by which a server's clock is off, and what makes a process of Node read it. */
function steppedClock(file: string) {
  const step = (seconds: number): void => {
    writeFileSync(`${file}.new`, String(seconds));
    renameSync(`${file}.new`, file);
  };
  step(0);
  const shift = fileURLToPath(new URL('clockShift.mjs', import.meta.url));
  return { step, nodeArguments: ['--import', shift], env: { CHAOS_CLOCK_FILE: file } };
}

type Populating = WorldOptions & { local: LocalChain; keys: KeyProvider };

/** Policy, agents with keys and money, and verified payees, by the API as an operator does it. */
async function populate(operator: Client, options: Populating): Promise<Pick<World, 'agents' | 'payees'>> {
  const { local, keys, agents: agentCount = 4, payees: payeeCount = 20, budgetMicro = BOUNDLESS } = options;
  const { digest } = await operator.call('load_policy', { bundle: await chaosPolicy(budgetMicro), note: 'chaos' });
  await operator.call('activate_policy', { digest });
  const treasury = await accountOf(keys, 'treasury');
  await operator.call('create_sponsor', { name: 'Finance', treasury_address: treasury.address });
  const agents: Payer[] = [];
  for (let n = 0; n < agentCount; n += 1) {
    const name = `payer-${n}`;
    const made = await operator.call('create_agent', { name, sponsor: 'Finance' });
    const { key } = await operator.call('create_key', { role: 'agent', agent: made.id, name });
    const { address, purse } = made.wallet as { address: string; purse: string };
    agents.push({ id: String(made.id), name, wallet: address, purse, key: String(key) });
  }
  const payees: Payee[] = [];
  for (let n = 0; n < payeeCount; n += 1) {
    const payee = { name: `payee-${n}`, address: addressOf(`chaos-payee-${n}`) };
    const input = { ...payee, kind: 'contractor', categories: ['contractor'], verified: true };
    await operator.call('create_payee', input);
    payees.push(payee);
  }
  await local.mint(treasury.address, microUsdc(EACH_MICRO * BigInt(agentCount)));
  const transfers = agents.map(({ wallet }) => ({
    to: local.usdc.address,
    data: encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [wallet as Address, EACH_MICRO] }),
  }));
  await sendInOrder(local.client, treasury, transfers);
  for (const { id } of agents) {
    while (!(await isFunded(operator, id))) await sleep(50);
  }
  // What a reorg may take is only what happens from here on.
  await local.client.mine({ blocks: SETTLED_BLOCKS });
  return { agents, payees };
}

async function isFunded(operator: Client, id: string): Promise<boolean> {
  const { balances } = (await operator.call('get_agent', { id })) as { balances: { available: { value: string } } };
  return balances.available.value !== '0.00';
}
