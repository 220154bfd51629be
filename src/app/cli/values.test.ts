import { describe, expect, it } from 'vitest';
import { at, details, short, text } from './values.ts';

describe('values', () => {
  it('reads amounts, times, lists and nothing', () => {
    expect(text({ value: '12.50', currency: 'USDC' })).toBe('12.50');
    expect(text('2026-11-24T19:05:09.123Z')).toBe('2026-11-24 19:05:09Z');
    expect(text(['a', 'b'])).toBe('a, b');
    expect([text(null), text([]), text('')]).toEqual(['-', '-', '-']);
    expect(text(false)).toBe('no');
  });

  it('finds a value by its path, and nothing where a part is missing', () => {
    const document = { reasons: [{ code: 'payment_cap' }], wallet: null };
    expect(at(document, 'reasons.0.code')).toBe('payment_cap');
    expect(at(document, 'wallet.address')).toBeUndefined();
  });

  it('lists a document with nested names', () => {
    expect(details({ id: 'x', wallet: { address: '0x1' }, amount: { value: '1.00', currency: 'USDC' } })).toEqual([
      ['id', 'x'],
      ['wallet.address', '0x1'],
      ['amount', '1.00 USDC'],
    ]);
  });

  it('shortens hashes and leaves other words whole', () => {
    expect(short(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:ababababab');
    expect(short(`0x${'cd'.repeat(32)}`)).toBe('0xcdcdcdcdcd');
    expect([short('0x1234'), short(null)]).toEqual(['0x1234', '-']);
  });
});
