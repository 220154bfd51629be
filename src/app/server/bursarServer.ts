import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Address } from 'viem';
import { createHttp } from '../../api/http/server.ts';
import { openMcp } from '../../api/mcp/http.ts';
import type { App, RequestedWallet } from '../../api/operations/app.ts';
import { oneAtATime } from '../../api/operations/oneAtATime.ts';
import { checkLedger } from '../../books/ledger/check.ts';
import { pinTokenDomain, type TokenDomain } from '../../chain/contracts/tokenDomain.ts';
import { walletConfig } from '../../chain/contracts/walletConfig.ts';
import { walletPlan } from '../../chain/contracts/walletPlan.ts';
import { readAnchor } from '../../chain/follow/cursor.ts';
import { createFollower, type TickReport } from '../../chain/follow/follower.ts';
import { viemSource } from '../../chain/follow/viemSource.ts';
import type { KeyProvider } from '../../chain/keys/keys.ts';
import { type Chain, openChain } from '../../chain/node/chain.ts';
import { requireSupportedChain } from '../../chain/node/chainProfile.ts';
import { createRelayer } from '../../chain/relayer/relayer.ts';
import { deployment } from '../../chain/settlement/queue.ts';
import { createRecoverer } from '../../control/recovery/recoverer.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import { log } from '../../core/log/log.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { WalletPlan } from '../../decide/identity/identity.ts';
import { createGate, type Gate } from '../../decide/payments/gateQueue.ts';
import { openActivations } from '../../decide/policy-versions/activations.ts';
import { openFacilitator } from '../../earn/facilitator/open.ts';
import { createInvoiceResource } from '../../earn/invoices/x402Resource.ts';
import { createFetcher } from '../../spend/x402/fetcher.ts';
import { createPurchaseSigner } from '../../spend/x402/signer.ts';
import type { Store } from '../../store/store.ts';
import { timeIn } from '../../store/time.ts';
import { openAuthentication } from './authentication.ts';
import type { Config } from './config.ts';
import { openDuties } from './duties.ts';
import { startEventFeed } from './eventFeed.ts';
import { eventLogOf } from './eventLog.ts';
import { type Listening, listenOn } from './listening.ts';
import { createReadiness } from './readiness.ts';
import { registryPort } from './registryPort.ts';
import { addressesOf, executorsOf, oneOf, sendersOf } from './senders.ts';
import { workerLoops } from './workerLoops.ts';
import { IDLE, startWorkers, type Workers } from './workers.ts';

export type BursarServer = {
  app: App;
  store: Store;
  chain: Chain;
  /** Serves HTTP; resolves with the URL once it listens. */
  listen(): Promise<string>;
  stop(): Promise<void>;
};

/**
 * The composition root: the one place that knows every module. Opens the chain and the keys, takes its share of the leases, starts the
 * workers, and makes the App that the operations use.
 */
