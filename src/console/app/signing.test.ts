import { getAddress, type Hex, keccak256, toHex } from 'viem';
import { describe, expect, it } from 'vitest';
import { approvalTypedData } from '../../chain/contracts/approval.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { mandateTypedData } from '../../decide/mandates/typedData.ts';
import { differences, mandateDifferences, type Shown } from './signing.ts';

const toJson = (value: unknown): Record<string, never> =>
  JSON.parse(JSON.stringify(value, (_name, part) => (typeof part === 'bigint' ? part.toString() : part)));
const address = (digit: string) => getAddress(`0x${digit.repeat(40)}`);

const shown: Shown = {
  payment: {
    id: 'pay_01k3x7gq5nf8b9c2v4m6t0w1yz',
    address: address('a'),
    amount: { value: '6.00' },
    policy_digest: `sha256:${'e'.repeat(64)}`,
    decision_hash: `0x${'d'.repeat(64)}`,
    review: { expires_at: '2026-11-25T12:00:00.500Z' },
  },
  wallet: address('b'),
  chain: { id: 31_337, usdc: address('c') },
};
const terms = {
  chainId: 31_337,
  wallet: address('b'),
  token: address('c'),
  chainKey: keccak256(toHex(shown.payment.id)),
  payee: address('a'),
  amount: parseUsdc('6.00'),
  policyDigest: `0x${'e'.repeat(64)}` as Hex,
  decisionHash: shown.payment.decision_hash as Hex,
  approversVersion: 2n,
  expiresAtS: Math.floor(Date.parse('2026-11-25T12:00:00Z') / 1000),
};

describe('what a person signs for a payment', () => {
  it.each(['approve', 'reject'] as const)('is what the page shows, to %s', (verdict) => {
    expect(differences(verdict, toJson(approvalTypedData(verdict, terms)), shown)).toEqual([]);
  });

  it.each([
    ['amount', { amount: parseUsdc('60.00') }],
    ['payee', { payee: address('e') }],
    ['token', { token: address('e') }],
    ['wallet', { wallet: address('e') }],
    ['chain', { chainId: 1 }],
    ['payment', { chainKey: keccak256('0x01') }],
    ['policy', { policyDigest: keccak256('0x03') }],
    ['decision', { decisionHash: keccak256('0x02') }],
    ['expiry', { expiresAtS: terms.expiresAtS + 1 }],
  ])('is refused with another %s', (name, changed) => {
    expect(differences('approve', toJson(approvalTypedData('approve', { ...terms, ...changed })), shown)).toEqual([
      name,
    ]);
  });

  it('is refused where a rejection is given for an approval, or nothing at all', () => {
    expect(differences('reject', toJson(approvalTypedData('approve', terms)), shown)).toContain('kind');
    expect(differences('approve', null, shown)).toContain('kind');
  });

  it('is refused with a field more, a type more, or a field of another type', () => {
    const good = () => toJson(approvalTypedData('approve', terms)) as Record<string, Record<string, unknown>>;
    const [more, types, other] = [good(), good(), good()];
    Object.assign(more.message ?? {}, { spender: address('e') });
    Object.assign(types.types ?? {}, { Permit: [{ name: 'spender', type: 'address' }] });
    Object.assign(other.types ?? {}, { PaymentApproval: [{ name: 'paymentId', type: 'string' }] });
    expect(differences('approve', more, shown)).toEqual(['message']);
    expect(differences('approve', types, shown)).toEqual(['fields']);
    expect(differences('approve', other, shown)).toEqual(['fields']);
  });
});

describe('what a person signs for a mandate', () => {
  const mandate = {
    id: 'mdt_01k3x7gq5nf8b9c2v4m6t0w1yz',
    agent: 'agt_01k3x7gq5nf8b9c2v4m6t0w1yz',
    payees: ['pye_01k3x7gq5nf8b9c2v4m6t0w1yz'],
    categories: ['ocr'],
    hosts: [],
    per_payment: { value: '1.00' },
    total: { value: '12.00' },
    count: 12,
    cadence: { rrule: 'FREQ=MONTHLY', zone: 'UTC' },
    not_before: '2026-01-01T00:00:00.000Z',
    expires_at: '2027-01-01T00:00:00.000Z',
  };
  const signed = (changed: object = {}) =>
    toJson(
      mandateTypedData(
        mandate.id,
        {
          agent: 'agt_01k3x7gq5nf8b9c2v4m6t0w1yz',
          payees: ['pye_01k3x7gq5nf8b9c2v4m6t0w1yz'],
          categories: ['ocr'],
          hosts: [],
          perPayment: parseUsdc('1.00'),
          total: parseUsdc('12.00'),
          count: 12,
          cadence: mandate.cadence,
          notBeforeMs: Date.parse(mandate.not_before),
          expiresAtMs: Date.parse(mandate.expires_at),
          ...changed,
        },
        31_337,
      ),
    );

  it('is what the page shows', () => {
    expect(mandateDifferences(signed(), mandate, 31_337)).toEqual([]);
  });

  it.each([
    ['total', { total: parseUsdc('1200.00') }],
    ['payees', { payees: [] }],
    ['cadence', { cadence: null }],
    ['expires', { expiresAtMs: Date.parse('2028-01-01T00:00:00Z') }],
  ])('is refused with another %s, or for another chain', (name, changed) => {
    expect(mandateDifferences(signed(changed), mandate, 31_337)).toEqual([name]);
    expect(mandateDifferences(signed(), mandate, 1)).toEqual(['domain']);
  });
});
