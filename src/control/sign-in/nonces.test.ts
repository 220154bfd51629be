import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countAttempts } from '../../core/limits/attempts.ts';
import { openStore, type Store } from '../../store/store.ts';
import { createNonces, NONCE_MS, type Nonces } from './nonces.ts';
import { openSharedOnce } from './once.ts';
import { consoleRole, scopesOf } from './roles.ts';

let stores: Store[];
let nowMs: number;
beforeEach(() => {
  stores = [];
  nowMs = 1_000;
});
afterEach(async () => {
  for (const store of stores) await store.close();
});

/** Those of two servers over one store. */
async function servers(): Promise<[Nonces, Nonces]> {
  const store = await openStore(':memory:');
  stores.push(store);
  const open = (): Nonces => createNonces(openSharedOnce(store, () => nowMs));
  return [open(), open()];
}

describe('a sign-in nonce', () => {
  it('is taken once, at whichever server', async () => {
    const [nonces, others] = await servers();
    const nonce = await nonces.make();
    expect(nonce).toMatch(/^[0-9a-f]{76}$/);
    nowMs = 2_000;
    expect(await others.isFresh(nonce)).toBe(true);
    expect(await others.take(nonce)).toBe(true);
    expect(await others.take(nonce)).toBe(false);
    expect(await nonces.isFresh(nonce)).toBe(false);
    expect(await nonces.take(nonce)).toBe(false);
  });

  it('is taken by one of many requests at the same moment', async () => {
    const [nonces, others] = await servers();
    const nonce = await nonces.make();
    const taken = await Promise.all([nonces, others, nonces, others].map((each) => each.take(nonce)));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  it('is stale after five minutes, and not valid before it was made', async () => {
    const [nonces] = await servers();
    const nonce = await nonces.make();
    nowMs = 1_000 + NONCE_MS - 1;
    expect(await nonces.isFresh(nonce)).toBe(true);
    nowMs = 1_000 + NONCE_MS;
    expect(await nonces.isFresh(nonce)).toBe(false);
    nowMs = 999;
    expect(await nonces.isFresh(nonce)).toBe(false);
  });

  it('cannot be made elsewhere, nor made younger', async () => {
    const [nonces] = await servers();
    const [foreign] = await servers();
    const nonce = await nonces.make();
    expect(await nonces.isFresh(await foreign.make())).toBe(false);
    const younger = (1_000 + NONCE_MS).toString(16).padStart(12, '0') + nonce.slice(12);
    nowMs = 1_000 + NONCE_MS;
    expect(await nonces.isFresh(younger)).toBe(false);
  });
});

describe('failures of an address', () => {
  it('are turned away after the limit, until the window is over, for that address alone', () => {
    const attempts = countAttempts({ max: 3, windowMs: 60_000 });
    for (let i = 0; i < 3; i += 1) {
      expect(attempts.waitSeconds('a', 1_000)).toBe(0);
      attempts.failed('a', 1_000);
    }
    expect(attempts.waitSeconds('a', 1_000)).toBe(60);
    expect(attempts.waitSeconds('a', 60_500)).toBe(1);
    expect(attempts.waitSeconds('a', 61_000)).toBe(0);
    expect(attempts.waitSeconds('b', 1_000)).toBe(0);
  });
});

describe('the role in the console', () => {
  it.each([
    [['finance'], 'approver', ['read', 'approve']],
    [['finance', 'auditor'], 'auditor', ['read', 'audit']],
    [['viewer', 'finance'], 'viewer', ['read']],
    [['operator'], 'operator', ['pay', 'read', 'admin', 'policy', 'approve', 'audit']],
  ])('of %j is %s', (roles, role, scopes) => {
    expect(consoleRole({ roles })).toBe(role);
    expect(scopesOf(consoleRole({ roles }))).toEqual(scopes);
  });
});
