import { describe, expect, it } from 'vitest';
import { countAttempts } from '../../core/limits/attempts.ts';
import { createNonces, NONCE_MS } from './nonces.ts';
import { consoleRole, scopesOf } from './roles.ts';

describe('a sign-in nonce', () => {
  it('is taken once', () => {
    const nonces = createNonces();
    const nonce = nonces.make(1_000);
    expect(nonce).toMatch(/^[0-9a-f]{76}$/);
    expect(nonces.take(nonce, 2_000)).toBe(true);
    expect(nonces.take(nonce, 2_000)).toBe(false);
  });

  it('is stale after five minutes, and not valid before it was made', () => {
    const nonces = createNonces();
    const nonce = nonces.make(1_000);
    expect(nonces.isFresh(nonce, 1_000 + NONCE_MS - 1)).toBe(true);
    expect(nonces.isFresh(nonce, 1_000 + NONCE_MS)).toBe(false);
    expect(nonces.isFresh(nonce, 999)).toBe(false);
  });

  it('cannot be made elsewhere, nor made younger', () => {
    const nonces = createNonces();
    const nonce = nonces.make(1_000);
    expect(nonces.isFresh(createNonces().make(1_000), 1_000)).toBe(false);
    const younger = (1_000 + NONCE_MS).toString(16).padStart(12, '0') + nonce.slice(12);
    expect(nonces.isFresh(younger, 1_000 + NONCE_MS)).toBe(false);
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
