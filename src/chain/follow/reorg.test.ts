import type { Address } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../decide/payments/history.ts';
import { hostSubject } from '../../decide/payments/workingSet.ts';
import { query } from '../../store/statement.ts';
import {
  accountsOf,
  addAgent,
  agentStatus,
  alertsOf,
  eventsOf,
  OUTSIDER,
  paymentOf,
  SELLER,
  stateOf,
  TREASURY,
} from './testing/books.ts';
import { FINALITY_DEPTH, findings, type Scene, scene } from './testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
  // What the scene began with is final before anything is reorganised.
  set.chain.mineEmpty(FINALITY_DEPTH);
  await set.follow();
});
afterEach(() => set.store.close());

describe('a reorg', () => {
  it('takes a payment back to submitted with its money held, and settles it again where it is mined again', async () => {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    const first = (await paymentOf(set.store, payment.id)).settlement;
    const gone = await set.reorg(1, () => false);
    expect(gone).toMatchObject({ status: 'synced', rolledBack: 1 });
    expect(await paymentOf(set.store, payment.id)).toMatchObject({
      state: 'submitted',
      heldMicro: 10_000_000n,
      settlement: null,
    });
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 90_000_000n, reserved: 10_000_000n });
    expect(await findings(set)).toEqual([]);
    await set.happen(set.pay(payment));
    const second = (await paymentOf(set.store, payment.id)).settlement;
    expect(second?.blockHash).not.toBe(first?.blockHash);
    expect(await eventsOf(set.store, 'payment.settled', 'payment.reorged', 'chain.reorged')).toEqual([
      'payment.settled',
      'payment.reorged',
      'chain.reorged',
      'payment.settled',
    ]);
    expect(await findings(set)).toEqual([]);
  });

  it('leaves nothing of an undone payment in what decisions are told of earlier ones', async () => {
    const subject = hostSubject('ocr.example');
    const told = async () => (await set.store.read((tx) => readHistory(tx, [{ agent: set.agent.id, subject }])))[0];
    const purchase = async (to: Address, amount: bigint) => {
      const payment = await set.add({ to, amount });
      await set.store.write((tx) =>
        tx.run(query((db) => db.updateTable('payments').set({ host: 'ocr.example' }).where('id', '=', payment.id))),
      );
      return paymentOf(set.store, payment.id);
    };
    const kept = await purchase(SELLER, 1_000_000n);
    await set.happen(set.pay(kept));
    const before = await told();
    expect(before).toMatchObject({
      settled_count: 1,
      last_address: SELLER,
      max_amount: 1_000_000,
      last_amount: 1_000_000,
    });
    const undone = await purchase(OUTSIDER, 9_000_000n);
    await set.happen(set.pay(undone));
    expect(await told()).toMatchObject({ settled_count: 2, last_address: OUTSIDER, max_amount: 9_000_000 });
    await set.reorg(1, () => false);
    expect(await told()).toEqual(before);
    expect(await set.store.read((tx) => readHistory(tx, [{ agent: set.agent.id, subject: OUTSIDER }]))).toEqual([null]);
    expect(await findings(set)).toEqual([]);
    await set.reorg(3, () => false);
    expect(await told()).toBeNull();
    expect(await findings(set)).toEqual([]);
  });

  it('undoes a payment between two agents, with the receivable and what came of it', async () => {
    const vendor = await addAgent(set.store, 'vendor');
    const first = await set.add({ to: vendor.wallet });
    await set.happen(set.pay(first));
    const onward = await set.add({ agent: vendor, amount: 4_000_000n });
    await set.happen({ ...set.pay(onward), wallet: vendor.wallet });
    await set.reorg(2, () => false);
    expect(await accountsOf(set.store, vendor)).toEqual({ available: -4_000_000n, reserved: 4_000_000n });
    const receivables = await set.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('receivables').select('state').where('agent_id', '=', vendor.id))),
    );
    expect(receivables).toEqual([{ state: 'orphaned' }]);
    expect(await findings(set)).toEqual([]);
    await set.happen(set.pay(first), { ...set.pay(onward), wallet: vendor.wallet });
    expect(await accountsOf(set.store, vendor)).toEqual({ available: 6_000_000n });
    expect(await findings(set)).toEqual([]);
  });

  it('undoes deposits, gifts, sweeps and withdrawals', async () => {
    const { wallet, purse } = set.agent;
    await set.happen(
      { kind: 'transfer', from: TREASURY, to: purse, amount: 3n },
      { kind: 'mint', to: wallet, amount: 5n },
    );
    await set.happen(
      { kind: 'transfer', from: purse, to: wallet, amount: 2n },
      { kind: 'withdraw', wallet, to: OUTSIDER, amount: 7n },
    );
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 99_999_995n, purse: 1n, suspense: 5n });
    await set.reorg(2, () => false);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n });
    expect((await alertsOf(set.store)).filter(({ open }) => open)).toEqual([]);
    expect(await findings(set)).toEqual([]);
  });

  it('gives an unexplained outflow back and closes its alert, but the agent stays frozen until a person looks', async () => {
    await set.happen({ kind: 'transfer', from: set.agent.wallet, to: OUTSIDER, amount: 1_000_000n });
    await set.reorg(1, () => false);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n });
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'unexplained_outflow', open: false }]);
    expect((await agentStatus(set.store, set.agent)).status).toBe('frozen');
  });

  it('of a top-up takes back what a waiting purchase held of it', async () => {
    await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 1_000_000n });
    const purchase = await set.add({
      rail: 'x402',
      kind: 'purchase',
      amount: 5_000_000n,
      held: 1_000_000n,
      state: 'authorized',
    });
    const topUp = await set.add({ kind: 'top_up', amount: 4_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(set.pay(topUp));
    expect((await paymentOf(set.store, purchase.id)).heldMicro).toBe(5_000_000n);
    await set.reorg(1, () => false);
    expect(await paymentOf(set.store, purchase.id)).toMatchObject({ state: 'authorized', heldMicro: 1_000_000n });
    expect(await findings(set)).toEqual([]);
    await set.happen(set.pay(topUp));
    expect((await paymentOf(set.store, purchase.id)).heldMicro).toBe(5_000_000n);
  });

  it('of a top-up and the purchase it paid leaves what was signed held, and both settle again', async () => {
    const purchase = await set.add({
      rail: 'x402',
      kind: 'purchase',
      amount: 5_000_000n,
      held: 0n,
      state: 'authorized',
    });
    const topUp = await set.add({ kind: 'top_up', amount: 5_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(set.pay(topUp));
    await set.happen(set.authorize(purchase));
    await set.reorg(2, () => false);
    expect(await paymentOf(set.store, purchase.id)).toMatchObject({ state: 'submitted', heldMicro: 5_000_000n });
    expect(await accountsOf(set.store, set.agent)).toMatchObject({ purse: -5_000_000n, purse_reserved: 5_000_000n });
    expect(await findings(set)).toEqual([]);
    await set.happen(set.pay(topUp));
    await set.happen(set.authorize(purchase));
    expect([await stateOf(set.store, topUp), await stateOf(set.store, purchase)]).toEqual(['settled', 'settled']);
    expect(await findings(set)).toEqual([]);
  });

  it('back to a block that was undone before books it again', async () => {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    const block = set.chain.tip;
    await set.reorg(1, () => false);
    set.chain.drop(2);
    set.chain.blocks.push(block);
    set.chain.mineEmpty(2);
    await set.follow();
    expect(await paymentOf(set.store, payment.id)).toMatchObject({
      state: 'settled',
      settlement: { blockHash: block.header.hash },
    });
    expect(await findings(set)).toEqual([]);
  });

  it('to a shorter branch is followed too', async () => {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    await set.happen();
    set.chain.drop(2);
    set.chain.mine([]);
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await findings(set)).toEqual([]);
  });
});

describe('a branch that contradicts a final block', () => {
  it('is never followed: the follower stops with an alert, and so does the next one', async () => {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    set.chain.mineEmpty(FINALITY_DEPTH);
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('final');
    const before = await accountsOf(set.store, set.agent);
    const report = await set.reorg(FINALITY_DEPTH + 1, () => false);
    expect(report).toMatchObject({ status: 'stopped', error: { code: 'chain_inconsistent' } });
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await accountsOf(set.store, set.agent)).toEqual(before);
    expect((await set.happen()).status).toBe('stopped');
    set.restart();
    expect((await set.follow()).status).toBe('stopped');
    expect((await alertsOf(set.store)).map(({ type }) => type)).toEqual(['chain_inconsistent']);
  });
});

describe('a node that is behind', () => {
  it('with the same blocks is waited for', async () => {
    await set.happen();
    const [tip] = set.chain.blocks.splice(-1);
    expect(await set.follow()).toMatchObject({ status: 'waiting', rolledBack: 0 });
    if (tip) set.chain.blocks.push(tip);
    expect((await set.follow()).status).toBe('synced');
  });
});
