import { describe, expect, it } from 'vitest';
import { numbered } from '../../../test/support/gateWorld.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { callOf, type OwnerAction } from './action.ts';
import { differencesOfCall, type GivenCall } from './sameCall.ts';

const target = { wallet: numbered(0xa1), token: numbered(0xa2), registry: numbered(0xa3) };
const wanted: OwnerAction = { action: 'withdraw', address: numbered(0xb1), amount: parseUsdc('5') };
const made = (action: OwnerAction = wanted, changes: Partial<GivenCall> = {}): GivenCall => {
  const { to, data } = callOf(target, action);
  return { chain_id: 1, to, data, value: '0', ...changes };
};
const differing = (given: GivenCall, asked = wanted) => differencesOfCall(1, target, asked, given);

describe('A call that a server made', () => {
  it('is the one that was asked for, however its addresses are written', () => {
    const { to, data } = made();
    expect(differing(made())).toEqual([]);
    expect(differing(made(wanted, { to: to.toLowerCase(), data: data.toLowerCase() }))).toEqual([]);
  });

  it.each<[string, GivenCall, string[]]>([
    ['another amount', made({ ...wanted, amount: parseUsdc('5000') }), ['amount']],
    ['another receiver', made({ ...wanted, address: numbered(0xee) }), ['to']],
    ['another method', made({ action: 'transfer_ownership', address: numbered(0xb1) }), ['method']],
    ['another contract', made(wanted, { to: numbered(0xa9) }), ['contract']],
    ['another chain', made(wanted, { chain_id: 8453 }), ['chain']],
    ['money with it', made(wanted, { value: '1' }), ['value']],
    ['more behind its arguments', made(wanted, { data: `${made().data}00` }), ['data']],
    ['no call at all', made(wanted, { data: '0x' }), ['method']],
    ['what is no hex', made(wanted, { data: 'withdraw' }), ['method']],
    ['a method that no contract of ours has', made(wanted, { data: '0xa9059cbb' }), ['method']],
  ])('is told apart from one with %s', (_, given, names) => {
    expect(differing(given)).toEqual(names);
  });

  it('is held against lists and times too', () => {
    const approvers: OwnerAction = { action: 'set_approvers', addresses: [numbered(1), numbered(2)], threshold: 2 };
    const swapped: OwnerAction = { ...approvers, addresses: [numbered(1), numbered(3)], threshold: 1 };
    expect(differing(made(swapped), approvers)).toEqual(['next', 'threshold']);
    const until: OwnerAction = { action: 'set_valid_until', untilS: 1_900_000_000 };
    expect(differing(made({ action: 'set_valid_until' }), until)).toEqual(['validUntil']);
  });
});
