import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
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
import { createFollower } from '../../chain/follow/follower.ts';
import { viemSource } from '../../chain/follow/viemSource.ts';
import type { KeyProvider } from '../../chain/keys/keys.ts';
import { type Chain, openChain } from '../../chain/node/chain.ts';
import { requireSupportedChain } from '../../chain/node/chainProfile.ts';
import { createRelayer } from '../../chain/relayer/relayer.ts';
import { ceilingsRefresher } from '../../chain/settlement/ceilings.ts';
import { deployment } from '../../chain/settlement/queue.ts';
import { createSettler } from '../../chain/settlement/settler.ts';
import { createCeilingsWatch } from '../../control/exposure/watch.ts';
import { createRecoverer } from '../../control/recovery/recoverer.ts';
import { createStopper } from '../../control/stop/stopper.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import { log } from '../../core/log/log.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { WalletPlan } from '../../decide/identity/identity.ts';
import { createGate } from '../../decide/payments/gateQueue.ts';
import type { Policy } from '../../decide/policy/policy.ts';
import { openActivations } from '../../decide/policy-versions/activations.ts';
import { openFacilitator } from '../../earn/facilitator/open.ts';
import { createInvoiceResource } from '../../earn/invoices/x402Resource.ts';
import { createRouter } from '../../earn/revenue/router.ts';
import { createPayoutRunner } from '../../spend/payouts/runner.ts';
import { runDue } from '../../spend/recurring/runDue.ts';
import { createFetcher } from '../../spend/x402/fetcher.ts';
import { createPurchaseSigner } from '../../spend/x402/signer.ts';
import { cancelUnsigned } from '../../spend/x402/unsigned.ts';
import type { Store } from '../../store/store.ts';
import { openAuthentication } from './authentication.ts';
import type { Config } from './config.ts';
import { openServerBooks } from './eventHead.ts';
import { eventLogOf } from './eventLog.ts';
import { noticesOf } from './noticesOf.ts';
import { readinessOf } from './readiness.ts';
import { registryPort } from './registryPort.ts';
import { addressesOf, sendersOf } from './senders.ts';
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
 * The composition root: the one place that knows every module. Opens the database, the chain and the keys, starts the workers, and
 * makes the App that the operations use.
 */