export async function startServer(options: {
  config: Config;
  rpcUrl: string;
  /** Other nodes of the chain, asked when answers of the first one contradict each other. */
  witnessUrls?: readonly string[];
  /** Opened by the caller, who closes it after `stop`. Several servers may share one. */
  store: Store;
  keys: KeyProvider;
  version: string;
  clock?: () => number;
}): Promise<BursarServer> {
  const { config, keys, version, store } = options;
  const clock = options.clock ?? Date.now;
  const { id: chainId, usdc: token, factory, registry, finality, poll_ms: pollMs, start_block: start } = config.chain;
  requireSupportedChain(chainId);
  const chain = openChain({ chainId, rpcUrl: options.rpcUrl, token });
  const source = viemSource(chain, registry);
  const roles = await keys.roles();
  const executor = await keys.address('executor');
  const executing = await executorsOf(keys, roles);
  const executors = [executor, ...[...executing.keys()].filter((key) => key !== executor)] as const;
  const owner = roles.includes('owner') ? await keys.address('owner') : null;
  const sending = await sendersOf(keys, roles);
  const senders = [...sending.keys()];
  const stopping = new AbortController();
  let workers: Workers | null = null;
  const wake = (): void => workers?.wake();
  const duties = await openDuties({ store, chainId, senders: sending, onChange: wake });

  const relayer = createRelayer({
    store,
    chain,
    keys,
    queues: duties.queues,
    senders,
    clock,
    finality,
    provenFinal: async () => (await store.read((tx) => readAnchor(tx, chainId)))?.number ?? null,
    onError: (error) => log.error({ err: error }, 'the relayer failed'),
  });
  const witnesses = options.witnessUrls?.map((url) => viemSource(openChain({ chainId, rpcUrl: url, token }), registry));
  const follower = duties.worker('follow', (led) =>
    createFollower({
      store: led,
      chain: source,
      clock,
      chainId,
      finality,
      witnesses: witnesses ?? [],
      meters: policies.metersIn,
      ...(start === null ? {} : { startBlock: BigInt(start) }),
    }),
  );
  let followed: TickReport | null = null;
  const recoverer = duties.worker('settle', (led) => createRecoverer({ store: led, chain, senders, clock }));
  await (await recoverer())?.tick();
  const port = registry
    ? registryPort({ during: (act) => duties.during('registry', act), chain, registry, owner, clock, wake })
    : null;
  const policies = await openActivations(store, port, clock);

  let pinned: Promise<TokenDomain> | null = null;
  const domain = (): Promise<TokenDomain> => {
    pinned ??= pinTokenDomain(store, chain).catch((error: unknown) => {
      pinned = null;
      throw error;
    });
    return pinned;
  };
  const x402 = createPurchaseSigner({
    store,
    chain,
    keys,
    executors: executing,
    clock,
    domain,
    maxValiditySeconds: () => policies.active().settings.x402.maxValiditySeconds,
  });
  const people = config.wallets;
  const logOf = (on: Store) => eventLogOf({ ...options, store: on, chain, roles, clock, wake });
  const reading = await logOf(store);
  const eventLog = reading && {
    ...reading,
    // A head is signed by one server at a time, as by the worker.
    anchor: (actor: string, onChain: boolean) =>
      duties.during('anchors', async (led) => ((await logOf(led)) ?? reading).anchor(actor, onChain)),
  };
  const approvers = people.approvers.length > 0 ? people.approvers : await addressesOf(keys, roles, 'approver');
  const walletOwner = people.owner ?? owner;
  const guardian = roles.includes('guardian') ? await keys.address('guardian') : executor;

  const chainFacts = { chainId, token, network: `eip155:${chainId}`, factory };
  const queue = createGate(
    store,
    async (tx) => ({
      ...(await policies.rulesIn(tx)),
      chain: chainFacts,
      atMs: await timeIn(tx, clock()),
    }),
    nextTurn,
  );
  const gate: Gate = { ask: (ask) => policies.upToDate(() => queue.ask(ask)) };
  const app: App = {
    store,
    gate,
    clock,
    chain,
    chainFacts,
    policies,
    x402,
    invoices: null,
    fetcher: createFetcher(store),
    planWallet: (agentId, requested) =>
      planWallet(
        { chainId, factory, owner: walletOwner, guardian, executors, approvers, threshold: people.threshold },
        agentId,
        requested,
      ),
    recoverChain: (requested) =>
      duties.during('follow', async () => {
        const mine = await follower();
        if (!mine) throw new BursarError('lease_lost');
        return mine.recover(requested);
      }),
    readiness: createReadiness({
      store,
      chain,
      stopping: stopping.signal,
      hasPolicy: () => policies.current() !== null,
      followed: () => followed,
      follows: () => duties.leads('follow'),
    }),
    stopping: stopping.signal,
    checkLedger: oneAtATime(() =>
      checkLedger(store, { chainId, source }, () => new Promise((done) => setImmediate(done))),
    ),
    eventLog,
    deployWallet: async (agent) => {
      await store.write((tx) => deployment(tx, agent, { chainId, factory, executors, atMs: clock() }));
      wake();
    },
    wake,
    senders,
    addresses: { factory, registry, executor },
    version,
  };
  const authentication = openAuthentication(app, config);
  const facilitator = await openFacilitator({
    store,
    chain,
    factory,
    executor,
    domain,
    clock,
    wake,
    settings: config.facilitator,
    addressOf: authentication.keys.addressOf,
  });
  if (facilitator) {
    const { settles } = facilitator;
    app.invoices = createInvoiceResource({ store, chain: app.chainFacts, settles, domain, clock });
  }
  const mcp = openMcp(app, config.server.host, config.mcp, authentication.keys);
  duties.leases.start();
  workers = startWorkers(
    workerLoops({
      app,
      config,
      executors,
      duties,
      recoverer,
      relayer,
      follower,
      followed: (report) => {
        followed = report;
      },
      eventLog: duties.worker('anchors', logOf),
    }),
    { intervalMs: pollMs, ...IDLE },
  );
  const feed = startEventFeed({
    store,
    onMove: async () => {
      wake();
      await policies.sync();
    },
  });

  let listening: Listening | null = null;
  return {
    app,
    store,
    chain,
    listen: async () => {
      const http = createHttp(app, authentication.people, authentication.keys);
      facilitator?.mount(http);
      mcp.mount(http);
      listening = await listenOn(http, config.server.host, config.server.port);
      return listening.url;
    },
    stop: async () => {
      // `/ready` says so first, and answers go on for as long as a balancer needs to notice.
      stopping.abort();
      if (listening) await sleep(config.server.drain_seconds * 1_000);
      await mcp.close();
      await listening?.close();
      listening = null;
      await feed.stop();
      await workers?.stop();
      await duties.leases.stop().catch((error: unknown) => log.warn({ err: error }, 'the leases were not released'));
    },
  };
}

type WalletDefaults = {
  chainId: number;
  factory: Address;
  owner: Address | null;
  guardian: Address;
  executors: readonly [Address, ...Address[]];
  approvers: Address[];
  threshold: number;
};

function planWallet(defaults: WalletDefaults, agentId: AgentId, requested: RequestedWallet): WalletPlan {
  const { chainId, factory, owner, guardian, executors, approvers } = defaults;
  if (!owner) {
    throw new BursarError('not_configured', {
      message: 'Nobody owns new wallets: set `wallets.owner` in config.json.',
    });
  }
  const config = walletConfig({
    agentId,
    owner,
    guardian,
    executor: oneOf(executors, agentId),
    approvers,
    threshold: approvers.length > 0 ? Math.min(defaults.threshold, approvers.length) : 0,
    ...(requested.perPayment === undefined ? {} : { perPayment: microUsdc(requested.perPayment) }),
    ...(requested.perPeriod === undefined ? {} : { perPeriod: microUsdc(requested.perPeriod) }),
  });
  return walletPlan(chainId, factory, config);
}
