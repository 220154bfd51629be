import type { Hex } from 'viem';
import { keccak256, toHex } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addToMeters, readMeters } from '../../../test/support/meters.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import type { MeterSubject } from '../../books/meters/places.ts';
import { claimPayment } from '../../books/receivables/claims.ts';
import { addPassedOn, readEarnings } from '../../books/receivables/earnings.ts';
import { createInvoice, getInvoice, type Invoice, invoiceState } from '../../books/receivables/invoices.ts';
import { listReceivables } from '../../books/receivables/readReceivables.ts';
import { expectSale, findExpectedSale, openPayers } from '../../books/receivables/sales.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { query } from '../../store/statement.ts';
import {
  accountsOf,
  addAgent,
  addPayment,
  addressFrom,
  alertsOf,
  CHAIN_ID,
  OUTSIDER,
  POLICY,
  payItem,
  type TestAgent,
} from '../follow/testing/books.ts';
import type { Action, Sent } from '../follow/testing/modelChain.ts';
import { endInAgreement, type Scene, scene } from '../follow/testing/scene.ts';

const PRICE = 3_000_000n;
const nonce = (n: number): Hex => keccak256(toHex(`nonce ${n}`));
let set: Scene;
beforeEach(async () => {
  set = await scene();
  await set.happen({ kind: 'mint', to: OUTSIDER, amount: 1_000_000_000n });
});
afterEach(() => endInAgreement(set));

const announce = (n: number, more: Partial<Parameters<typeof expectSale>[1]> = {}) =>
  set.store.write((tx) =>
    expectSale(
      tx,
      {
        chainId: CHAIN_ID,
        payer: OUTSIDER,
        nonce: nonce(n),
        agentId: set.agent.id as AgentId,
        amount: PRICE,
        resource: 'https://vendor.example/data',
        validBeforeS: 4_000_000_000n,
        ...more,
      },
      0,
    ),
  );
const sell = (n: number): Action => ({
  kind: 'authorized',
  purse: OUTSIDER,
  nonce: nonce(n),
  to: set.agent.wallet,
  amount: PRICE,
  validBefore: 4_000_000_000,
});
const transfer = (amount: bigint): Action => ({ kind: 'transfer', from: OUTSIDER, to: set.agent.wallet, amount });
const all = () => set.store.read((tx) => listReceivables(tx, { agentId: set.agent.id, limit: 100 }));
const received = async () => (await all()).filter((each) => each.kind !== 'deposit');
const newest = async () => (await received())[0];
const earned = async () => (await set.store.read((tx) => readEarnings(tx, set.agent.id))).received;
const saleState = async (n: number) =>
  (await set.store.read((tx) => findExpectedSale(tx, CHAIN_ID, OUTSIDER, nonce(n))))?.state;

async function ask(amount: bigint, more: { expiresAtMs?: number; maxUses?: number } = {}): Promise<Invoice> {
  return set.store.write((tx) =>
    createInvoice(
      tx,
      {
        agentId: set.agent.id as AgentId,
        sponsorId: 'spn_1',
        address: set.agent.wallet,
        amount: microUsdc(amount),
        maxUses: 1,
        memo: 'work',
        expiresAtMs: null,
        idempotencyKey: `key ${Math.random()}`,
        bodyHash: '',
        ...more,
      },
      { actor: 'test', atMs: 0 },
    ),
  );
}
const stateOf = (invoice: Invoice) =>
  set.store.read(async (tx) => invoiceState(await getInvoice(tx, invoice.id), 1_800_000_000_000));
const hashOf = (sent: Sent[]): Hex => sent[0]?.hash ?? '0x';
async function happenKnown(action: Action): Promise<Hex> {
  const sent = set.chain.send(action);
  expect(set.chain.mine(sent)).toEqual([]);
  await set.follow();
  return hashOf(sent);
}

