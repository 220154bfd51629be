import { describe, expect, it } from 'vitest';
import { findOperation } from '../operations/registry.ts';
import { keyed } from './key.ts';

const refund = findOperation('refund');
const of = 'pay_01k3x7gq5nf8b9c2v4m6t0w1yz';
const usdc = (value: string) => ({ value, currency: 'USDC' });
const keyOf = (args: Record<string, unknown>, defaults = {}) => keyed(refund, args, defaults).key;

describe('a call without a key, of an operation that derives none', () => {
  const first = keyOf({ of, amount: usdc('0.50') });

  it('has the same key however it is written down', () => {
    expect(first).toMatch(/^mcp-[0-9a-f]{64}$/);
    expect(keyOf({ amount: usdc('0.5'), of })).toBe(first);
    expect(keyOf({ of, amount: { currency: 'USDC', value: '0.500000' }, again: 1 })).toBe(first);
  });

  it.each([
    ['another amount', { of, amount: usdc('0.51') }, {}],
    ['another thing', { of: of.replace('1yz', '1ya'), amount: usdc('0.50') }, {}],
    ['a deliberate repeat', { of, amount: usdc('0.50'), again: 2 }, {}],
    ['another run', { of, amount: usdc('0.50') }, { workflow: 'digest', run: 'r2' }],
  ])('has another key for %s', (_, args, defaults) => {
    expect(keyOf(args, defaults)).not.toBe(first);
  });

  it('hands the operation its own fields only', () => {
    expect(keyed(refund, { of, again: 3 }, {}).input).toEqual({ of });
  });

  it.each(['2', 0, 1.5, -1, null, 1_000_001])('is refused with again: %j, not read as something else', (again) => {
    expect(() => keyOf({ of, again })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('leaves what the operation will refuse to the operation', () => {
    expect(keyed(refund, { of, amount: usdc('-1') }, {}).input).toEqual({ of, amount: usdc('-1') });
  });
});

describe('a call', () => {
  it('with a key keeps it, whichever operation it is for', () => {
    expect(keyed(refund, { of, idempotency_key: 'invoice-1042' }, {})).toEqual({ input: { of }, key: 'invoice-1042' });
    expect(keyed(findOperation('pay'), { payee: 'Grace', idempotency_key: 'invoice-1042' }, {})).toEqual({
      input: { payee: 'Grace' },
      key: 'invoice-1042',
    });
  });

  it('of an operation that derives its key hands over `again`', () => {
    expect(keyed(findOperation('pay'), { payee: 'Grace' }, {})).toEqual({
      input: { payee: 'Grace', again: 1 },
      key: null,
    });
  });

  it('that moves no money has no key', () => {
    expect(keyed(findOperation('get_payment'), { id: of }, {})).toEqual({ input: { id: of }, key: null });
  });
});
