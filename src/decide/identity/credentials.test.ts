import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { query } from '../../store/statement.ts';
import { setAgentStatus } from './agents.ts';
import { authenticate, createCredential, revokeCredential, rotateCredential, type Scope } from './credentials.ts';

const act = { actor: 'test', atMs: NOON_MS };
let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const make = (scopes?: Scope[], expiresAtMs?: number) =>
  world.store.write((tx) =>
    createCredential(tx, act, { role: 'agent', agentId: world.agent.id, name: 'k', scopes, expiresAtMs }),
  );
const enter = (key: string, atMs = NOON_MS) => world.store.read((tx) => authenticate(tx, key, atMs));

describe('an API key', () => {
  it('opens for its agent, and is not in the database', async () => {
    const { key, credential } = await make();
    expect(await enter(key)).toMatchObject({ id: credential.id, agentId: world.agent.id, scopes: ['pay', 'read'] });
    const dump = JSON.stringify(
      await world.store.read(async (tx) => [
        await tx.all(query((db) => db.selectFrom('credentials').selectAll())),
        await tx.all(query((db) => db.selectFrom('events').select('body'))),
      ]),
      (_k, v) => (typeof v === 'bigint' ? v.toString() : v),
    );
    expect(dump).not.toContain(key);
  });

  it.each<[Scope]>([['admin'], ['policy'], ['approve'], ['audit']])(
    'of an agent can never hold the scope %s',
    async (scope) => {
      await expect(make(['pay', scope])).rejects.toMatchObject({ code: 'invalid_request' });
    },
  );

  it('is refused alike when unknown, malformed, expired or revoked', async () => {
    const { key, credential } = await make(undefined, NOON_MS + 1000);
    const wrong = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    for (const bad of ['', 'x', wrong, `${key} `])
      await expect(() => enter(bad)).rejects.toThrow(expect.objectContaining({ code: 'unauthenticated' }));
    await expect(() => enter(key, NOON_MS + 1000)).rejects.toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    );
    await world.store.write((tx) => revokeCredential(tx, act, credential.id));
    await expect(() => enter(key)).rejects.toThrow(expect.objectContaining({ code: 'unauthenticated' }));
  });

  it('is rotated: the new one opens, the old one ends after the grace period', async () => {
    const { key, credential } = await make();
    const { key: next } = await world.store.write((tx) => rotateCredential(tx, act, credential.id, 60_000));
    expect((await enter(next)).agentId).toBe(world.agent.id);
    expect((await enter(key, NOON_MS + 59_999)).id).toBe(credential.id);
    await expect(() => enter(key, NOON_MS + 60_000)).rejects.toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    );
  });

  it('ends with its agent', async () => {
    const { key } = await make();
    await world.store.write((tx) => setAgentStatus(tx, act, world.agent.id, { status: 'revoked', reason: 'stolen' }));
    await expect(() => enter(key)).rejects.toThrow(expect.objectContaining({ code: 'unauthenticated' }));
    await expect(
      world.store.write((tx) => setAgentStatus(tx, act, world.agent.id, { status: 'active', reason: null })),
    ).rejects.toMatchObject({ code: 'conflict' });
  });
});
