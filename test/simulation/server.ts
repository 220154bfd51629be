import type { Address } from 'viem';
import { type Duties, openDuties } from '../../src/app/server/duties.ts';
import { pinTokenDomain, type TokenDomain } from '../../src/chain/contracts/tokenDomain.ts';
import { readAnchor } from '../../src/chain/follow/cursor.ts';
import { createFollower } from '../../src/chain/follow/follower.ts';
import { viemSource } from '../../src/chain/follow/viemSource.ts';
import type { KeyProvider } from '../../src/chain/keys/keys.ts';
import { type Chain, openChain } from '../../src/chain/node/chain.ts';
import type { Finality } from '../../src/chain/relayer/observation.ts';
import { createRelayer } from '../../src/chain/relayer/relayer.ts';
import { createSettler } from '../../src/chain/settlement/settler.ts';
import { createGate, type Gate } from '../../src/decide/payments/gateQueue.ts';
import type { ChainFacts } from '../../src/decide/payments/request.ts';
import type { Policy } from '../../src/decide/policy/policy.ts';
import { createPurchaseSigner, type PurchaseSigner } from '../../src/spend/x402/signer.ts';
import { cancelUnsigned } from '../../src/spend/x402/unsigned.ts';
import type { Store } from '../../src/store/store.ts';
import type { ModelNode } from './chain/node.ts';
import { faultStore } from './faultStore.ts';
import type { Scheduler } from './scheduler.ts';
import { modelTransport } from './transport.ts';

/** `lease`: a round of the leases. The others do nothing while another server leads their task. */
export const workerNames = ['lease', 'settle', 'relay', 'follow', 'unsigned'] as const;
export type WorkerName = (typeof workerNames)[number];

/** One running process: the real parts over the database and the nodes as this process sees them. */
export type SimulatedServer = {
  id: number;
  gate: Gate;
  signer: PurchaseSigner;
  run: (name: WorkerName) => Promise<unknown>;
  /** Workers in the middle of a step: one step of each runs at a time. */
  busy: Set<WorkerName>;
};

export type ServerParts = {
  id: number;
  store: Store;
  scheduler: Scheduler;
  node: ModelNode;
  witness: ModelNode;
  keys: KeyProvider;
  executor: Address;
  policy: Policy;
  chainFacts: ChainFacts;
  finality: Finality;
  /** The time of decisions, as this server has it. */
  clock: () => number;
  /** The database's clock, and one that nothing steps. */
  trueClock: () => number;
  onError: (error: unknown) => void;
};

/** Composes a server as `startServer` does, without HTTP and without timers: the simulation decides when each worker runs. */
export function composeServer(parts: ServerParts): SimulatedServer {
  const { id, scheduler, policy, chainFacts, clock, trueClock } = parts;
  const store = faultStore(parts.store, scheduler, id);
  const process = { holder: `server ${id}`, clock: trueClock, monotonic: trueClock };
  const chain = chainBy(parts, parts.node);
  let opened: Promise<ReturnType<typeof workersOf>> | null = null;
  /** The leases are taken first. A start that fails is one of a process that begins again. */
  const open = (): Promise<ReturnType<typeof workersOf>> =>
    openDuties({
      store,
      chainId: chainFacts.chainId,
      senders: new Map([[parts.executor, 'executor']]),
      onChange: () => {},
      process,
    }).then((duties) => workersOf(parts, { store, chain, duties }));
  return {
    id,
    gate: createGate(store, () => ({ policy, chain: chainFacts, atMs: clock() })),
    signer: createPurchaseSigner({
      store,
      chain,
      keys: parts.keys,
      clock,
      domain: domainOf(store, chain),
      maxValiditySeconds: () => policy.settings.x402.maxValiditySeconds,
    }),
    run: async (name) => {
      opened ??= open().catch((error: unknown) => {
        opened = null;
        throw error;
      });
      return (await opened)[name]();
    },
    busy: new Set(),
  };
}

const chainBy = ({ id, scheduler, chainFacts }: ServerParts, node: ModelNode): Chain =>
  openChain({
    chainId: chainFacts.chainId,
    token: chainFacts.token,
    rpcUrl: 'http://model',
    transport: modelTransport(node, scheduler, id),
  });

/** Read once; a failure is forgotten. */
function domainOf(store: Store, chain: Chain): () => Promise<TokenDomain> {
  let pinned: Promise<TokenDomain> | null = null;
  return () => {
    pinned ??= pinTokenDomain(store, chain).catch((error: unknown) => {
      pinned = null;
      throw error;
    });
    return pinned;
  };
}

type Opened = { store: Store; chain: Chain; duties: Duties };

function workersOf(parts: ServerParts, { store, chain, duties }: Opened): Record<WorkerName, () => Promise<unknown>> {
  const { keys, executor, policy, chainFacts, finality, clock } = parts;
  const { chainId, factory } = chainFacts;
  const relayer = createRelayer({
    store,
    chain,
    keys,
    queues: duties.queues,
    senders: [executor],
    clock,
    finality,
    provenFinal: async () => (await store.read((tx) => readAnchor(tx, chainId)))?.number ?? null,
    onError: parts.onError,
  });
  const follower = duties.worker('follow', (led) =>
    createFollower({
      store: led,
      chain: viemSource(chain),
      witnesses: [viemSource(chainBy(parts, parts.witness))],
      clock,
      chainId,
      finality,
      meters: async () => policy.meters,
      startBlock: 0n,
    }),
  );
  const settler = duties.worker('settle', (led) =>
    createSettler({ store: led, chain, factory, executors: [executor], clock }),
  );
  const unsigned = duties.worker('settle', (led) => () => cancelUnsigned(led, clock));
  return {
    unsigned: async () => (await unsigned())?.(),
    lease: () => duties.leases.round(),
    settle: async () => (await settler())?.tick(),
    relay: () => relayer.tick(),
    follow: async () => (await follower())?.tick(),
  };
}
