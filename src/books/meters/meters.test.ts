import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToMeters, readMeters } from '../../../test/support/meters.ts';
import { query } from '../../store/statement.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { bookChecks } from '../ledger/bookChecks.ts';
import type { MeterDeclarations } from './declarations.ts';
import { dropRolling } from './meterRows.ts';
import { ageMeters, releaseFromMeters } from './meters.ts';
import type { MeterSubject } from './places.ts';

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
const rolling: MeterDeclarations = { hour: { by: ['agent'], window: { rolling: 'PT1H' }, refunds: 'never' } };
const day: MeterDeclarations = {
  day: { by: ['agent'], window: { calendar: 'day', tz: 'Europe/Berlin' }, refunds: 'never' },
};

async function withStore<T>(
  run: (tools: {
    add: (
      meters: MeterDeclarations,
      payment: { id: string; amountMicro: bigint },
      at: number,
      who?: Partial<MeterSubject>,
    ) => Promise<unknown>;
    read: (
      meters: MeterDeclarations,
      at: number,
      who?: Partial<MeterSubject>,
      without?: string | null,
    ) => ReturnType<typeof readMeters>;
    release: (id: string) => Promise<void>;
    age: (meters: MeterDeclarations, at: number) => Promise<void>;
    /** Lets go of at most `limit` entries of the meter `hour`. */
    drop: (at: number, limit: number) => Promise<number>;
    inside: () => Promise<number>;
    holds: () => Promise<boolean | undefined>;
  }) => Promise<T>,
): Promise<T> {
  const store = await openTestStore();
  try {
    return await run({
      add: (meters, payment, at, who = {}) =>
        store.write((tx) =>
          addToMeters(tx, { declarations: meters, subject: { ...subject, ...who }, atMs: at }, payment),
        ),
      read: (meters, at, who = {}, without = null) =>
        store.read((tx) =>
          readMeters(tx, { declarations: meters, subject: { ...subject, ...who }, atMs: at }, without),
        ),
      release: (id) => store.write((tx) => releaseFromMeters(tx, id)),
      age: (meters, at) => store.write((tx) => ageMeters(tx, meters, at)),
      drop: (at, limit) => store.write((tx) => dropRolling(tx, 'hour', at - HOUR, limit)),
      inside: async () =>
        (await store.read((tx) => tx.all(query((db) => db.selectFrom('meter_rolling').select('payment_id'))))).length,
      holds: async () => (await store.read(bookChecks)).find(({ name }) => name === 'meters_match_entries')?.ok,
    });
  } finally {
    await store.close();
  }
}

describe('a rolling meter', () => {
  it('takes nothing off for a payment that has fallen out, also where the clock was set back since', () =>
    withStore(async ({ add, read, age }) => {
      await add(rolling, { id: 'old', amountMicro: 5n }, T0);
      await add(rolling, { id: 'new', amountMicro: 3n }, T0 + HOUR);
      await age(rolling, T0 + HOUR + 1);
      expect((await read(rolling, T0 + HOUR, {}, 'old')).hour).toMatchObject({ total: 3, count: 1 });
      expect((await read(rolling, T0 + HOUR, {}, 'new')).hour).toMatchObject({ total: 0, count: 0 });
    }));

  it('holds a payment for exactly its window: in at the start, out at the end', () =>
    withStore(async ({ add, read }) => {
      await add(rolling, { id: 'p1', amountMicro: 5n }, T0);
      expect((await read(rolling, T0 + HOUR)).hour).toEqual({ total: 5, count: 1, last_at: T0 });
      expect((await read(rolling, T0 + HOUR + 1)).hour).toMatchObject({ total: 0, count: 0 });
    }));

  it('agrees with a plain sum over any sequence of payments, releases, reads and rounds of letting go, for each group', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            gap: fc.integer({ min: 0, max: HOUR }),
            amount: fc.bigInt(1n, 1000n),
            release: fc.boolean(),
            agent: fc.constantFrom('agt_1', 'agt_2', 'agt_3'),
            drop: fc.constantFrom(0, 0, 1, 2, 1_000),
          }),
          { maxLength: 30 },
        ),
        (steps) =>
          withStore(async ({ add, read, release, drop, holds }) => {
            let at = T0;
            const model: { agent: string; at: number; amount: bigint }[] = [];
            for (const [index, { gap, amount, release: undo, agent, drop: limit }] of steps.entries()) {
              at += gap;
              if (limit > 0) await drop(at, limit);
              await add(rolling, { id: `p${index}`, amountMicro: amount }, at, { agent });
              if (undo) await release(`p${index}`);
              else model.push({ agent, at, amount });
              for (const each of ['agt_1', 'agt_2', 'agt_3']) {
                const live = model.filter((entry) => entry.agent === each && entry.at >= at - HOUR);
                const total = Number(live.reduce((sum, entry) => sum + entry.amount, 0n));
                expect((await read(rolling, at, { agent: each })).hour).toMatchObject({ total, count: live.length });
              }
            }
            expect(await holds()).toBe(true);
          }),
      ),
      { numRuns: 60 },
    ));

  it('lets go of what fell out, anyone who asks next, and takes no more of it than it is told to', () =>
    withStore(async ({ add, read, age, drop, inside, holds }) => {
      for (let n = 0; n < 10; n += 1)
        await add(rolling, { id: `p${n}`, amountMicro: 5n }, T0 + n, { agent: `agt_${n % 2}` });
      expect(await drop(T0 + HOUR + 9, 4)).toBe(4);
      expect(await inside()).toBe(6);
      expect((await read(rolling, T0 + HOUR + 9, { agent: 'agt_1' })).hour).toMatchObject({ total: 5, count: 1 });
      await age(rolling, T0 + HOUR + 9);
      expect(await inside()).toBe(1);
      expect((await read(rolling, T0 + HOUR + 9, { agent: 'agt_1' })).hour).toMatchObject({ total: 5, count: 1 });
      await age(rolling, T0 + 2 * HOUR);
      expect(await inside()).toBe(0);
      expect((await read(rolling, T0 + 2 * HOUR, { agent: 'agt_1' })).hour).toMatchObject({ total: 0, count: 0 });
      expect(await holds()).toBe(true);
    }));

  it('is not moved by the release of what fell out of it', () =>
    withStore(async ({ add, read, age, release, holds }) => {
      await add(rolling, { id: 'p1', amountMicro: 5n }, T0);
      await add(rolling, { id: 'p2', amountMicro: 7n }, T0 + HOUR);
      await age(rolling, T0 + HOUR + 1);
      await release('p1');
      expect((await read(rolling, T0 + HOUR + 1)).hour).toMatchObject({ total: 7, count: 1 });
      expect(await holds()).toBe(true);
    }));
});

