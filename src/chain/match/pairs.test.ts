import type { Hex } from 'viem';
import { describe, expect, it } from 'vitest';
import { addressFrom, DECISION, OUTSIDER, POLICY, SELLER } from '../follow/testing/books.ts';
import type { ExecutedFact, Fact, TransferFact } from './facts.ts';
import { pairClaims } from './pairs.ts';

const wallet = addressFrom('wallet');
const at = (logIndex: number, tx = 1) => ({
  blockNumber: 1n,
  blockHash: `0x${'0b'.repeat(32)}` as Hex,
  txHash: `0x${String(tx).padStart(64, '0')}` as Hex,
  logIndex,
});
const executed = (logIndex: number, tx = 1): ExecutedFact => ({
  type: 'executed',
  at: at(logIndex, tx),
  wallet,
  chainKey: `0x${'0c'.repeat(32)}`,
  payee: SELLER,
  policyDigest: POLICY,
  amount: 5n,
  decisionHash: DECISION,
});
const transfer = (logIndex: number, more: Partial<TransferFact> = {}): TransferFact => ({
  type: 'transfer',
  at: at(logIndex),
  from: wallet,
  to: SELLER,
  amount: 5n,
  ...more,
});

describe('a claim', () => {
  it('explains the transfer in the log right after it', () => {
    const facts: Fact[] = [executed(3), transfer(4), executed(5), transfer(6)];
    const { pairs, unused } = pairClaims(facts);
    expect(pairs.map(({ claim }) => claim)).toEqual([facts[0], facts[2]]);
    expect(unused).toEqual([]);
  });

  it.each<[string, ExecutedFact, TransferFact]>([
    ['further on', executed(3), transfer(5)],
    ['in another transaction', executed(3, 2), transfer(4)],
    ['from another address', executed(3), transfer(4, { from: OUTSIDER })],
    ['to another address', executed(3), transfer(4, { to: OUTSIDER })],
    ['of another amount', executed(3), transfer(4, { amount: 4n })],
  ])('explains no transfer %s', (_, claim, outflow) => {
    expect(pairClaims([claim, outflow])).toEqual({ pairs: [{ transfer: outflow, claim: null }], unused: [claim] });
  });

  it('without a transfer after it is of no use', () => {
    expect(pairClaims([executed(3)])).toEqual({ pairs: [], unused: [executed(3)] });
    expect(pairClaims([])).toEqual({ pairs: [], unused: [] });
  });

  it('of a used authorization explains the transfer from its purse, whatever its amount', () => {
    const used = { type: 'authorization_used', at: at(3), purse: wallet, nonce: DECISION } as const;
    expect(pairClaims([used, transfer(4)])).toMatchObject({ pairs: [{ claim: used }], unused: [] });
    const other = transfer(4, { from: OUTSIDER });
    expect(pairClaims([used, other])).toEqual({ pairs: [{ transfer: other, claim: null }], unused: [used] });
    const cancelled = { ...used, type: 'authorization_canceled' } as const;
    expect(pairClaims([cancelled, transfer(4)])).toEqual({
      pairs: [{ transfer: transfer(4), claim: null }],
      unused: [],
    });
  });

  it('of a withdrawal explains the transfer to its receiver', () => {
    const withdrawn = { type: 'withdrawn', at: at(3), wallet, to: SELLER, amount: 5n } as const;
    expect(pairClaims([withdrawn, transfer(4)])).toMatchObject({ pairs: [{ claim: withdrawn }], unused: [] });
    const elsewhere = transfer(4, { to: OUTSIDER });
    expect(pairClaims([withdrawn, elsewhere])).toMatchObject({ pairs: [{ claim: null }], unused: [withdrawn] });
  });

  it('explains one transfer only', () => {
    const { pairs } = pairClaims([executed(3), transfer(4), transfer(5)]);
    expect(pairs.map(({ claim }) => claim?.type)).toEqual(['executed', undefined]);
  });

  it('is of no use once another claim or a freeze stands between', () => {
    const [first, second] = [executed(2), executed(3)];
    expect(pairClaims([first, second, transfer(4)])).toMatchObject({ pairs: [{ claim: second }], unused: [first] });
    const freeze: Fact = { type: 'frozen', at: at(3), wallet, caller: OUTSIDER };
    expect(pairClaims([first, freeze, transfer(4)])).toMatchObject({ pairs: [{ claim: null }], unused: [first] });
  });
});
