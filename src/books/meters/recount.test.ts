import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addToMeters, readMeters } from '../../../test/support/meters.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import type { Store } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { bookChecks } from '../ledger/bookChecks.ts';
import type { MeterDeclarations } from './declarations.ts';
import { ageMeters, releaseFromMeters } from './meters.ts';
import type { MeterSubject } from './places.ts';
import { reaching, recountPayment, recountRefund } from './recount.ts';
import { refundToMeters } from './refundMeters.ts';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 10, 24, 12);
const subjectOf = (agent: string, payee: string, kind: string): MeterSubject => ({
  agent,
  sponsor: 'spn_1',
  workflow: null,
  payee,
  address: '0xA',
  category: null,
  kind,
  asset: 'USDC',
  network: 'eip155:31337',
  host: null,
});
const subjects = ['agt_1', 'agt_2'].flatMap((agent) =>
  ['pye_1', 'pye_2'].map((payee) => subjectOf(agent, payee, 'payout')),
);

/** Two names, each with anything that a policy may say of it. */
const declarations: fc.Arbitrary<MeterDeclarations> = fc.dictionary(
  fc.constantFrom('one', 'two'),
  fc.record({
    by: fc.subarray(['agent', 'payee'] as const),
    window: fc.constantFrom(
      'lifetime' as const,
      { rolling: 'PT2H' },
      { rolling: 'PT9H' },
      { calendar: 'hour' as const, tz: 'UTC' },
      { calendar: 'day' as const, tz: 'Europe/Berlin' },
    ),
    refunds: fc.constantFrom('restore' as const, 'never' as const),
  }),
  { minKeys: 1 },
);
const steps = fc.array(
  fc.record({
    gap: fc.integer({ min: 0, max: 2 * HOUR }),
    amount: fc.bigInt(2n, 1000n),
    who: fc.integer({ min: 0, max: 3 }),
    fate: fc.constantFrom('stays', 'stays', 'released', 'refunded'),
  }),
  { maxLength: 14 },
);
type Made = { id: string; amountMicro: bigint; at: number; subject: MeterSubject; refundedAt: number | null };

it('a meter that is counted again reads as if it had been counted from the start, whatever its name meant before', () =>
  fc.assert(
    fc.asyncProperty(
      fc.tuple(declarations, declarations, declarations),
      steps,
      fc.integer({ min: 0, max: 12 * HOUR }),
      async ([before, between, after], plan, pause) => {
        const [always, changed] = [await openTestStore(), await openTestStore()];
        let at = T0;
        const made: Made[] = [];
        const half = Math.floor(plan.length / 2);
        for (const [index, step] of plan.entries()) {
          at += step.gap;
          if (index === half) await recountAll(changed, between, made, at);
          const payment = { id: `p${index}`, amountMicro: step.amount };
          const subject = subjects[step.who] ?? subjectOf('', '', '');
          for (const [store, meters] of [
            [always, after],
            [changed, index < half ? before : between],
          ] as const) {
            await store.write(async (tx) => {
              await ageMeters(tx, meters, at);
              await addToMeters(tx, { declarations: meters, subject, atMs: at }, payment);
              const refund = { id: `r${index}`, originalId: payment.id, amountMicro: step.amount / 2n };
              if (step.fate === 'released') await releaseFromMeters(tx, payment.id);
              if (step.fate === 'refunded') await refundToMeters(tx, meters, refund, at + 1);
            });
          }
          if (step.fate === 'released') continue;
          made.push({ ...payment, at, subject, refundedAt: step.fate === 'refunded' ? at + 1 : null });
        }
        at += pause;
        await recountAll(changed, after, made, at);
        await agree(always, changed, after, at);
        await recountAll(changed, after, made, at);
        // What is given back later leaves both alike.
        const [first] = made;
        if (first) for (const store of [always, changed]) await store.write((tx) => releaseFromMeters(tx, first.id));
        for (const later of [0, HOUR, 5 * HOUR, 30 * HOUR]) await agree(always, changed, after, at + later);
        for (const store of [always, changed]) await store.close();
      },
    ),
    { numRuns: 60 },
  ));

const recountAll = (store: Store, meters: MeterDeclarations, made: readonly Made[], nowMs: number): Promise<void> =>
  store.write(async (tx) => {
    for (const { id, amountMicro, at, subject } of made) {
      await recountPayment(tx, reaching(meters, at, nowMs), { id, amountMicro, subject, atMs: at });
    }
    for (const { id, amountMicro, at, refundedAt } of made) {
      if (refundedAt === null) continue;
      const refund = { id: id.replace('p', 'r'), originalId: id, amountMicro: amountMicro / 2n };
      await recountRefund(tx, reaching(meters, at, nowMs), refund, refundedAt);
    }
  });

async function agree(always: Store, changed: Store, meters: MeterDeclarations, at: number): Promise<void> {
  for (const subject of subjects) {
    const [expected, found] = await mapInOrder([always, changed], (store) =>
      store.read((tx) => readMeters(tx, { declarations: meters, subject, atMs: at })),
    );
    for (const name of Object.keys(meters)) {
      expect(found?.[name]).toMatchObject({ total: expected?.[name]?.total, count: expected?.[name]?.count });
    }
  }
  const held = (await changed.read(bookChecks)).find(({ name }) => name === 'meters_match_entries');
  expect(held?.ok, held?.detail).toBe(true);
}
