import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbered } from '../../../test/support/gateWorld.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { holdAccounts, purseFunding, topUpRequest, walletFunding } from './funding.ts';
import type { PaymentRequest } from './request.ts';

describe('funding', () => {
  it('holds money of the wallet in its reserve, money of the purse in the reserve of the purse', () => {
    expect(holdAccounts('wallet')).toEqual({ free: 'available', held: 'reserved' });
    expect(holdAccounts('x402')).toEqual({ free: 'purse', held: 'purse_reserved' });
  });

  it.each([
    [10n, 9n, { holdNow: 9n, topUp: 0n }],
    [10n, 10n, { holdNow: 10n, topUp: 0n }],
    [10n, 11n, { short: 1n }],
    [0n, 7n, { short: 7n }],
    [-3n, 7n, { short: 10n }],
  ])('of a wallet with %s for %s', (available, amount, expected) => {
    expect(walletFunding(available, amount)).toEqual(expected);
  });

  it.each<[string, { available: bigint; purse: bigint; target: bigint }, unknown]>([
    ['pays from the purse what it can', { available: 100n, purse: 10n, target: 50n }, { holdNow: 10n, topUp: 0n }],
    ['tops up to the target', { available: 100n, purse: 9n, target: 50n }, { holdNow: 0n, topUp: 50n }],
    [
      'tops up by the amount, above the target',
      { available: 100n, purse: 0n, target: 5n },
      { holdNow: 0n, topUp: 10n },
    ],
    ['tops up by all, below the target', { available: 20n, purse: 0n, target: 50n }, { holdNow: 0n, topUp: 20n }],
    ['adds what the purse has', { available: 4n, purse: 6n, target: 50n }, { holdNow: 6n, topUp: 4n }],
    ['says what is short', { available: 3n, purse: 6n, target: 50n }, { short: 1n }],
    ['counts a purse below zero as empty', { available: 10n, purse: -6n, target: 0n }, { holdNow: 0n, topUp: 10n }],
    ['does not borrow from a purse below zero', { available: 9n, purse: -6n, target: 0n }, { short: 1n }],
  ])('of a purse, for 10: %s', (_, { target, ...balances }, expected) => {
    expect(purseFunding(balances, 10n, target)).toEqual(expected);
  });

  it('covers the amount by what is held now and what the top-up brings, and takes no more than there is', () => {
    const micro = fc.bigInt(-5n, 60n);
    fc.assert(
      fc.property(micro, micro, fc.bigInt(1n, 60n), fc.bigInt(0n, 60n), (available, purse, amount, target) => {
        const found = purseFunding({ available, purse }, amount, target);
        const free = purse > 0n ? purse : 0n;
        if ('short' in found) {
          expect(found.short > 0n).toBe(true);
          expect(available + found.short + free).toBe(amount);
          return;
        }
        expect(found.holdNow + found.topUp >= amount).toBe(true);
        expect(found.topUp <= (available > 0n ? available : 0n)).toBe(true);
        expect(found.holdNow <= free).toBe(true);
      }),
    );
  });
});

describe('the top-up that a purchase waits for', () => {
  const purse = numbered(0xb0);
  const purchase: PaymentRequest = {
    idempotencyKey: 'order 7',
    kind: 'purchase',
    rail: 'x402',
    amount: microUsdc(5n),
    payee: 'pye_1',
    address: numbered(1),
    category: 'data',
    memo: 'report',
    refundOf: 'rcv_1',
    batchId: 'bat_1',
    host: 'seller.example',
    x402: {},
    agentId: 'agt_1',
  } as never;

  it('pays the purse of the same agent from its wallet, and has none of what the purchase is for', () => {
    expect(topUpRequest(purchase, purse, 2_500_000n)).toMatchObject({
      ...{ agentId: 'agt_1', kind: 'top_up', rail: 'wallet', amount: 2_500_000n, address: purse },
      ...{ payee: null, category: null, memo: null, refundOf: null, batchId: null, host: null, x402: null },
      idempotencyKey: ' top_up 2500000 order 7',
      requestJson: JSON.stringify({ kind: 'top_up', amount: '2.50', for: 'order 7' }),
    });
  });

  it('has the same key and body each time, and others for another amount', () => {
    const first = topUpRequest(purchase, purse, 1n);
    expect(topUpRequest(purchase, purse, 1n)).toEqual(first);
    expect(first.bodyHash).toMatch(/^[0-9a-f]{64}$/);
    const other = topUpRequest(purchase, purse, 2n);
    expect(other.idempotencyKey).not.toBe(first.idempotencyKey);
    expect(other.bodyHash).not.toBe(first.bodyHash);
  });
});
