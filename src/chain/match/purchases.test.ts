import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { query } from '../../store/statement.ts';
import {
  accountsOf,
  addAgent,
  agentStatus,
  alertsOf,
  OUTSIDER,
  paymentOf,
  stateOf,
  TREASURY,
} from '../follow/testing/books.ts';
import type { Action } from '../follow/testing/modelChain.ts';
import { endInAgreement, type Scene, scene } from '../follow/testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
});
afterEach(() => endInAgreement(set));

describe('an x402 purchase', () => {
  beforeEach(async () => {
    await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 5_000_000n });
  });

  it('settles by its nonce, and is a sale where the seller is an agent of ours', async () => {
    const vendor = await addAgent(set.store, 'vendor');
    const payment = await set.add({ rail: 'x402', kind: 'purchase', amount: 2_000_000n, to: vendor.wallet });
    await set.happen(set.authorize(payment));
    expect(await stateOf(set.store, payment)).toBe('settled');
    expect(await accountsOf(set.store, set.agent)).toMatchObject({ purse: 3_000_000n });
    expect(await accountsOf(set.store, vendor)).toEqual({ available: 2_000_000n });
    expect(
      await set.store.read((tx) =>
        tx.get(query((db) => db.selectFrom('receivables').select('kind').where('agent_id', '=', vendor.id))),
      ),
    ).toEqual({
      kind: 'x402_sale',
    });
  });

  it.each<[string, string, Partial<Action & { kind: 'authorized' }>]>([
    ['an unknown nonce', 'unknown_payment', { nonce: `0x${'cd'.repeat(32)}` }],
    ['another amount', 'other_amount', { amount: 1n }],
    ['another payee', 'other_payee', { to: OUTSIDER }],
  ])('with %s is an unexplained outflow of the purse', async (_, reason, more) => {
    const payment = await set.add({ rail: 'x402', kind: 'purchase', amount: 2_000_000n });
    await set.happen(set.authorize(payment, more));
    expect(await alertsOf(set.store)).toMatchObject([
      { type: 'unexplained_outflow', body: { reason, place: 'purse' } },
    ]);
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect((await agentStatus(set.store, set.agent)).status).toBe('frozen');
  });

  it('that waited for its top-up holds its money as soon as that settles, and can then be paid', async () => {
    const purchase = await set.add({
      rail: 'x402',
      kind: 'purchase',
      amount: 8_000_000n,
      held: 5_000_000n,
      state: 'authorized',
    });
    const topUp = await set.add({ kind: 'top_up', amount: 4_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(set.pay(topUp));
    expect(await stateOf(set.store, topUp)).toBe('settled');
    expect(await paymentOf(set.store, purchase.id)).toMatchObject({ state: 'authorized', heldMicro: 8_000_000n });
    expect(await accountsOf(set.store, set.agent)).toEqual({
      available: 96_000_000n,
      purse: 1_000_000n,
      purse_reserved: 8_000_000n,
    });
    expect(
      await set.store.read((tx) =>
        tx.all(query((db) => db.selectFrom('receivables').select('id').where('payment_id', '=', topUp.id))),
      ),
    ).toEqual([]);
    await set.happen(set.authorize(purchase));
    expect(await stateOf(set.store, purchase)).toBe('settled');
  });

  it('that was cancelled while its top-up was on its way leaves the money free in the purse', async () => {
    const purchase = await set.add({
      rail: 'x402',
      kind: 'purchase',
      amount: 8_000_000n,
      held: 0n,
      state: 'cancelled',
    });
    const topUp = await set.add({ kind: 'top_up', amount: 8_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(set.pay(topUp));
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 92_000_000n, purse: 13_000_000n });
  });

  it('whose top-up no longer suffices stays as it was, with an alert', async () => {
    const purchase = await set.add({
      rail: 'x402',
      kind: 'purchase',
      amount: 8_000_000n,
      held: 0n,
      state: 'authorized',
    });
    await set.add({ rail: 'x402', kind: 'purchase', amount: 5_000_000n });
    const topUp = await set.add({ kind: 'top_up', amount: 3_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(set.pay(topUp));
    expect(await paymentOf(set.store, purchase.id)).toMatchObject({ state: 'authorized', heldMicro: 0n });
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'top_up_short', body: { missing_micro: '8000000' } }]);
  });
});