describe('a sale that was announced', () => {
  it('is known by payer and nonce, may be spent, and is final with its block', async () => {
    await announce(1);
    await set.happen(sell(1));
    const sold = { kind: 'x402_sale', payer: OUTSIDER, saleNonce: nonce(1), state: 'included' };
    expect(await newest()).toMatchObject(sold);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n + PRICE });
    expect([await earned(), await saleState(1)]).toEqual([PRICE, 'paid']);
    set.chain.mineEmpty(4);
    await set.follow();
    expect([(await newest())?.state, await saleState(1)]).toEqual(['final', 'closed']);
    expect(await set.store.read((tx) => openPayers(tx, CHAIN_ID))).toEqual([]);
  });

  it('goes back with a reorg and is a sale again when it is mined again', async () => {
    await announce(1);
    await set.happen(sell(1));
    await set.reorg(1, () => false);
    expect((await received()).map((each) => each.state)).toEqual(['orphaned']);
    expect([await earned(), await saleState(1)]).toEqual([0n, 'expected']);
    await set.happen(sell(1));
    expect([(await newest())?.kind, await earned(), await saleState(1)]).toEqual(['x402_sale', PRICE, 'paid']);
  });

  it('is a sale also when it was announced between the question for logs and the answer', async () => {
    let asked = 0;
    set.chain.beforeLogs = async () => {
      asked += 1;
      if (asked === 1) await announce(1);
    };
    set.chain.mine(set.chain.send(sell(1)));
    await set.follow();
    expect(await newest()).toMatchObject({ kind: 'x402_sale' });
  });

  it('is not what another nonce, amount or agent pays', async () => {
    await announce(2);
    await announce(3, { amount: PRICE + 1n });
    await set.happen(sell(1));
    await set.happen(sell(3));
    expect((await received()).map((each) => each.kind)).toEqual(['unmatched', 'unmatched']);
    expect(await accountsOf(set.store, set.agent)).toMatchObject({ suspense: 2n * PRICE });
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'unmatched_inflow', body: { count: 2 } }]);
  });

  it('does not make the payer’s other purchases our business', async () => {
    await announce(1);
    await set.happen({ ...sell(1), to: addressFrom('another shop') } as Action);
    expect([await received(), await alertsOf(set.store), await saleState(1)]).toEqual([[], [], 'expected']);
  });

  it('is no longer waited for once its authorization has lapsed in a final block', async () => {
    await announce(1, { validBeforeS: 1_700_000_050n });
    set.chain.mineEmpty(12);
    await set.follow();
    expect(await saleState(1)).toBe('closed');
  });

  it('may be the payment of an invoice', async () => {
    const invoice = await ask(PRICE * 2n);
    await announce(1, { invoiceId: invoice.id });
    await set.happen(sell(1));
    expect(await newest()).toMatchObject({ kind: 'invoice', invoiceId: invoice.id, invoiceBy: 'nonce' });
    expect(await stateOf(invoice)).toBe('part_paid');
  });
});

