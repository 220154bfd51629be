import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Payment } from '../../decide/payments/payment.ts';
import {
  accountsOf,
  addPayment,
  alertsOf,
  eventsOf,
  nonceOf,
  paymentOf,
  SELLER,
  stateOf,
  TREASURY,
} from './testing/books.ts';
import type { Action } from './testing/modelChain.ts';
import { endInAgreement, FINALITY_DEPTH, type Scene, scene } from './testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
  await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 5_000_000n });
});
afterEach(() => endInAgreement(set));

/** A purchase that was signed and is valid for so many blocks from now. */
const sign = (blocks: number): Promise<Payment> => {
  const validBefore = set.chain.tip.header.timestampS + blocks * set.chain.secondsPerBlock;
  const purchase = {
    agent: set.agent,
    to: SELLER,
    amount: 2_000_000n,
    rail: 'x402',
    kind: 'purchase',
    validBefore,
  } as const;
  return set.store.write((tx) => addPayment(tx, purchase));
};
const use = (payment: Payment, blocks: number): Action => ({
  kind: 'authorized',
  purse: set.agent.purse,
  nonce: nonceOf(payment.id),
  to: payment.address,
  amount: payment.amount,
  validBefore: set.chain.tip.header.timestampS + blocks * set.chain.secondsPerBlock,
});
const passBlocks = async (count: number): Promise<void> => {
  set.chain.mineEmpty(count);
  await set.follow();
};

describe('an x402 hold', () => {
  it('is released when a final block is past validBefore with the nonce unused, and not a block before', async () => {
    const payment = await sign(1);
    await passBlocks(1 + FINALITY_DEPTH);
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await accountsOf(set.store, set.agent)).toMatchObject({ purse: 3_000_000n, purse_reserved: 2_000_000n });
    await passBlocks(1);
    expect(await paymentOf(set.store, payment.id)).toMatchObject({ state: 'expired', heldMicro: 0n });
    expect(await accountsOf(set.store, set.agent)).toMatchObject({ purse: 5_000_000n });
    expect(await eventsOf(set.store, 'x402.lapsed', 'payment.expired')).toHaveLength(2);
  });

  it('settles when the authorization was used at the last moment, though that is seen long after', async () => {
    const payment = await sign(2);
    set.chain.mine(set.chain.send(use(payment, 2)));
    set.chain.mineEmpty(2 * FINALITY_DEPTH);
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await eventsOf(set.store, 'x402.lapsed')).toEqual([]);
  });

  it('is not released on the word of a node that cannot answer for the final block, but on that of a later one', async () => {
    const payment = await sign(1);
    const { authorizationState } = set.chain;
    const asked: bigint[] = [];
    set.chain.authorizationState = (purse, nonce, number) => {
      asked.push(number);
      if (number < set.chain.tip.header.number) return Promise.reject(new Error('missing trie node'));
      return authorizationState(purse, nonce, number);
    };
    await passBlocks(2 + FINALITY_DEPTH);
    expect(await stateOf(set.store, payment)).toBe('expired');
    const head = set.chain.tip.header.number;
    expect(asked).toEqual([head - BigInt(FINALITY_DEPTH), head]);
  });

  it('is released when its cancellation is final, and not before', async () => {
    const payment = await sign(1_000);
    await set.happen({ kind: 'cancel', purse: set.agent.purse, nonce: nonceOf(payment.id) });
    await passBlocks(FINALITY_DEPTH - 1);
    expect(await stateOf(set.store, payment)).toBe('submitted');
    await passBlocks(1);
    expect(await paymentOf(set.store, payment.id)).toMatchObject({ state: 'cancelled', heldMicro: 0n });
    expect(await accountsOf(set.store, set.agent)).toMatchObject({ purse: 5_000_000n });
  });

  it('stands when the cancellation is reorganised away', async () => {
    const payment = await sign(1_000);
    await set.happen({ kind: 'cancel', purse: set.agent.purse, nonce: nonceOf(payment.id) });
    await set.reorg(1, () => false);
    await passBlocks(2 * FINALITY_DEPTH);
    expect(await stateOf(set.store, payment)).toBe('submitted');
    await set.happen(use(payment, 1_000));
    expect(await stateOf(set.store, payment)).toBe('settled');
  });

  it('that has lapsed and is spent all the same, by a chain that breaks its word, is unexplained and named', async () => {
    const payment = await sign(1);
    await passBlocks(2 + FINALITY_DEPTH);
    await set.happen(use(payment, 1_000));
    expect(await stateOf(set.store, payment)).toBe('expired');
    expect(await alertsOf(set.store)).toMatchObject([
      { type: 'unexplained_outflow', body: { payment: payment.id, reason: 'not_expected', payment_state: 'expired' } },
    ]);
  });
});
