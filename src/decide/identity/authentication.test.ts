import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type Authenticate, groupedAuthentication } from './authentication.ts';
import { createCredential, revokeCredential } from './credentials.ts';

const act = { actor: 'test', atMs: NOON_MS };
let world: GateWorld;
let nowMs: number;
let authenticate: Authenticate;
beforeEach(async () => {
  world = await gateWorld();
  nowMs = NOON_MS;
  authenticate = groupedAuthentication(world.store, () => nowMs);
});
afterEach(() => world.store.close());

const make = (name: string, expiresAtMs?: number) =>
  world.store.write((tx) => createCredential(tx, act, { role: 'agent', agentId: world.agent.id, name, expiresAtMs }));
/** The id of the credential, or the code of the refusal. */
const said = (key: string): Promise<string> =>
  authenticate(key).then(
    ({ id }) => id,
    (error: unknown) => (error instanceof BursarError ? error.code : String(error)),
  );

describe('keys that arrive together', () => {
  it('get each its own answer: wrong ones among valid ones, and one key twice', async () => {
    const [a, b, short] = [await make('a'), await make('b'), await make('c', NOON_MS + 1_000)];
    const wrong = `${a.key.slice(0, -1)}${a.key.endsWith('A') ? 'B' : 'A'}`;
    nowMs = NOON_MS + 1_000;
    expect(await Promise.all([b.key, wrong, '', a.key, short.key, 'x', b.key].map(said))).toEqual([
      b.credential.id,
      'unauthenticated',
      'unauthenticated',
      a.credential.id,
      'unauthenticated',
      'unauthenticated',
      b.credential.id,
    ]);
  });

  it('are refused from the next request on when one is revoked', async () => {
    const [a, b] = [await make('a'), await make('b')];
    expect(await Promise.all([said(a.key), said(b.key)])).toEqual([a.credential.id, b.credential.id]);
    await world.store.write((tx) => revokeCredential(tx, act, a.credential.id));
    expect(await Promise.all([said(a.key), said(b.key)])).toEqual(['unauthenticated', b.credential.id]);
  });

  it('are all refused when the database cannot be read', async () => {
    const a = await make('a');
    await world.store.close();
    expect(await Promise.all([said(a.key), said('x')])).toEqual(['storage_failed', 'storage_failed']);
    world = await gateWorld();
  });
});
