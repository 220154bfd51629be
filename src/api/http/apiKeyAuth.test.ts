import { Hono } from 'hono';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { createCredential } from '../../decide/identity/credentials.ts';
import type { App } from '../operations/app.ts';
import { openApiKeyAuth } from './apiKeyAuth.ts';
import { problem } from './problem.ts';

let world: GateWorld;
let nowMs = NOON_MS;
beforeEach(async () => {
  world = await gateWorld();
  nowMs = NOON_MS;
});
afterEach(() => world.store.close());

const keyOf = (role: 'agent' | 'operator', agentId: string | null): Promise<string> =>
  world.store.write(
    async (tx) => (await createCredential(tx, { actor: 'test', atMs: NOON_MS }, { role, agentId, name: 'a key' })).key,
  );
function auth(): (key: string, query?: string) => Promise<Response> {
  const keys = openApiKeyAuth({ store: world.store, clock: () => nowMs } as App);
  const http = new Hono();
  http.onError((error, c) => problem(c, error));
  http.get('/', async (c) => {
    const caller = await keys.callerByKey(c);
    keys.charge(caller, Number(c.req.query('cost') ?? 1));
    keys.owe(caller, Number(c.req.query('owes') ?? 0));
    return c.text(caller.credential.id);
  });
  return async (key, query = '') => http.request(`/${query}`, { headers: { authorization: `Bearer ${key}` } });
}

it('an agent that runs wild is slowed down with all of its keys, and nobody else is', async () => {
  const ask = auth();
  const [one, two] = [await keyOf('agent', world.agent.id), await keyOf('agent', world.agent.id)];
  const other = await keyOf('agent', (await world.addAgent('another', '0')).id);
  const operator = await keyOf('operator', null);
  let passed = 0;
  while ((await ask(one)).status === 200) passed += 1;
  expect(passed).toBe(2_000);
  const refused = await ask(two);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect([(await ask(other)).status, (await ask(operator)).status]).toEqual([200, 200]);
  nowMs += 1_000;
  passed = 0;
  while ((await ask(two)).status === 200) passed += 1;
  expect(passed).toBe(200);
  // A clock that is set back keeps nobody out for an hour.
  nowMs -= 3_600_000;
  expect((await ask(one)).status).toBe(429);
  nowMs += 1_000;
  expect((await ask(one)).status).toBe(200);
});

it('a request uses up as many tokens as it costs, and one that cost more is paid for by those after it', async () => {
  const ask = auth();
  const key = await keyOf('agent', world.agent.id);
  for (let i = 0; i < 4; i += 1) expect((await ask(key, '?cost=500')).status).toBe(200);
  const refused = await ask(key, '?cost=500');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '3']);
  nowMs += 3_000;
  expect((await ask(key, '?cost=500&owes=400')).status).toBe(200);
  expect((await ask(key)).headers.get('retry-after')).toBe('2');
});

it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
  'the scheme may be written %s, with spaces around the key',
  async (scheme) => {
    const http = new Hono();
    const keys = openApiKeyAuth({ store: world.store, clock: () => nowMs } as App);
    http.onError((error, c) => problem(c, error));
    http.get('/', async (c) => c.text((await keys.callerByKey(c)).credential.role));
    const status = async (authorization: string): Promise<number> =>
      (await http.request('/', { headers: { authorization } })).status;
    const key = await keyOf('operator', null);
    expect(await status(`${scheme} ${key}`)).toBe(200);
    expect(await status(`${scheme}   ${key} `)).toBe(200);
    for (const wrong of [
      `${scheme}${key}`,
      `${scheme}: ${key}`,
      `${scheme} ${key} x`,
      `x${scheme} ${key}`,
      key,
      scheme,
    ])
      expect(await status(wrong)).toBe(401);
  },
);
