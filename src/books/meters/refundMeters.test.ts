import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToMeters, readMeters } from '../../../test/support/meters.ts';
import type { Store } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { bookChecks } from '../ledger/bookChecks.ts';
import type { MeterDeclarations } from './declarations.ts';
import { ageMeters, releaseFromMeters } from './meters.ts';
import type { MeterSubject } from './places.ts';
import { type Refund, refundToMeters, unrefundMeters } from './refundMeters.ts';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 10, 24, 12);
const subject: MeterSubject = {
  agent: 'agt_1',
  sponsor: 'spn_1',
  workflow: null,
  payee: 'pye_1',
  address: '0xA',
  category: 'ocr',
  kind: 'payout',
  asset: 'USDC',
  network: 'eip155:31337',
  host: null,
};
const modes = ['restore', 'current', 'never'] as const;
const windows = [{ rolling: 'PT1H' }, { calendar: 'hour', tz: 'UTC' }, 'lifetime'] as const;
/** Every mode with every window: `restore_0` and so on. */
const meters: MeterDeclarations = Object.fromEntries(
  modes.flatMap((refunds) =>
    windows.map((window, index) => [`${refunds}_${index}`, { by: ['agent'], window, refunds }]),
  ),
);
const read = (store: Store, at: number) =>
  store.read((tx) => readMeters(tx, { declarations: meters, subject, atMs: at }));
const add = (store: Store, id: string, amountMicro: bigint, at: number) =>
  store.write((tx) => addToMeters(tx, { declarations: meters, subject, atMs: at }, { id, amountMicro }));
const refund = (store: Store, given: Refund, at: number) => store.write((tx) => refundToMeters(tx, meters, given, at));
const metersHold = async (store: Store): Promise<boolean | undefined> =>
  (await store.read(bookChecks)).find((check) => check.name === 'meters_match_entries')?.ok;

describe('a refund that its payer received', () => {
  it('gives back what each meter declares: where the payment counted, where the refund arrives, or nothing', async () => {
    const store = await openTestStore();
    await add(store, 'p1', 100n, T0);
    const later = T0 + 90 * 60_000;
    await add(store, 'p2', 50n, later);
    await refund(store, { id: 'r1', originalId: 'p1', amountMicro: 30n }, later);
    const then = await read(store, T0);
    const now = await read(store, later);
    expect([then.restore_1?.total, then.current_1?.total, then.never_1?.total]).toEqual([70, 100, 100]);
    expect([now.restore_1?.total, now.current_1?.total, now.never_1?.total]).toEqual([50, 20, 50]);
    // p1 left the rolling window before its refund came; what is restored to it is in no total any more.
    expect([now.restore_0?.total, now.current_0?.total, now.never_0?.total]).toEqual([50, 20, 50]);
    expect([now.restore_2?.total, now.current_2?.total, now.never_2?.total]).toEqual([120, 120, 150]);
    expect(now.restore_2?.count).toBe(2);
    expect(await metersHold(store)).toBe(true);
    await store.close();
  });

  it('never makes a window read below zero', async () => {
    const store = await openTestStore();
    await add(store, 'p1', 100n, T0);
    await refund(store, { id: 'r1', originalId: 'p1', amountMicro: 100n }, T0 + 2 * HOUR);
    expect((await read(store, T0 + 2 * HOUR)).current_1).toMatchObject({ total: 0, count: 0 });
    await add(store, 'p2', 40n, T0 + 2 * HOUR + 1);
    expect((await read(store, T0 + 2 * HOUR + 1)).current_1).toMatchObject({ total: 0, count: 1 });
    await store.close();
  });

  it('agrees with a plain sum over any history, and a reorg of a refund leaves no trace', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            gap: fc.integer({ min: 0, max: HOUR }),
            what: fc.constantFrom(
              'pay' as const,
              'refund' as const,
              'refund' as const,
              'reorg' as const,
              'release' as const,
              'age' as const,
            ),
            amount: fc.bigInt(1n, 1_000n),
            pick: fc.nat(),
          }),
          { maxLength: 25 },
        ),
        async (steps) => {
          const store = await openTestStore();
          const paid: { id: string; at: number; amount: bigint; left: bigint }[] = [];
          const refunds: { id: string; of: (typeof paid)[number]; at: number; amount: bigint }[] = [];
          let at = T0;
          for (const [index, step] of steps.entries()) {
            at += step.gap;
            const original = paid[step.pick % Math.max(paid.length, 1)];
            if (step.what === 'pay') {
              paid.push({ id: `p${index}`, at, amount: step.amount, left: step.amount });
              await add(store, `p${index}`, step.amount, at);
            } else if (step.what === 'refund' && original && original.left > 0n) {
              const amount = step.amount < original.left ? step.amount : original.left;
              original.left -= amount;
              refunds.push({ id: `r${index}`, of: original, at, amount });
              await refund(store, { id: `r${index}`, originalId: original.id, amountMicro: amount }, at);
            } else if (step.what === 'reorg' && refunds.length > 0) {
              const [undone] = refunds.splice(step.pick % refunds.length, 1);
              if (undone) undone.of.left += undone.amount;
              await store.write((tx) => unrefundMeters(tx, undone?.id ?? ''));
            } else if (step.what === 'release' && original && original.left === original.amount) {
              paid.splice(paid.indexOf(original), 1);
              await store.write((tx) => releaseFromMeters(tx, original.id));
            }
            if (step.what === 'age') await store.write((tx) => ageMeters(tx, meters, at));
            const reading = await read(store, at);
            windows.forEach((_window, kind) => {
              const inside = (when: number): boolean =>
                kind === 0 ? when >= at - HOUR : kind === 1 ? Math.floor(when / HOUR) === Math.floor(at / HOUR) : true;
              const spent = paid.filter((each) => inside(each.at)).reduce((sum, each) => sum + each.amount, 0n);
              const back = (when: (each: (typeof refunds)[number]) => number): bigint =>
                refunds.filter((each) => inside(when(each))).reduce((sum, each) => sum + each.amount, 0n);
              const expected = [spent - back((each) => each.of.at), spent - back((each) => each.at), spent];
              modes.forEach((mode, position) => {
                const total = expected[position] ?? 0n;
                expect(reading[`${mode}_${kind}`]?.total).toBe(Number(total < 0n ? 0n : total));
              });
            });
          }
          expect(await metersHold(store)).toBe(true);
          await store.close();
        },
      ),
      { numRuns: 60 },
    ));
});
