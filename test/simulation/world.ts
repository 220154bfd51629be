import { type Address, encodeFunctionData, erc20Abi, getAddress, type Hex } from 'viem';
import { openBooks } from '../../src/books/ledger/rowSeals.ts';
import { walletConfig } from '../../src/chain/contracts/walletConfig.ts';
import { walletPlan } from '../../src/chain/contracts/walletPlan.ts';
import { type KeyProvider, memoryKeys } from '../../src/chain/keys/keys.ts';
import type { Finality } from '../../src/chain/relayer/observation.ts';
import { newId, setIdSource } from '../../src/core/ids/ids.ts';
import { microUsdc, parseUsdc } from '../../src/core/money/microUsdc.ts';
import { createAgent } from '../../src/decide/identity/agents.ts';
import type { Agent } from '../../src/decide/identity/identity.ts';
import { createPayee } from '../../src/decide/identity/payees.ts';
import { createSponsor } from '../../src/decide/identity/sponsors.ts';
import type { ChainFacts } from '../../src/decide/payments/request.ts';
import { loadPolicy } from '../../src/decide/policy/loadPolicy.ts';
import type { Policy } from '../../src/decide/policy/policy.ts';
import { readStarterBundle } from '../../src/decide/policy/starter.ts';
import type { Store } from '../../src/store/store.ts';
import type { Block } from './chain/block.ts';
import { ModelChain } from './chain/modelChain.ts';
import { ModelNode } from './chain/node.ts';
import type { ClientRequest } from './clients.ts';
import type { Presented } from './purchases.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { composeServer, type SimulatedServer } from './server.ts';

export const CHAIN_ID = 31_337;
export const START_MS = Date.UTC(2026, 10, 24, 12);
export const FINALITY_BLOCKS = 8;
const numbered = (n: number): Address => getAddress(`0x${n.toString(16).padStart(40, '0')}`);
export const places = {
  token: numbered(0x70),
  factory: numbered(0xfa),
  treasury: numbered(0x7e),
  owner: numbered(0x0e),
  shop: numbered(0x5409),
};
const EXECUTOR_KEY: Hex = `0x${'42'.repeat(32)}`;
const chainFacts: ChainFacts = {
  chainId: CHAIN_ID,
  network: `eip155:${CHAIN_ID}`,
  token: places.token,
  factory: places.factory,
};

let policyOnce: Promise<Policy> | null = null;
/** The shipped starter policy. Its limit of time is of the machine, so it does not count here. */
const starterPolicy = (): Promise<Policy> => {
  policyOnce ??= readStarterBundle().then((text) => loadPolicy(text, { evaluationLimitMs: 60_000 }));
  return policyOnce;
};

export type SimulatedAgent = { agent: Agent; wallet: Address; purse: Address };

/** Everything of one run: the chain, the database, the servers, the clients, the time. */
export type World = {
  random: Random;
  nowMs: number;
  scheduler: Scheduler;
  chain: ModelChain;
  node: ModelNode;
  witness: ModelNode;
  /** Tips of branches that were given up, the newest last. */
  stale: Block[];
  /** The database itself: what is committed, without the faults between it and the servers. */
  store: Store;
  policy: Policy;
  finality: Finality;
  keys: KeyProvider;
  executor: Address;
  agents: SimulatedAgent[];
  payees: { id: string; address: Address }[];
  servers: SimulatedServer[];
  /** How far the clock of a server is from the true time, by its place in `servers`. */
  offsetsMs: number[];
  requests: ClientRequest[];
  /** Signatures that a seller has been given. */
  presented: Presented[];
  /** What code under test threw that it should not. */
  errors: unknown[];
  nextServerId: number;
  /** What happened, one line a step. */
  trace: string[];
  /** The faults have ended: what still happens is the same for every run, and not for the trace. */
  isCalm: boolean;
};

