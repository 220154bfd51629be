import type { Address } from 'viem';
import { readAnchor } from '../../src/chain/follow/cursor.ts';
import { createFollower } from '../../src/chain/follow/follower.ts';
import { viemSource } from '../../src/chain/follow/viemSource.ts';
import type { KeyProvider } from '../../src/chain/keys/keys.ts';
import { openChain } from '../../src/chain/node/chain.ts';
import type { Finality } from '../../src/chain/relayer/observation.ts';
import { createRelayer } from '../../src/chain/relayer/relayer.ts';
import { createSettler } from '../../src/chain/settlement/settler.ts';
import { createGate, type Gate } from '../../src/decide/payments/gateQueue.ts';
import type { ChainFacts } from '../../src/decide/payments/request.ts';
import type { Policy } from '../../src/decide/policy/policy.ts';
import type { Store } from '../../src/store/store.ts';
import type { ModelNode } from './chain/node.ts';
import { faultStore } from './faultStore.ts';
import type { Scheduler } from './scheduler.ts';
import { modelTransport } from './transport.ts';

export const workerNames = ['settle', 'relay', 'follow'] as const;
export type WorkerName = (typeof workerNames)[number];

/** One running process: the real parts over the database and the nodes as this process sees them. */
export type SimulatedServer = {
  id: number;
  gate: Gate;
  workers: Readonly<Record<WorkerName, () => Promise<unknown>>>;
  /** Workers in the middle of a step: one step of each runs at a time. */
  busy: Set<WorkerName>;
};

export type ServerParts = {
  id: number;
  store: Store;
  scheduler: Scheduler;
  node: ModelNode;
  witness: ModelNode | null;
  keys: KeyProvider;
  executor: Address;
  policy: Policy;
  chainFacts: ChainFacts;
  finality: Finality;
  clock: () => number;
  onError: (error: unknown) => void;
};

/** Composes a server as `startServer` does, without HTTP and without timers: the simulation decides when each worker runs. */
export function composeServer(parts: ServerParts): SimulatedServer {
  const { id, scheduler, keys, executor, policy, chainFacts, finality, clock } = parts;
  const { chainId, token, factory } = chainFacts;
  const store = faultStore(parts.store, scheduler, id);
  const chainBy = (node: ModelNode) =>
    openChain({ chainId, token, rpcUrl: 'http://model', transport: modelTransport(node, scheduler, id) });
  const chain = chainBy(parts.node);
  const relayer = createRelayer({
    store,
    chain,
    keys,
    queues: ['executor'],
    clock,
    finality,
    provenFinal: async () => (await store.read((tx) => readAnchor(tx, chainId)))?.number ?? null,
    onError: parts.onError,
  });
  const follower = createFollower({
    store,
    chain: viemSource(chain),
    witnesses: parts.witness === null ? [] : [viemSource(chainBy(parts.witness))],
    clock,
    chainId,
    finality,
    meters: () => policy.meters,
    startBlock: 0n,
  });
  const settler = createSettler({ store, chain, factory, executor, clock });
  return {
    id,
    gate: createGate(store, () => ({ policy, chain: chainFacts, atMs: clock() })),
    workers: { settle: () => settler.tick(), relay: () => relayer.tick(), follow: () => follower.tick() },
    busy: new Set(),
  };
}
