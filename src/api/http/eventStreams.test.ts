import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { eventHead } from '../../books/ledger/queries.ts';
import { createCredential, revokeCredential } from '../../decide/identity/credentials.ts';
import { query } from '../../store/statement.ts';
import { createClient, ProblemError } from '../client/client.ts';
import type { App } from '../operations/app.ts';
import { costs } from '../operations/cost.ts';
import { findOperation } from '../operations/registry.ts';
import { openApiKeyAuth } from './apiKeyAuth.ts';
import { createCallers } from './callers.ts';
import { createEventStreams } from './eventStreams.ts';
import { problem } from './problem.ts';
import { createHttp } from './server.ts';

const act = { actor: 'test', atMs: NOON_MS };
let world: GateWorld;
let app: App;
let server: Server;
let url: string;
const open: AbortController[] = [];

beforeEach(async () => {
  world = await gateWorld();
  // The clock stands, so no bucket refills: what is charged shows.
  const stopping = new AbortController().signal;
  app = { store: world.store, clock: () => NOON_MS, version: 'test', stopping } as App;
  url = await listen(createHttp(app));
});
afterEach(async () => {
  for (const each of open.splice(0)) each.abort();
  server.closeAllConnections();
  server.close();
  await world.store.close();
});

async function listen(http: Hono): Promise<string> {
  server?.close();
  server = serve({ fetch: http.fetch, hostname: '127.0.0.1', port: 0 }) as Server;
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Key = { key: string; id: string };
const keyOf = (role: 'agent' | 'operator', agentId: string | null = null): Promise<Key> =>
  world.store.write(async (tx) => {
    const made = await createCredential(tx, act, { role, agentId, name: 'a key' });
    return { key: made.key, id: made.credential.id };
  });
const happen = (count: number, agentId: string | null = null, note = ''): Promise<void> =>
  world.store.write(async (tx) => {
    for (let i = 0; i < count; i += 1)
      await appendEvent(tx, { type: 'payment.checked', actor: 'test', agentId, data: { i, note } }, NOON_MS);
  });
const headOf = async (): Promise<number> => Number((await world.store.read((tx) => tx.get(eventHead)))?.seq);

async function get(path: string, key: string, method = 'GET'): Promise<Response> {
  const ending = new AbortController();
  open.push(ending);
  return await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${key}` }, signal: ending.signal });
}
const stream = (key: string, after = 0, method = 'GET'): Promise<Response> =>
  get(`/v1/events/stream?after=${after}`, key, method);

type Message = { event: string; data: Record<string, unknown> };
async function* messagesOf(response: Response): AsyncGenerator<Message> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const fields = Object.fromEntries(part.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
      if (fields.event) yield { event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
async function take(messages: AsyncGenerator<Message>, count: number): Promise<Message[]> {
  const taken: Message[] = [];
  while (taken.length < count) {
    const next = await messages.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

describe('an event stream', () => {
  it('is charged once, and goes on when the rest of the rate limit of its agent is used up', async () => {
    const { key } = await keyOf('agent', world.agent.id);
    const followed = messagesOf(await stream(key, await headOf()));
    // Several rounds of the poller: an old stream took a token in each.
    for (let i = 0; i < 3; i += 1) {
      await happen(1, world.agent.id);
      expect(await take(followed, 1)).toHaveLength(1);
    }
    let passed = 0;
    while ((await get('/v1/sponsors', key)).status !== 429) passed += 1;
    // The burst is 2,000 tokens: one for the stream, the rest for these.
    expect(passed).toBe(Math.floor(1_999 / costs[findOperation('list_sponsors').cost]));
    await happen(1, world.agent.id);
    expect((await take(followed, 1))[0]?.event).toBe('payment.checked');
  });

  it('says why it ends, sends nothing of what came after, and a client hears it as an error', async () => {
    const { key, id } = await keyOf('operator');
    const after = await headOf();
    const followed = messagesOf(await stream(key, after));
    const ending = new AbortController();
    const client = createClient(url, key).events(after, ending.signal);
    await happen(1);
    expect(await take(followed, 1)).toHaveLength(1);
    expect((await client.next()).value).toMatchObject({ type: 'payment.checked' });
    await world.store.write(async (tx) => {
      await revokeCredential(tx, act, id);
      await appendEvent(tx, { type: 'payment.checked', actor: 'test', data: {} }, NOON_MS);
    });
    expect(await take(followed, 5)).toMatchObject([{ event: 'end', data: { code: 'unauthenticated', status: 401 } }]);
    await expect(client.next()).rejects.toMatchObject({ name: 'ProblemError', code: 'unauthenticated' });
    expect(ProblemError).toBeDefined();
    // An ended stream was no wrong guess at a key.
    expect((await stream((await keyOf('operator')).key)).status).toBe(200);
  });

  it('gives all there is in order, to each agent its own, however far behind it begins', async () => {
    const other = await world.addAgent('another', '0');
    for (let i = 0; i < 8; i += 1) {
      await happen(400, world.agent.id);
      await happen(1, other.id);
    }
    const [all, one] = [await keyOf('operator'), await keyOf('agent', other.id)];
    const last = await headOf();
    const everything = await take(messagesOf(await stream(all.key)), last);
    expect(everything.map(({ data }) => data.seq)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    const own = await world.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('events').select('seq').where('agent_id', '=', other.id).orderBy('seq'))),
    );
    const followed = messagesOf(await stream(one.key));
    expect((await take(followed, own.length)).map(({ data }) => data.seq)).toEqual(own.map(({ seq }) => Number(seq)));
    await happen(1, world.agent.id);
    await happen(1, other.id);
    expect((await take(followed, 1))[0]?.data).toMatchObject({ agent: other.id, seq: await headOf() });
  });
});

describe('many event streams', () => {
  it('of one key are refused beyond twenty, and the server answers others meanwhile', async () => {
    const { key } = await keyOf('operator');
    const opened = await Promise.all(Array.from({ length: 300 }, () => stream(key)));
    const refused = opened.filter(({ status }) => status !== 200);
    expect(opened.length - refused.length).toBe(20);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
    expect(await refused[0]?.json()).toMatchObject({ code: 'too_many_streams', details: { open: 20 } });
    expect(refused[0]?.headers.get('retry-after')).toBe('10');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await stream((await keyOf('operator')).key)).status).toBe(200);
    // Each that ends lets another in.
    for (const each of open.splice(0)) each.abort();
    await expect.poll(async () => (await stream(key)).status).toBe(200);
  });

  it('of one agent are refused beyond forty, whatever keys it has', async () => {
    const keys = await Promise.all([1, 2, 3].map(() => keyOf('agent', world.agent.id)));
    const opened = await Promise.all(keys.flatMap(({ key }) => Array.from({ length: 20 }, () => stream(key))));
    expect(opened.filter(({ status }) => status === 200)).toHaveLength(40);
  });

  it('are not held open by HEAD', async () => {
    const { key } = await keyOf('operator');
    for (let i = 0; i < 30; i += 1) expect((await stream(key, 0, 'HEAD')).status).toBe(200);
    expect((await stream(key)).status).toBe(200);
  });

  it('lose the one that does not read', async () => {
    const keys = openApiKeyAuth(app);
    const http = new Hono();
    http.onError((error, c) => problem(c, error));
    const limits = { perKey: 1, perAgent: 1, total: 1, slowestMs: 300 };
    http.get('/v1/events/stream', createEventStreams(app, createCallers(keys, null), keys, limits));
    url = await listen(http);
    const { key } = await keyOf('operator');
    for (let i = 0; i < 10; i += 1) await happen(200, null, 'x'.repeat(8_000));
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(`GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    await expect.poll(async () => (await stream(key)).status, { timeout: 10_000 }).toBe(429);
    await expect.poll(async () => (await stream(key)).status, { timeout: 10_000 }).toBe(200);
    socket.destroy();
  });
});
