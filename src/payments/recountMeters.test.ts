import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../test/support/gateWorld.ts';
import { bookChecks } from '../ledger/bookChecks.ts';
import { addToMeters, type MeterSubject, readMeters, releaseFromMeters } from '../ledger/meters.ts';
import { refundToMeters } from '../ledger/refundMeters.ts';
import { microUsdc } from '../money/microUsdc.ts';
import type { MeterDeclaration, MeterDeclarations } from '../policy/meters.ts';
import { resolveFacts } from './facts.ts';
import { requestPayment } from './gate.ts';
import type { Payment } from './payment.ts';
import { recountMeters } from './recountMeters.ts';

const DAY = 86_400_000;
let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const today = (refunds: MeterDeclaration['refunds']): MeterDeclarations => ({
  m: { by: ['agent'], window: { calendar: 'day', tz: 'UTC' }, refunds },
});
const pay = async (amount: bigint, atMs: number): Promise<Payment> =>
  world.store.write(
    (tx) => requestPayment(tx, world.request({ amount: microUsdc(amount) }), world.context({ atMs })).payment,
  );
const subject = (): MeterSubject =>
  world.store.read((tx) => resolveFacts(tx, world.request(), world.context().chain).subject);
const count = (meters: MeterDeclarations, { id, amount, createdAtMs }: Payment) =>
  world.store.write((tx) => {
    releaseFromMeters(tx, id);
    addToMeters(tx, meters, subject(), { id, amountMicro: amount }, createdAtMs);
  });
const shown = (meters: MeterDeclarations) =>
  world.store.read((tx) => readMeters(tx, meters, subject(), NOON_MS, null).m);
const checkMeters = () =>
  world.store
    .read(bookChecks)
    .filter(({ name, ok }) => !ok && ['meters_match_entries', 'rolling_entries_count'].includes(name));

/** Yesterday's payment is given back today, by two; today there is one of five as well. */
async function refundedToday(meters: MeterDeclarations): Promise<void> {
  const [old, refund, fresh] = [await pay(9n, NOON_MS - DAY), await pay(2n, NOON_MS), await pay(5n, NOON_MS)];
  await world.store.write((tx) => {
    tx.run(
      "UPDATE payments SET kind = 'refund', refund_of = ?, state = 'settled', settled_at = ? WHERE id = ?",
      old.id,
      NOON_MS,
      refund.id,
    );
    releaseFromMeters(tx, refund.id);
  });
  for (const payment of [old, fresh]) await count(meters, payment);
  await world.store.write((tx) =>
    refundToMeters(tx, meters, { id: refund.id, originalId: old.id, amountMicro: 2n }, NOON_MS),
  );
}

describe('a refund of a payment from before the window', () => {
  it('makes no room any more in a meter whose new rules let none', async () => {
    await refundedToday(today('current'));
    expect(shown(today('current'))).toMatchObject({ total: 3, count: 1 });
    await world.store.write((tx) => recountMeters(tx, today('never'), NOON_MS));
    expect(shown(today('never'))).toMatchObject({ total: 5, count: 1 });
    expect(checkMeters()).toEqual([]);
  });

  it('stays where it counts in a meter whose new rules say the same of it', async () => {
    await refundedToday(today('current'));
    const { m } = today('current');
    const renamed: MeterDeclarations = m ? { m: { ...m, kinds: ['payout', 'purchase'] } } : {};
    await world.store.write((tx) => recountMeters(tx, renamed, NOON_MS));
    await world.store.write((tx) => recountMeters(tx, renamed, NOON_MS));
    expect(shown(renamed)).toMatchObject({ total: 3, count: 1 });
  });
});
