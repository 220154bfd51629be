import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { raiseAlert } from '../../books/ledger/alerts.ts';
import { readChainStop, refuseWhileStopped } from '../../decide/payments/chainStops.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { accountsOf, alertsOf, CHAIN_ID, eventsOf, paymentOf, stateOf } from './testing/books.ts';
import { FINALITY_DEPTH, findings, type Scene, scene } from './testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
  set.chain.mineEmpty(FINALITY_DEPTH);
  await set.follow();
});
afterEach(() => set.store.close());

describe('a reorg below finality', () => {
  /** A payment that was final, on a branch that is gone. */
  async function goneForGood(): Promise<Payment> {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    set.chain.mineEmpty(FINALITY_DEPTH);
    await set.follow();
    await set.reorg(FINALITY_DEPTH + 1, () => false);
    return payment;
  }
  const openStop = () => set.store.read((tx) => readChainStop(tx, CHAIN_ID));
  const openTypes = async () => (await alertsOf(set.store)).flatMap(({ type, open }) => (open ? [type] : []));

  it('is told of by an alert and an event of its own, also while a sender has one of that type', async () => {
    await set.store.write((tx) =>
      raiseAlert(tx, { type: 'chain_inconsistent', data: { subject: '0xsender', chain: 'eip155:31337' } }, 0),
    );
    await goneForGood();
    expect(await openTypes()).toEqual(['chain_inconsistent', 'chain_inconsistent']);
    expect(await eventsOf(set.store, 'alert.raised')).toHaveLength(2);
    expect(await openStop()).toMatchObject({ blockNumber: expect.any(BigInt) });
  });

  it('keeps the gate from deciding anything on that chain, and nothing is held', async () => {
    await goneForGood();
    const before = await accountsOf(set.store, set.agent);
    await expect(set.store.write((tx) => refuseWhileStopped(tx, CHAIN_ID))).rejects.toMatchObject({
      code: 'chain_inconsistent',
      status: 503,
      details: { retry_after_seconds: expect.any(Number) },
    });
    await expect(set.store.write((tx) => refuseWhileStopped(tx, 1))).resolves.toBeUndefined();
    expect(await accountsOf(set.store, set.agent)).toEqual(before);
  });

  it('is over when the node has the final block again: no restart is needed', async () => {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    set.chain.mineEmpty(FINALITY_DEPTH);
    await set.follow();
    const honest = [...set.chain.blocks];
    expect((await set.reorg(FINALITY_DEPTH + 1, () => false)).status).toBe('stopped');
    set.chain.blocks = honest;
    expect((await set.happen()).status).toBe('synced');
    expect(await openStop()).toBeNull();
    expect(await openTypes()).toEqual([]);
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await eventsOf(set.store, 'chain.resumed')).toEqual(['chain.resumed']);
  });

  it('happens twice and is told of twice', async () => {
    await goneForGood();
    const first = await openStop();
    await set.reorg(2 * FINALITY_DEPTH + 2, () => false);
    expect((await openStop())?.toldHash).not.toBe(first?.toldHash);
    expect(await alertsOf(set.store)).toMatchObject([{ open: false }, { open: true }]);
  });

  it('is shown by recover before anything is booked, and booked as it was shown', async () => {
    const payment = await goneForGood();
    const from = (await openStop())?.blockNumber ?? 0n;
    const shown = await set.follower.recover({ fromBlock: from - 1n, book: null, actor: 'key_1' });
    expect(shown).toMatchObject({ booked: false, difference: { gone: [{ match_id: payment.id }], missing: [] } });
    expect(shown.balances).toMatchObject([{ before: 90_000_000n, after: 100_000_000n }]);
    expect(await stateOf(set.store, payment)).toBe('final');
    const booked = await set.follower.recover({ fromBlock: from - 1n, book: shown.digest, actor: 'key_1' });
    expect(booked.booked).toBe(true);
    expect(await paymentOf(set.store, payment.id)).toMatchObject({ state: 'submitted', heldMicro: 10_000_000n });
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 90_000_000n, reserved: 10_000_000n });
    expect(await openTypes()).toEqual([]);
    expect(await openStop()).toBeNull();
    await set.happen(set.pay(payment));
    set.chain.mineEmpty(FINALITY_DEPTH);
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await findings(set)).toEqual([]);
  });

  it('that mined the payment again elsewhere settles it there', async () => {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    set.chain.mineEmpty(FINALITY_DEPTH);
    await set.follow();
    const first = (await paymentOf(set.store, payment.id)).settlement;
    await set.reorg(FINALITY_DEPTH + 1);
    const from = ((await openStop())?.blockNumber ?? 0n) - 1n;
    const { digest } = await set.follower.recover({ fromBlock: from, book: null, actor: 'key_1' });
    await set.follower.recover({ fromBlock: from, book: digest, actor: 'key_1' });
    await set.follow();
    expect((await paymentOf(set.store, payment.id)).settlement?.blockHash).not.toBe(first?.blockHash);
    expect(await findings(set)).toEqual([]);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 90_000_000n });
  });

  it('is not recovered from a block above where it began, nor with another difference than was shown', async () => {
    await goneForGood();
    const from = (await openStop())?.blockNumber ?? 0n;
    await expect(set.follower.recover({ fromBlock: from + 2n, book: null, actor: 'key_1' })).rejects.toMatchObject({
      code: expect.stringMatching(/^(invalid_request|chain_inconsistent)$/),
    });
    await expect(
      set.follower.recover({ fromBlock: from - 1n, book: 'ab'.repeat(32), actor: 'key_1' }),
    ).rejects.toMatchObject({ code: 'conflict' });
    for (const fromBlock of [0n, 9_999_999n]) {
      await expect(set.follower.recover({ fromBlock, book: null, actor: 'key_1' })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
  });
});
