import { describe, expect, it } from 'vitest';
import { examplePayment } from '../../app/local-chain/examplePayment.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { approvedTransferFromReservation } from './approvedTransfer.ts';

const at = { wallet: `0x${'a1'.repeat(20)}`, purse: `0x${'b2'.repeat(20)}` } as const;
const OUTSIDER = `0x${'c3'.repeat(20)}` as const;
const transfer = (changes: Partial<Payment> = {}) =>
  approvedTransferFromReservation(examplePayment({ address: OUTSIDER, ...changes }), at);

describe('an approved transfer', () => {
  it.each(['denied', 'in_review', 'rejected', 'expired', 'settled', 'final', 'failed', 'cancelled'] as const)(
    'is not made of a payment that is %s',
    (state) => {
      expect(() => transfer({ state })).toThrow(/holds money/);
    },
  );

  it('is not made of a payment whose fields do not belong together', () => {
    expect(() => transfer({ chainKey: `0x${'00'.repeat(32)}` })).toThrow(/key on chain/);
    expect(() => transfer({ walletNonce: null })).toThrow(/nonce/);
    expect(() => transfer({ policyDigest: 'ab' })).toThrow(/digest/);
    expect(() => transfer({ decisionHash: '0x12' })).toThrow(/decision hash/);
    expect(() => transfer({ address: at.wallet })).toThrow(/itself/);
  });

  it('can not be changed afterwards', () => {
    const approved = transfer();
    expect(() => Object.assign(approved, { payee: at.purse })).toThrow(TypeError);
  });
});
