import { describe, expect, it } from 'vitest';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { payableOffers } from './offer.ts';
import { parsePaymentRequired } from './paymentRequired.ts';

const token = '0x036CbD53842c5426634e7929541eC2318f3dCF7e' as const;
const payTo = '0x00000000000000000000000000000000000bEEf1';
const chain = { chainId: 84_532, token, network: 'eip155:84532', factory: token } as const;
const domain = { name: 'USDC', version: '2' };

const usdc = (changes: Record<string, unknown> = {}) => ({
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '300',
  asset: token,
  payTo,
  maxTimeoutSeconds: 60,
  extra: { name: 'USDC', version: '2' },
  ...changes,
});
/** As a marketplace lists it: paid by its bill, in dollars. */
const aws = (changes: Record<string, unknown> = {}) => ({
  scheme: 'exact',
  network: 'aws:us-east-1',
  amount: '0.0003',
  asset: 'iso4217:USD',
  payTo: 'arn:aws:iam::123456789012:role/seller',
  maxTimeoutSeconds: 60,
  ...changes,
});
const offered = (accepts: unknown[], max?: bigint) =>
  payableOffers(
    parsePaymentRequired({ x402Version: 2, resource: { url: 'https://seller.example/a' }, accepts }),
    chain,
    domain,
    max === undefined ? undefined : microUsdc(max),
  );

describe('an offer that lists other networks and currencies', () => {
  it('is paid in USDC on this chain, wherever that stands in the list', () => {
    for (const accepts of [
      [aws(), usdc()],
      [usdc(), aws()],
      [aws(), aws({ network: 'aws:*' }), usdc(), aws({ asset: 'iso4217:EUR' })],
    ]) {
      const { payable, refused } = offered(accepts);
      expect(payable.map(({ amount, payTo: to }) => [amount, to])).toEqual([[300n, payTo]]);
      expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['other_network']));
    }
  });

  it('with USDC’s own network and dollars as asset is not paid', () => {
    const { payable, refused } = offered([usdc({ asset: 'iso4217:USD' }), usdc({ asset: 'USD' })]);
    expect(payable).toEqual([]);
    expect(refused.map(({ code }) => code)).toEqual(['other_asset', 'other_asset']);
  });

  it.each<[string, unknown]>([
    ['no object', 'exact'],
    ['nothing', null],
    ['a list', [usdc()]],
    ['without an asset', aws({ asset: undefined })],
    ['with an amount that is a number', aws({ amount: 0.0003 })],
    ['with another asset that is an object', aws({ asset: { iso4217: 'USD' } })],
    ['with a time that is text', aws({ maxTimeoutSeconds: '60' })],
    ['with a very long name', aws({ scheme: 'x'.repeat(10_000) })],
    ['with extras that are text', aws({ extra: 'USD' })],
    ['of an unknown scheme with fields of its own', { scheme: 'subscription', plan: { price: 1 } }],
  ])('with an entry that is %s takes the USDC entry beside it', (_, entry) => {
    const { payable, refused } = offered([entry, usdc(), entry]);
    expect(payable.map(({ amount }) => amount)).toEqual([300n]);
    expect(refused.map(({ index, code }) => [index, code])).toEqual([
      [0, 'malformed'],
      [2, 'malformed'],
    ]);
    expect(refused.every(({ scheme, network }) => scheme.length <= 64 && network.length <= 64)).toBe(true);
  });

  it('takes the cap from the entry that would be signed, not from a cheaper one', () => {
    const { payable, refused } = offered([aws({ amount: '1' }), usdc({ scheme: 'upto', amount: '2' }), usdc()], 200n);
    expect(payable).toEqual([]);
    expect(refused.map(({ code }) => code)).toEqual(['other_network', 'scheme_unbounded', 'above_max_amount']);
    expect(offered([aws({ amount: '999999' }), usdc({ amount: '150' })], 200n).payable).toMatchObject([
      { amount: 150n },
    ]);
  });

  it('of very many entries is searched, and what is told of it is bounded', () => {
    const { payable, refused } = offered([...Array.from({ length: 900 }, () => aws()), usdc()]);
    expect(payable).toHaveLength(1);
    expect(refused.length).toBeLessThanOrEqual(50);
    const many = offered(Array.from({ length: 900 }, (__, index) => usdc({ amount: `${1_000 - index}` })));
    expect(many.payable.length).toBeLessThanOrEqual(20);
    expect(many.payable[0]?.amount).toBe(101n);
    expect(() => offered(Array.from({ length: 1_001 }, () => usdc()))).toThrow(/x402/);
    expect(() => offered([])).toThrow(/x402/);
  });
});