describe('an invoice paid by a plain transfer', () => {
  it('is the oldest open one of exactly the amount; what is still due counts, not what was asked', async () => {
    const [first, second] = [await ask(PRICE), await ask(PRICE)];
    await set.happen(transfer(PRICE));
    expect([await stateOf(first), await stateOf(second)]).toEqual(['paid', 'open']);
    expect((await newest())?.invoiceBy).toBe('amount');
    await set.happen(transfer(PRICE));
    await set.happen(transfer(PRICE));
    expect([await stateOf(second), (await newest())?.kind]).toEqual(['paid', 'unmatched']);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n + 2n * PRICE, suspense: PRICE });
  });

  it('goes back with a reorg', async () => {
    const invoice = await ask(PRICE);
    await set.happen(transfer(PRICE));
    await set.reorg(1, () => false);
    expect([await stateOf(invoice), await earned()]).toEqual(['open', 0n]);
  });

  it('prefers an open one to one that has expired, and shows the late one as paid late', async () => {
    const expired = await ask(PRICE, { expiresAtMs: 1_000 });
    const open = await ask(PRICE);
    await set.happen(transfer(PRICE));
    expect([await stateOf(open), await stateOf(expired)]).toEqual(['paid', 'expired']);
    await set.happen(transfer(PRICE));
    expect(await stateOf(expired)).toBe('paid');
  });

  it('is paid as often as it may be used, and no more', async () => {
    const link = await ask(PRICE, { maxUses: 2 });
    for (const state of ['open', 'paid', 'paid']) {
      await set.happen(transfer(PRICE));
      expect(await stateOf(link)).toBe(state);
    }
    expect((await newest())?.kind).toBe('unmatched');
  });

  it('takes a claim before or after the transfer, and a reorg changes nothing about it', async () => {
    const invoice = await ask(PRICE);
    const claim = (txHash: Hex, payer: string | null) =>
      set.store.write((tx) => claimPayment(tx, { invoiceId: invoice.id, txHash, payer, actor: 'test' }, 0));
    const sent = set.chain.send(transfer(1n));
    await claim(hashOf(sent), null);
    set.chain.mine(sent);
    await set.follow();
    expect([(await newest())?.invoiceBy, await stateOf(invoice)]).toEqual(['claim', 'part_paid']);
    const hash = await happenKnown(transfer(7n));
    expect((await newest())?.kind).toBe('unmatched');
    expect(await claim(hash, addressFrom('somebody else'))).toEqual([]);
    expect(await claim(hash, OUTSIDER)).toMatchObject([{ kind: 'invoice', amountMicro: 7n }]);
    expect([(await accountsOf(set.store, set.agent)).suspense, await earned()]).toEqual([undefined, 8n]);
    await set.reorg(1);
    expect([(await newest())?.invoiceBy, await earned(), await stateOf(invoice)]).toEqual(['claim', 8n, 'part_paid']);
  });

  it('leaves alone what a nonce or an earlier claim has found', async () => {
    const [first, second] = [await ask(PRICE), await ask(PRICE)];
    await announce(1, { invoiceId: first.id });
    const hash = await happenKnown(sell(1));
    const claim = { invoiceId: second.id, txHash: hash, payer: OUTSIDER, actor: OUTSIDER };
    expect(await set.store.write((tx) => claimPayment(tx, claim, 0))).toEqual([]);
    expect([await stateOf(first), await stateOf(second)]).toEqual(['paid', 'open']);
  });

  it('takes only some claims that nothing answers', async () => {
    const invoice = await ask(PRICE);
    const flood = async () => {
      for (let n = 0; n < 30; n += 1) {
        const claim = { invoiceId: invoice.id, txHash: nonce(n), payer: OUTSIDER, actor: OUTSIDER };
        await set.store.write((tx) => claimPayment(tx, claim, 0));
      }
    };
    await expect(flood()).rejects.toMatchObject({ code: 'too_many_requests' });
    // Outsiders keep neither the earner out, nor the payer for good.
    const said = (payer: string | null, atMs: number) =>
      set.store.write((tx) =>
        claimPayment(tx, { invoiceId: invoice.id, txHash: nonce(99), payer, actor: 'test' }, atMs),
      );
    expect(await said(null, 0)).toEqual([]);
    await expect(said(OUTSIDER, 3_599_999)).rejects.toMatchObject({ code: 'too_many_requests' });
    expect(await said(OUTSIDER, 3_600_001)).toEqual([]);
  });
});

describe('a refund between two agents', () => {
  const meters: MeterDeclarations = { ever: { by: ['agent'], window: 'lifetime', refunds: 'restore' } };
  const subject: MeterSubject = {
    agent: 'payer',
    sponsor: 'spn_1',
    workflow: null,
    payee: null,
    address: '0x',
    category: null,
    kind: 'payout',
    asset: 'USDC',
    network: 'eip155:31337',
    host: null,
  };
  const spent = async () =>
    (await set.store.read((tx) => readMeters(tx, { declarations: meters, subject, atMs: 1 }))).ever?.total;
  const settle = (agent: TestAgent, payment: Payment) =>
    set.happen({ kind: 'pay', wallet: agent.wallet, policyDigest: POLICY, items: [payItem(payment)] });

  it('gives the payer its meters back, is no income of its, and a reorg takes both back', async () => {
    const earner = await addAgent(set.store, 'earner');
    await set.follow();
    set.restart({ meters: async () => meters });
    const paid = await set.store.write(async (tx) => {
      const payment = await addPayment(tx, { agent: set.agent, to: earner.wallet, amount: 10n });
      await addToMeters(tx, { declarations: meters, subject, atMs: 0 }, { id: payment.id, amountMicro: 10n });
      return payment;
    });
    await settle(set.agent, paid);
    const refund = await set.store.write(async (tx) => {
      const payment = await addPayment(tx, { agent: earner, to: set.agent.wallet, amount: 4n, kind: 'refund' });
      await tx.run(query((db) => db.updateTable('payments').set({ refund_of: paid.id }).where('id', '=', payment.id)));
      await addPassedOn(tx, earner.id, payment.amount);
      return payment;
    });
    expect(await spent()).toBe(10);
    await settle(earner, refund);
    expect([(await newest())?.kind, await spent(), await earned()]).toEqual(['refund', 6, 0n]);
    await set.reorg(1, () => false);
    expect(await spent()).toBe(10);
    await settle(earner, refund);
    expect(await spent()).toBe(6);
  });
});