export async function startServer(options: {
  config: Config;
  rpcUrl: string;
  /** Other nodes of the chain, asked when answers of the first one contradict each other. */
  witnessUrls?: readonly string[];
  databasePath: string;
  keys: KeyProvider;
  version: string;
  clock?: () => number;
}): Promise<BursarServer> {
  const { config, keys, version } = options;
  const clock = options.clock ?? Date.now;
  const { id: chainId, usdc: token, factory, registry, finality, poll_ms: pollMs, start_block: start } = config.chain;
  requireSupportedChain(chainId);
  const store = await openServerBooks(options.databasePath);
  const chain = openChain({ chainId, rpcUrl: options.rpcUrl, token });
  const source = viemSource(chain, registry);
  const roles = await keys.roles();
  const executor = await keys.address('executor');
  const owner = roles.includes('owner') ? await keys.address('owner') : null;
  const { queues, senders } = await sendersOf(keys, roles);
  let workers: Workers | null = null;
  const wake = (): void => workers?.wake();

  const relayer = createRelayer({
    store,
    chain,
    keys,
    queues,
    clock,
    finality,
    provenFinal: async () => (await store.read((tx) => readAnchor(tx, chainId)))?.number ?? null,
    onError: (error) => log.error({ err: error }, 'the relayer failed'),
  });
  const follower = createFollower({
    store,
    chain: source,
    clock,
    chainId,
    finality,
    witnesses: options.witnessUrls?.map((rpcUrl) => viemSource(openChain({ chainId, rpcUrl, token }), registry)) ?? [],
    meters: () => policies.current()?.meters ?? {},
    ...(start === null ? {} : { startBlock: BigInt(start) }),
  });
  const settler = createSettler({ store, chain, factory, executor, clock });
  const recoverer = createRecoverer({ store, chain, senders, clock });
  await recoverer.tick();
  const stopper = createStopper({ store, chain, senders, clock });
  const port = registry ? registryPort({ store, chain, registry, owner, clock, wake }) : null;
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
    clock,
    domain,
    maxValiditySeconds: () => policies.active().settings.x402.maxValiditySeconds,
  });
  const people = config.wallets;
  const eventLog = await eventLogOf({ ...options, store, chain, roles, clock, wake });
  const approvers = people.approvers.length > 0 ? people.approvers : await addressesOf(keys, roles, 'approver');
  const walletOwner = people.owner ?? owner;
  const guardian = roles.includes('guardian') ? await keys.address('guardian') : executor;

  const chainFacts = { chainId, token, network: `eip155:${chainId}`, factory };
  const gate = createGate(store, () => ({ ...policies.inForce(), chain: chainFacts, atMs: clock() }));
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
        { chainId, factory, owner: walletOwner, guardian, executor, approvers, threshold: people.threshold },
        agentId,
        requested,
      ),
    recoverChain: (requested) => follower.recover(requested),
    readiness: () => readinessOf(store, chainId, inForce(app) !== null, follower.last()),
    checkLedger: oneAtATime(() =>
      checkLedger(store, { chainId, source }, () => new Promise((done) => setImmediate(done))),
    ),
    eventLog,
    deployWallet: async (agent) => {
      await store.write((tx) => deployment(tx, agent, { chainId, factory, executor, atMs: clock() }));
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
  const router = createRouter({
    store,
    policy: () => policies.active(),
    shadow: policies.shadow,
    chain: app.chainFacts,
    clock,
    wake,
  });
  const mcp = openMcp(app, config.server.host, config.mcp, authentication.keys);
  const payouts = createPayoutRunner({ store, gate, clock, wake });
  workers = startWorkers(
    [
      [
        { name: 'recover', run: () => recoverer.tick() },
        { name: 'stop', run: () => stopper.tick() },
        { name: 'payouts', run: () => payouts.tick() },
        { name: 'settle', run: () => settler.tick() },
        { name: 'relay', run: () => relayer.tick() },
        { name: 'follow', run: () => follower.tick() },
        { name: 'route revenue', run: () => router.tick() },
        { name: 'recur', run: () => recur(app) },
        { name: 'unsigned purchases', run: () => cancelUnsigned(store, clock) },
        { name: 'ceilings', run: await ceilingsRefresher({ store, chain, clock }) },
        {
          name: 'ceilings watch',
          run: createCeilingsWatch({ store, policy: () => inForce(app), chain: app.chainFacts, clock }),
        },
      ],
      ...(eventLog ? [[{ name: 'anchor', run: () => eventLog.tick() }]] : []),
      // Servers of others: no payment waits for them, however slow they are.
      [{ name: 'notify', run: noticesOf(app, config.server) }],
    ],
    { intervalMs: pollMs, ...IDLE },
  );

  let server: Server | null = null;
  return {
    app,
    store,
    chain,
    listen: () =>
      new Promise((resolve, reject) => {
        const { host, port: wanted } = config.server;
        const http = createHttp(app, authentication.people, authentication.keys);
        facilitator?.mount(http);
        mcp.mount(http);
        const started = serve({ fetch: http.fetch, hostname: host, port: wanted }, (address) =>
          resolve(`http://${host}:${address.port}`),
        ) as Server;
        started.once('error', (error) =>
          reject(
            new BursarError('not_configured', { message: `Cannot listen on ${host}:${wanted}: ${error.message}` }),
          ),
        );
        server = started;
      }),
    stop: async () => {
      await mcp.close();
      const open = server;
      if (open) {
        open.closeAllConnections();
        await new Promise<void>((resolve) => open.close(() => resolve()));
      }
      await workers?.stop();
      await store.close();
    },
  };
}

const inForce = ({ policies }: App): Policy | null => policies.current();

/** Schedules ask the gate like every caller; without a policy they wait. */
async function recur({ store, policies, chainFacts, clock }: App): Promise<void> {
  if (!policies.current()) return;
  await store.write((tx) => runDue(tx, { ...policies.inForce(), chain: chainFacts, actor: 'bursar', atMs: clock() }));
}

type WalletDefaults = {
  chainId: number;
  factory: Address;
  owner: Address | null;
  guardian: Address;
  executor: Address;
  approvers: Address[];
  threshold: number;
};

function planWallet(defaults: WalletDefaults, agentId: AgentId, requested: RequestedWallet): WalletPlan {
  const { chainId, factory, owner, guardian, executor, approvers } = defaults;
  if (!owner) {
    throw new BursarError('not_configured', {
      message: 'Nobody owns new wallets: set `wallets.owner` in config.json.',
    });
  }
  const config = walletConfig({
    agentId,
    owner,
    guardian,
    executor,
    approvers,
    threshold: approvers.length > 0 ? Math.min(defaults.threshold, approvers.length) : 0,
    ...(requested.perPayment === undefined ? {} : { perPayment: microUsdc(requested.perPayment) }),
    ...(requested.perPeriod === undefined ? {} : { perPeriod: microUsdc(requested.perPeriod) }),
  });
  return walletPlan(chainId, factory, config);
}
