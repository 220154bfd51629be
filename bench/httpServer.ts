import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createHttp } from '../src/api/http/server.ts';
import type { App } from '../src/api/operations/app.ts';
import { openChain } from '../src/chain/node/chain.ts';
import { createGate } from '../src/decide/payments/gateQueue.ts';
import { openActivations } from '../src/decide/policy-versions/activations.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { chainFacts, populate, TOKEN, wideStarterBundle } from './world.ts';

/** What the server tells the bench once it listens. For `noop` there are no keys: nobody asks for one. */
export type Listening = { port: number; keys: string[]; payees: string[] };

/**
 * A process of its own (`fork`): `noop` is a bare Hono server with a route that takes JSON, does nothing and answers JSON; a
 * path is the whole server on that database, without workers: what happens after the answer is not measured here.
 */
const what = process.argv[2] ?? 'noop';
const served = what === 'noop' ? noop() : await whole(what);
const server: ServerType = serve({ fetch: served.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  const { keys, payees } = served;
  process.send?.({ port, keys, payees } satisfies Listening);
});
process.on('message', (requested: 'cpu' | 'stop') => {
  if (requested === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
    return;
  }
  server.close();
  if ('closeAllConnections' in server) server.closeAllConnections();
  void served.store?.close().then(() => process.disconnect());
  if (!served.store) process.disconnect();
});

type Served = { fetch: Hono['fetch']; keys: string[]; payees: string[]; store: Store | null };

function noop(): Served {
  const app = new Hono();
  app.post('/v1/payments', async (c) => c.json({ ok: typeof (await c.req.json()) === 'object' }, 201));
  return { fetch: app.fetch, keys: [], payees: [], store: null };
}

async function whole(databasePath: string): Promise<Served> {
  const store = await openStore(databasePath);
  const atMs = Date.now() - 86_400_000;
  const world = await populate(store, atMs);
  const policies = await openActivations(store, null, Date.now);
  const act = { actor: 'bursar', atMs };
  const policy = await policies.load(await wideStarterBundle(), 'bench', act);
  await policies.activate(policy.digest, 'activate', act);
  // Just what `pay` reaches: the rest of a server (keys, relayer, follower) has no part in the answer.
  type Reached = 'store' | 'gate' | 'clock' | 'chain' | 'chainFacts' | 'policies' | 'wake' | 'stopping' | 'version';
  const app: Pick<App, Reached> = {
    store,
    gate: createGate(
      store,
      async (tx) => ({ ...(await policies.rulesIn(tx)), chain: chainFacts, atMs: Date.now() }),
      nextTurn,
    ),
    clock: Date.now,
    chain: openChain({ chainId: chainFacts.chainId, rpcUrl: 'http://127.0.0.1:9', token: TOKEN }),
    chainFacts,
    policies,
    wake: () => {},
    stopping: new AbortController().signal,
    version: 'bench',
  };
  return {
    fetch: createHttp(app as App).fetch,
    keys: world.agents.map(({ key }) => key),
    payees: world.payees.map(({ name }) => name),
    store,
  };
}
