import { describe, expect, it } from 'vitest';
import { failedDecision, readDecision, resultTextOf } from './decision.ts';
import { reasonCatalogue, sentence } from './reasons.ts';

const raw = {
  effect: 'review',
  reasons: [{ rule: 'large_amount', code: 'large_amount', observed: 30_000_000, limit: 25_000_000 }],
  review: { roles: ['finance'], quorum: 2, expires_in: 'PT24H' },
};

describe('a decision', () => {
  it('gets its sentence from the catalogue and its time in milliseconds', () => {
    expect(readDecision(raw)).toEqual({
      effect: 'review',
      reasons: [
        {
          code: 'large_amount',
          rule: 'large_amount',
          message: 'Payments of 25.00 USDC or more need approval; this one is 30.00 USDC.',
          observed: 30_000_000,
          limit: 25_000_000,
        },
      ],
      review: { quorum: 2, roles: ['finance'], expiresInMs: 86_400_000 },
    });
  });

  it('is hashed without its sentences, in a fixed order of keys', () => {
    const decision = readDecision(raw);
    expect(decision && resultTextOf(decision)).toBe(
      '{"effect":"review","reasons":[{"code":"large_amount","limit":25000000,"observed":30000000,"rule":"large_amount"}],' +
        '"review":{"expires_in_ms":86400000,"quorum":2,"roles":["finance"]}}',
    );
  });

  it('is not read from what carries more than it may', () => {
    const many = Array.from({ length: 65 }, () => raw.reasons[0]);
    expect(readDecision({ ...raw, reasons: many })).toBeNull();
    expect(readDecision({ ...raw, reasons: [{ code: 'x'.repeat(501), rule: 'r' }] })).toBeNull();
    expect(readDecision({ ...raw, review: { ...raw.review, quorum: 21 } })).toBeNull();
    expect(readDecision({ ...raw, review: { ...raw.review, roles: [1] } })).toBeNull();
  });

  it('of a policy that failed is a deny with a sentence', () => {
    expect(failedDecision('policy_timeout')).toMatchObject({
      effect: 'deny',
      reasons: [{ code: 'policy_timeout', rule: 'decision' }],
      review: null,
    });
  });
});

describe('a sentence', () => {
  it('exists for every code and ends in a full stop, with any figures', () => {
    for (const code of Object.keys(reasonCatalogue)) {
      for (const figures of [{}, { observed: 1_500_000, limit: 1_000_000 }, { observed: 'x', limit: null }]) {
        expect(sentence(code, figures), code).toMatch(/^[A-Z].*\.$/);
      }
    }
  });

  it('is plain for a code of an operator and for names of object members', () => {
    expect(sentence('odd_amount', { observed: 3, limit: null })).toBe(
      'The policy answered odd_amount (observed 3, limit none).',
    );
    expect(sentence('toString')).toBe('The policy answered toString.');
  });
});
