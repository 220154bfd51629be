import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToMeters, readMeters } from '../../../test/support/meters.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import type { MeterDeclarations } from './declarations.ts';
import { type EarlierPayment, earlierReadings, longestReach } from './earlierReadings.ts';
import { ageMeters, releaseFromMeters } from './meters.ts';
import type { MeterSubject } from './places.ts';
import { refundToMeters } from './refundMeters.ts';
import { MeterSimulation } from './simulation.ts';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 9, 24, 12);
const subjectOf = (agent: string, kind: string, workflow: string | null): MeterSubject => ({
  agent,
  sponsor: 'spn_1',
  workflow,
  payee: 'pye_1',
  address: '0xA',
  category: 'ocr',
  kind,
  asset: 'USDC',
  network: 'eip155:31337',
  host: null,
});
const subjects = ['agt_1', 'agt_2'].flatMap((agent) =>
  ['payout', 'top_up', 'refund'].flatMap((kind) => [null, 'wfl_1'].map((ref) => subjectOf(agent, kind, ref))),
);
const windows = [
  { rolling: 'PT1H' },
  { rolling: 'PT5H' },
  { calendar: 'hour', tz: 'UTC' },
  { calendar: 'day', tz: 'Europe/Berlin' },
  'lifetime',
] as const;
/** Every window with every way of refunds, by several groups, with and without kinds. */
const meters: MeterDeclarations = Object.fromEntries(
  windows.flatMap((window, index) =>
    (['restore', 'current', 'never'] as const).flatMap((refunds) => [
      [`agent_${refunds}_${index}`, { by: ['agent' as const], window, refunds }],
      [`flow_${refunds}_${index}`, { by: ['sponsor' as const, 'workflow' as const], window, refunds }],
      [`kind_${refunds}_${index}`, { by: [], window, refunds, kinds: ['top_up' as const, 'refund' as const] }],
    ]),
  ),
);

describe('a simulation of meters', () => {
  it('shows what the stored meters show, over any history of payments, releases and refunds', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            gap: fc.integer({ min: 0, max: 2 * HOUR }),
            what: fc.constantFrom(
              'pay' as const,
              'pay' as const,
              'refund' as const,
              'release' as const,
              'age' as const,
            ),
            amount: fc.bigInt(1n, 1_000n),
            who: fc.nat({ max: subjects.length - 1 }),
            pick: fc.nat(),
          }),
          { maxLength: 25 },
        ),
        async (steps) => {
          const store = await openTestStore();
          const simulated = new MeterSimulation(meters);
          const paid: string[] = [];
          let atMs = T0;
          for (const [index, { gap, what, amount, who, pick }] of steps.entries()) {
            atMs += gap;
            const subject = subjects[who] ?? subjectOf('', '', null);
            const original = paid[pick % Math.max(paid.length, 1)];
            if (what === 'pay') {
              const id = `p${index}`;
              paid.push(id);
              simulated.count({ id, subject, amountMicro: amount, atMs });
              await store.write((tx) =>
                addToMeters(tx, { declarations: meters, subject, atMs }, { id, amountMicro: amount }),
              );
            } else if (what === 'refund' && original) {
              const refund = { id: `r${index}`, originalId: original, amountMicro: amount };
              for (const _twice of [1, 2]) {
                simulated.refund({ ...refund, atMs });
                await store.write((tx) => refundToMeters(tx, meters, refund, atMs));
              }
            } else if (what === 'release' && original) {
              simulated.release(original);
              await store.write((tx) => releaseFromMeters(tx, original));
            } else if (what === 'age') await store.write((tx) => ageMeters(tx, meters, atMs));
            for (const each of subjects) {
              const shown = await store.read((tx) => readMeters(tx, { declarations: meters, subject: each, atMs }));
              expect(simulated.read(each, atMs)).toEqual(shown);
            }
          }
          await store.close();
        },
      ),
      { numRuns: 60 },
    ));
});

describe('readings of earlier payments', () => {
  const subject = subjectOf('agt_1', 'payout', null);
  const day: MeterDeclarations = {
    day: { by: ['agent'], window: { calendar: 'day', tz: 'UTC' }, refunds: 'restore' },
  };
  const payment = (id: string, atMs: number, changes: Partial<EarlierPayment> = {}): EarlierPayment => ({
    id,
    subject,
    amountMicro: 10n,
    atMs,
    isCounted: true,
    releasedAtMs: null,
    settledAtMs: null,
    refundOf: null,
    ...changes,
  });
  const totals = (payments: EarlierPayment[], declarations = day): (number | undefined)[] => {
    const readings = earlierReadings(declarations, payments, () => true);
    return payments.map(({ id }) => readings.get(id)?.day?.total);
  };

  it('hold what was allowed before, without what was denied', () => {
    expect(totals([payment('a', T0), payment('b', T0 + 1, { isCounted: false }), payment('c', T0 + 2)])).toEqual([
      0, 10, 10,
    ]);
  });

  it('hold a payment until it is given back, and in the millisecond of that still', () => {
    const released = payment('a', T0, { releasedAtMs: T0 + 2 });
    expect(totals([released, payment('b', T0 + 2), payment('c', T0 + 3)])).toEqual([0, 10, 10]);
    // A clock that was set back between decision and release does not leave the payment counted.
    expect(totals([payment('a', T0, { releasedAtMs: T0 - 5 }), payment('b', T0 + 1)])).toEqual([0, 0]);
  });

  it('give a refund back from its arrival on', () => {
    const refund = payment('r', T0 + 1, {
      subject: subjectOf('agt_2', 'refund', null),
      refundOf: 'a',
      amountMicro: 4n,
      settledAtMs: T0 + 5,
    });
    const later = [payment('b', T0 + 5), payment('c', T0 + 6)];
    expect(totals([payment('a', T0), refund, ...later])).toEqual([0, 0, 10, 16]);
    const unsettled = { ...refund, settledAtMs: null };
    expect(totals([payment('a', T0), unsettled, ...later])).toEqual([0, 0, 10, 20]);
  });

  it('are given for the payments that are wanted alone, and count the others', () => {
    const readings = earlierReadings(day, [payment('a', T0), payment('b', T0 + 1)], (id) => id === 'b');
    expect([...readings]).toEqual([['b', { day: { total: 10, count: 1, last_at: T0 } }]]);
  });

  it('reach back as far as the longest window', () => {
    const hour: MeterDeclarations = { hour: { by: [], window: { rolling: 'PT1H' }, refunds: 'never' } };
    expect(longestReach(hour, T0)).toBe(T0 - HOUR);
    expect(longestReach({ ...hour, ...day }, T0)).toBe(T0 - 12 * HOUR);
    expect(longestReach({ all: { by: [], window: 'lifetime', refunds: 'never' }, ...day }, T0)).toBe(0);
  });
});
