import { Hono } from 'hono';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../test/support/gateWorld.ts';
import { createCredential } from '../identity/credentials.ts';
import type { App } from '../operation/app.ts';
import { openKeyDoor } from './keyDoor.ts';
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
    (tx) => createCredential(tx, { actor: 'test', atMs: NOON_MS }, { role, agentId, name: 'a key' }).key,
  );
function door(): (key: string) => Promise<Response> {
  const keys = openKeyDoor({ store: world.store, clock: () => nowMs } as App);
  const http = new Hono();
  http.onError((error, c) => problem(c, error));
  http.get('/', (c) => c.text(keys.callerByKey(c).credential.id));
  return async (key) => http.request('/', { headers: { authorization: `Bearer ${key}` } });
}

it('an agent that runs wild is slowed down with all of its keys, and nobody else is', async () => {
  const ask = door();
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
