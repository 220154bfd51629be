import { describe, expect, it } from 'vitest';
import { echoExtensions } from './extensions.ts';
import { classify } from './outcome.ts';

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const hash = `0x${'ab'.repeat(32)}`;

describe('classify', () => {
  it.each([
    ['no answer', 0, null, 'no_answer'],
    ['a page and a receipt', 200, encoded({ success: true, transaction: hash }), 'served'],
    ['a page alone', 204, null, 'served'],
    ['a page, though the settlement failed', 200, encoded({ success: false, transaction: '' }), 'settlement_failed'],
    ['another 402', 402, null, 'refused_after_payment'],
    ['a settlement on its way', 402, encoded({ success: false, transaction: hash }), 'settlement_pending'],
    ['a redirect', 307, null, 'redirected'],
    ['an error', 502, null, 'failed'],
    ['a receipt that is no JSON', 200, 'nonsense', 'served'],
    ['a receipt that is null', 402, encoded(null), 'refused_after_payment'],
    [
      'a receipt whose success is a word',
      402,
      encoded({ success: 'false', transaction: hash }),
      'refused_after_payment',
    ],
  ])('takes %s for what it is', (_name, status, response, outcome) => {
    expect(classify(status, response).outcome).toBe(outcome);
  });

  it('believes no transaction hash that is none', () => {
    const forged = encoded({ success: false, transaction: '<script>' });
    expect(classify(402, forged)).toEqual({ outcome: 'settlement_failed', transaction: null });
  });
});

describe('echoExtensions', () => {
  it('adds the id to payment-identifier, and nothing to what it does not know', () => {
    const declared = { 'payment-identifier': { info: { required: true }, schema: {} }, other: { info: { a: 1 } } };
    expect(echoExtensions(declared, 'pay_1')).toEqual({
      'payment-identifier': { info: { required: true, id: 'pay_1' }, schema: {} },
      other: { info: { a: 1 } },
    });
    // The seller's object is evidence and stays as it came.
    expect(declared['payment-identifier'].info).toEqual({ required: true });
  });

  it.each([
    [null, null],
    ['text', null],
    [{ 'payment-identifier': null }, { 'payment-identifier': null }],
    [{ 'payment-identifier': { info: 'x' } }, { 'payment-identifier': { info: 'x' } }],
  ])('leaves %j as it is', (declared, echoed) => {
    expect(echoExtensions(declared, 'pay_1')).toEqual(echoed);
  });
});