export async function createWorld(seed: number): Promise<World> {
  const random = new Random(seed);
  setIdSource(idsOf(new Random(seed ^ 0x1d1d1d1d)));
  const keys = memoryKeys(new Map([['executor', EXECUTOR_KEY]]));
  const executor = await keys.address('executor');
  const chain = new ModelChain(
    { chainId: CHAIN_ID, token: places.token, factory: places.factory, startS: START_MS / 1000 - 600 },
    (state) => {
      state.usdc.set(places.treasury, parseUsdc('1000000'));
      state.senders.set(executor, { nonce: 0, wei: 10n ** 20n });
    },
  );
  const stale: Block[] = [];
  const nodeOf = (): ModelNode => new ModelNode(chain, FINALITY_BLOCKS, () => stale);
  const store = await openBooks(':memory:');
  const world: World = {
    random,
    nowMs: START_MS,
    scheduler: new Scheduler(),
    chain,
    node: nodeOf(),
    witness: nodeOf(),
    stale,
    store,
    policy: await starterPolicy(),
    finality: random.chance(0.5) ? { kind: 'tag' } : { kind: 'depth', blocks: FINALITY_BLOCKS },
    keys,
    executor,
    agents: [],
    payees: [],
    servers: [],
    offsetsMs: [],
    requests: [],
    presented: [],
    errors: [],
    nextServerId: 1,
    trace: [],
    isCalm: false,
  };
  await populate(world);
  return world;
}

/** Ids in the order of time and without the machine's clock: a count, then random bits, in the form of a UUIDv7. */
function idsOf(random: Random): () => Uint8Array {
  let count = START_MS;
  return () => {
    count += 1;
    const bytes = random.bytes(16);
    for (let i = 0; i < 6; i += 1) bytes[i] = Math.floor(count / 256 ** (5 - i)) % 256;
    bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
    bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
    return bytes;
  };
}

const PAYEES = 3;

async function populate(world: World): Promise<void> {
  const { store, random } = world;
  const act = { actor: 'simulation', atMs: START_MS - 86_400_000 };
  const agents = random.between(1, 3);
  await store.write(async (tx) => {
    const sponsor = await createSponsor(tx, act, { name: 'Research', treasuryAddress: places.treasury });
    for (let n = 0; n < PAYEES; n += 1) {
      const address = numbered(0xc0ffee00 + n);
      const { id } = await createPayee(tx, act, {
        name: `Payee ${n}`,
        kind: 'contractor',
        agentId: null,
        categories: ['contractor'],
        hosts: [],
        addresses: [{ address, verified: true }],
      });
      world.payees.push({ id, address });
    }
    await createPayee(tx, act, {
      name: 'Shop',
      kind: 'merchant',
      agentId: null,
      categories: ['data'],
      hosts: ['shop.example'],
      addresses: [{ address: places.shop, verified: true }],
    });
    for (let n = 0; n < agents; n += 1) {
      const id = newId('agent');
      const config = walletConfig({
        agentId: id,
        owner: places.owner,
        guardian: places.owner,
        executor: world.executor,
        ...(n === 1 ? { perPeriod: microUsdc(60_000_000n) } : {}),
      });
      const wallet = walletPlan(CHAIN_ID, places.factory, config);
      const agent = await createAgent(tx, act, { id, name: `agent ${n}`, sponsor: sponsor.id, labels: {}, wallet });
      world.agents.push({ agent, wallet: wallet.address, purse: wallet.purse });
    }
  });
  for (const { wallet } of world.agents) deposit(world, wallet, BigInt(random.between(50, 400)) * 1_000_000n);
}

/** The sponsor sends money to a wallet. */
export function deposit({ chain }: World, wallet: Address, amount: bigint): void {
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [wallet, amount] });
  chain.act(places.treasury, places.token, data);
}

/** Starts a server process in that place; the one before it must be dead. */
export function startServer(world: World, place: number): SimulatedServer {
  const id = world.nextServerId;
  world.nextServerId += 1;
  world.offsetsMs[place] ??= 0;
  const server = composeServer({
    id,
    store: world.store,
    scheduler: world.scheduler,
    node: world.node,
    witness: world.witness,
    keys: world.keys,
    executor: world.executor,
    policy: world.policy,
    chainFacts,
    finality: world.finality,
    clock: () => world.nowMs + (world.offsetsMs[place] ?? 0),
    trueClock: () => world.nowMs,
    onError: (error) => world.errors.push(error),
  });
  world.servers[place] = server;
  return server;
}