describe('a calendar meter', () => {
  it('starts again at local midnight, also on the day the clocks go back', () =>
    withStore(async ({ add, read }) => {
      // 25 October 2026: Berlin has 25 hours; the day is 2026-10-24T22:00Z to 2026-10-25T23:00Z.
      const start = Date.UTC(2026, 9, 24, 22);
      await add(day, { id: 'p1', amountMicro: 7n }, start);
      expect((await read(day, start + 25 * HOUR - 1)).day).toMatchObject({ total: 7, count: 1 });
      expect((await read(day, start + 25 * HOUR)).day).toMatchObject({ total: 0, count: 0 });
      expect((await read(day, start - 1)).day).toMatchObject({ total: 0, count: 0 });
    }));

  it('takes a release out of the window in which it counted', () =>
    withStore(async ({ add, read, release }) => {
      await add(day, { id: 'p1', amountMicro: 7n }, T0);
      await add(day, { id: 'p2', amountMicro: 1n }, T0 + 24 * HOUR);
      await release('p1');
      expect((await read(day, T0)).day).toMatchObject({ total: 0, count: 0 });
      expect((await read(day, T0 + 24 * HOUR)).day).toMatchObject({ total: 1, count: 1 });
      await release('p1');
      expect((await read(day, T0)).day).toMatchObject({ total: 0, count: 0 });
    }));
});

describe('any meter', () => {
  it('keeps groups apart, and names with separators too', () =>
    withStore(async ({ add, read }) => {
      const meters: MeterDeclarations = { pair: { by: ['agent', 'category'], window: 'lifetime', refunds: 'never' } };
      await add(meters, { id: 'p1', amountMicro: 3n }, T0, { agent: 'a', category: 'bc' });
      expect((await read(meters, T0, { agent: 'ab', category: 'c' })).pair).toMatchObject({ total: 0 });
      expect((await read(meters, T0, { agent: 'a', category: 'bc' })).pair).toMatchObject({ total: 3 });
    }));

  it('leaves top-ups and refunds out unless it names them', () =>
    withStore(async ({ add, read }) => {
      const meters: MeterDeclarations = {
        spent: { by: [], window: 'lifetime', refunds: 'never' },
        refunded: { by: [], window: 'lifetime', kinds: ['refund'], refunds: 'never' },
      };
      await add(meters, { id: 'p1', amountMicro: 3n }, T0, { kind: 'top_up' });
      await add(meters, { id: 'p2', amountMicro: 4n }, T0, { kind: 'refund' });
      await add(meters, { id: 'p3', amountMicro: 5n }, T0);
      expect(await read(meters, T0)).toMatchObject({ spent: { total: 5 }, refunded: { total: 4 } });
    }));

  it('shows what it would without a payment that is decided again', () =>
    withStore(async ({ add, read }) => {
      await add(rolling, { id: 'p1', amountMicro: 5n }, T0);
      await add(rolling, { id: 'p2', amountMicro: 2n }, T0 + 1);
      expect((await read(rolling, T0 + 2, {}, 'p1')).hour).toMatchObject({ total: 2, count: 1 });
      expect((await read(rolling, T0 + HOUR + 1, {}, 'p1')).hour).toMatchObject({ total: 2, count: 1 });
    }));
});
