import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyPayment } from '../../../test/support/copies.ts';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { explaining } from '../../store/observed.ts';
import { query } from '../../store/statement.ts';
import type { SqlValue } from '../../store/store.ts';
import { requestPayment } from './gate.ts';
import { type PaymentSearch, searchPayments } from './search.ts';

let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const idAt = (n: number): string => `pay_${String(n).padStart(26, '0')}`;

/** Copies of one real payment: ids 1..count in the order of time. */
async function many(count: number, change: (n: number) => Record<string, SqlValue> = () => ({})): Promise<void> {
  const { payment } = await world.store.write((tx) => requestPayment(tx, world.request(), world.context()));
  await world.store.write(async (tx) => {
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    await copyPayment(
      tx,
      payment.id,
      numbers.map((n) => ({ id: idAt(n), ...change(n) })),
    );
    await tx.run(query((db) => db.updateTable('payments').set({ memo: null }).where('id', '=', payment.id)));
  });
}
const search = (filter: Partial<PaymentSearch>) =>
  world.store.read((tx) => searchPayments(tx, { before: 'pay_01', limit: 50, ...filter }));
/** All pages, and how many there were. */
async function walk(filter: Partial<PaymentSearch>): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let before: string | undefined = 'pay_01';
  let pages = 0;
  while (before !== undefined) {
    const found = await search({ ...filter, before });
    ids.push(...found.payments.map(({ id }) => id));
    before = found.nextCursor ?? undefined;
    pages += 1;
  }
  return { ids, pages };
}

describe('a search for payments', () => {
  it('pages through all of them, each once, newest first', async () => {
    await many(120);
    const { ids, pages } = await walk({});
    expect(ids).toEqual(Array.from({ length: 120 }, (_, index) => idAt(120 - index)));
    expect(pages).toBe(3);
  });

  it('narrows by amount, time and state together', async () => {
    await many(30, (n) => ({
      amount_micro: n * 1_000_000,
      created_at: NOON_MS + n,
      state: n % 2 ? 'denied' : 'final',
    }));
    const { payments, nextCursor } = await search({
      minMicro: 10_000_000n,
      maxMicro: 20_000_000n,
      fromMs: NOON_MS + 12,
      toMs: NOON_MS + 18,
      state: 'denied',
    });
    expect(payments.map(({ id }) => id)).toEqual([idAt(17), idAt(15), idAt(13)]);
    expect(nextCursor).toBeNull();
  });

  it('reads 10,000 rows at most for what is rare, and goes on from there', async () => {
    await many(11_000, (n) => ({ memo: n === 7 ? 'the 100% one' : 'like all others' }));
    const first = await search({ text: '100%' });
    expect(first).toEqual({ payments: [], nextCursor: idAt(1_001) });
    expect((await walk({ text: '100%' })).ids).toEqual([idAt(7)]);
    expect((await walk({ text: 'like all others', limit: 200 })).ids).toHaveLength(10_999);
  });

  it('finds by name, address, id and transaction, within the other conditions', async () => {
    await many(3, (n) => ({
      tx_hash: n === 2 ? `0x${'a'.repeat(64)}` : null,
      log_index: null,
      state: n === 3 ? 'denied' : 'final',
    }));
    const { payments } = await search({ text: world.payee.name.slice(1, 4) });
    expect(payments).toHaveLength(3);
    expect((await search({ text: world.agent.name, state: 'denied' })).payments.map(({ id }) => id)).toEqual([idAt(3)]);
    expect(
      (await search({ text: world.payee.addresses[0]?.address.toUpperCase().replace('0X', '0x') ?? '' })).payments,
    ).toHaveLength(3);
    expect((await search({ text: `0x${'A'.repeat(64)}` })).payments.map(({ id }) => id)).toEqual([idAt(2)]);
    expect((await search({ text: idAt(1) })).payments.map(({ id }) => id)).toEqual([idAt(1)]);
    expect((await search({ text: '%' })).payments).toEqual([]);
  });

  it.each<[string, Partial<PaymentSearch>]>([
    ['all', {}],
    ['an agent', { agentId: 'agt_1' }],
    ['a payee and an agent', { payeeId: 'pye_1', agentId: 'agt_1' }],
    ['a state in which people or workers wait', { state: 'in_review' }],
    ['a state that ends', { state: 'denied' }],
    ['an amount', { minMicro: 1n }],
    ['a text', { text: 'grace' }],
    ['a transaction', { text: `0x${'a'.repeat(64)}` }],
  ])('of %s goes by an index and sorts nothing', async (_, filter) => {
    const steps: string[] = [];
    await world.store.read(async (tx) => {
      const spy = explaining(
        tx,
        (step) => steps.push(step),
        (sql) => /from "?payments/i.test(sql),
      );
      await searchPayments(spy, { limit: 50, ...filter });
    });
    const plan = steps.join('; ');
    expect(plan).toMatch(/USING (COVERING )?INDEX/);
    if (!filter.text?.startsWith('0x')) expect(plan).not.toContain('USE TEMP B-TREE');
  });
});
