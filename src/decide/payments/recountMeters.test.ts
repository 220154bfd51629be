import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { addToMeters, readMeters } from '../../../test/support/meters.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import type { MeterDeclaration, MeterDeclarations } from '../../books/meters/declarations.ts';
import { releaseFromMeters } from '../../books/meters/meters.ts';
import type { MeterSubject } from '../../books/meters/places.ts';
import { refundToMeters } from '../../books/meters/refundMeters.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { everyRow } from '../../store/rows.ts';
import { query } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import { checkPayment, requestPayment } from './gate.ts';
import type { Payment } from './payment.ts';
import { recountMeters } from './recountMeters.ts';
import { settle, transition } from './transition.ts';

const DAY = 86_400_000;
const X402 = {
  path: '/ocr',
  method: 'GET',
  scheme: 'exact',
  payment_flow: 'authorization',
  max_timeout_seconds: 60,
  resource: 'https://grace.example/ocr',
  description: null,
} as const;
const SETTLED = {
  txHash: `0x${'1'.repeat(64)}`,
  logIndex: 0,
  blockNumber: 1n,
  blockHash: `0x${'2'.repeat(64)}`,
  settledAtMs: NOON_MS,
} as const;
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
    async (tx) =>
      (await requestPayment(tx, world.request({ amount: microUsdc(amount) }), world.context({ atMs }))).payment,
  );
const subject = async (tx: ReadTx): Promise<MeterSubject> =>
  (await checkPayment(tx, world.request(), world.context())).facts.subject;
const count = (meters: MeterDeclarations, { id, amount, createdAtMs }: Payment) =>
  world.store.write(async (tx) => {
    await releaseFromMeters(tx, id);
    await addToMeters(
      tx,
      { declarations: meters, subject: await subject(tx), atMs: createdAtMs },
      { id, amountMicro: amount },
    );
  });
const shown = (meters: MeterDeclarations) =>
  world.store.read(
    async (tx) => (await readMeters(tx, { declarations: meters, subject: await subject(tx), atMs: NOON_MS })).m,
  );
const checkMeters = async () =>
  (await world.store.read(bookChecks)).filter(
    ({ name, ok }) => !ok && ['meters_match_entries', 'rolling_entries_count'].includes(name),
  );

/** Yesterday's payment is given back today, by two; today there is one of five as well. */
async function refundedToday(meters: MeterDeclarations): Promise<void> {
  const [old, refund, fresh] = [await pay(9n, NOON_MS - DAY), await pay(2n, NOON_MS), await pay(5n, NOON_MS)];
  await world.store.write(async (tx) => {
    const settled = { kind: 'refund', refund_of: old.id, state: 'settled', settled_at: NOON_MS } as const;
    await tx.run(query((db) => db.updateTable('payments').set(settled).where('id', '=', refund.id)));
    await releaseFromMeters(tx, refund.id);
  });
  for (const payment of [old, fresh]) await count(meters, payment);
  await world.store.write((tx) =>
    refundToMeters(tx, meters, { id: refund.id, originalId: old.id, amountMicro: 2n }, NOON_MS),
  );
}

describe('a refund of a payment from before the window', () => {
  it('frees nothing any more in a meter whose new rules forbid it', async () => {
    await refundedToday(today('current'));
    expect(await shown(today('current'))).toMatchObject({ total: 3, count: 1 });
    await world.store.write((tx) => recountMeters(tx, today('never'), NOON_MS));
    expect(await shown(today('never'))).toMatchObject({ total: 5, count: 1 });
    expect(await checkMeters()).toEqual([]);
  });

  it('stays where it counts in a meter whose new rules say the same of it', async () => {
    await refundedToday(today('current'));
    const { m } = today('current');
    const renamed: MeterDeclarations = m ? { m: { ...m, kinds: ['payout', 'purchase'] } } : {};
    await world.store.write((tx) => recountMeters(tx, renamed, NOON_MS));
    await world.store.write((tx) => recountMeters(tx, renamed, NOON_MS));
    expect(await shown(renamed)).toMatchObject({ total: 3, count: 1 });
  });
});

it('counting again what is counted already changes nothing, in whatever states payments are', async () => {
  let counted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          gap: fc.integer({ min: 0, max: 50 }),
          amount: fc.bigInt(1n, 25_000_000n),
          isPurchase: fc.boolean(),
          fate: fc.constantFrom('stays', 'stays', 'cancel', 'settle'),
        }),
        { maxLength: 16 },
      ),
      async (plan) => {
        const one = await gateWorld();
        const { meters } = one.policy;
        const all: MeterDeclarations = {
          ...meters,
          every: { by: ['kind'], window: 'lifetime', kinds: ['top_up', 'payout', 'purchase'], refunds: 'never' },
        };
        const policy: typeof one.policy = Object.assign(Object.create(one.policy), {
          meters: all,
          evaluate: (text: string) => one.policy.evaluate(text),
        });
        let atMs = NOON_MS;
        for (const { gap, amount, isPurchase, fate } of plan) {
          atMs += gap * 60_000;
          const purchase = {
            kind: 'purchase',
            rail: 'x402',
            host: 'grace.example',
            x402: X402,
            workflow: null,
          } as const;
          await one.store.write(async (tx) => {
            const request = one.request({ amount: microUsdc(amount), ...(isPurchase ? purchase : {}) });
            const { payment } = await requestPayment(tx, request, one.context({ policy, atMs }));
            const by = { actor: 'test', atMs };
            if (payment.state === 'denied' || payment.state === 'in_review' || fate === 'stays') return;
            if (fate === 'cancel') await transition(tx, payment, 'cancel', by);
            else if (payment.heldMicro === payment.amount)
              await settle(tx, payment, { settlement: SETTLED, credit: `external:${payment.address}` }, by);
          });
        }
        const rows = () =>
          one.store.read(async (tx) => [
            await tx.all(query((db) => db.selectFrom('meters').select(['id', 'total_micro', 'count']).orderBy('id'))),
            await tx.all(everyRow('meter_rolling')),
          ]);
        const before = await rows();
        counted += await one.store.write((tx) => recountMeters(tx, all, atMs));
        expect(await rows()).toEqual(before);
        await one.store.close();
      },
    ),
    { numRuns: 40 },
  );
  expect(counted).toBeGreaterThan(0);
});
