import fc from 'fast-check';
import { keccak256, stringToBytes } from 'viem';
import { expect, it } from 'vitest';
import { newId, type PaymentId } from './ids.ts';
import { paymentIdOnChain } from './paymentIdOnChain.ts';

it('is keccak256 of the text of an id: that of two independent implementations', () => {
  expect(paymentIdOnChain('pay_01jz8q5v3ye2tbkd3g4m5n6p7q')).toBe(
    keccak256(stringToBytes('pay_01jz8q5v3ye2tbkd3g4m5n6p7q')),
  );
  for (let n = 0; n < 500; n += 1) {
    const id = newId('payment');
    expect(paymentIdOnChain(id)).toBe(keccak256(stringToBytes(id)));
  }
});

it('agrees on any text, also where a tampered row holds one as an id', () => {
  const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 });
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    units.map((all) => String.fromCharCode(...all)),
  );
  fc.assert(
    fc.property(text, (id) => {
      expect(paymentIdOnChain(id as PaymentId)).toBe(keccak256(stringToBytes(id)));
    }),
  );
});
