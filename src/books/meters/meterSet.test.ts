import { describe, expect, it } from 'vitest';
import { MeterSet, type MeterTotal } from './meterSet.ts';
import type { MeterPlace } from './places.ts';

const place = (name: string, more: Partial<MeterPlace> = {}): MeterPlace => ({
  ...{ name, meter: name, grp: 'g', start: 0, key: name, takes: true, cut: null },
  ...more,
});
const total = (name: string, more: Partial<MeterTotal> = {}): MeterTotal => ({
  ...{ id: 1n, meter: name, grp: 'g', start: 0, total: 100n, count: 2n, lastAt: 50 },
  ...{ addedMicro: 0n, addedCount: 0n, isNew: false },
  ...more,
});
const setOf = (...rows: [string, MeterTotal | null][]): MeterSet => new MeterSet(new Map(rows), 10n);
const day = place('day');
const payment = { id: 'pay_1', amountMicro: 7n };

describe('a set of meters', () => {
  it('reads a total as it stands, and zero where nothing has counted', () => {
    expect(setOf(['day', total('day')]).read([day])).toEqual({ day: { total: 100, count: 2, last_at: 50 } });
    expect(setOf(['day', null]).read([day])).toEqual({ day: { total: 0, count: 0, last_at: null } });
  });

  it('shows no total below zero, which refunds can make', () => {
    expect(setOf(['day', total('day', { total: -1n })]).read([day]).day?.total).toBe(0);
    expect(setOf(['day', total('day', { total: 1n })]).read([day]).day?.total).toBe(1);
  });

  it('leaves out a payment that is decided again, where it counts', () => {
    const set = setOf(['day', total('day')], ['week', total('week', { id: 2n })]);
    const own = { amountMicro: 30n, rows: new Set([1n]) };
    expect(set.read([day, place('week')], own)).toEqual({
      day: { total: 70, count: 1, last_at: 50 },
      week: { total: 100, count: 2, last_at: 50 },
    });
  });

  it('counts a payment where it is taken, and the next one sees it', () => {
    const set = setOf(['day', total('day')], ['week', null], ['other', total('other', { id: 3n })]);
    const places = [day, place('week'), place('other', { takes: false })];
    expect(set.count(places, payment, 60)).toEqual([1n, 10n]);
    expect(set.count([place('week')], { id: 'pay_2', amountMicro: 1n }, 55)).toEqual([10n]);
    expect(set.read(places)).toEqual({
      day: { total: 107, count: 3, last_at: 60 },
      week: { total: 8, count: 2, last_at: 60 },
      other: { total: 100, count: 2, last_at: 50 },
    });
    const written = [...set.changes.totals].map(({ id, addedMicro, addedCount, isNew }) => [
      id,
      addedMicro,
      addedCount,
      isNew,
    ]);
    expect(written).toEqual([
      [1n, 7n, 1n, false],
      [10n, 8n, 2n, true],
    ]);
    expect(set.changes.counted).toEqual([
      { id: 'pay_1', at: 60, amountMicro: 7n, rows: [1n, 10n] },
      { id: 'pay_2', at: 55, amountMicro: 1n, rows: [10n] },
    ]);
    expect(set.changes.rolling).toEqual([]);
  });

  it('notes what a rolling window must forget one day, and a payment that counts nowhere not at all', () => {
    const set = setOf(['day', total('day')], ['30d', total('30d', { id: 4n })]);
    set.count([day, place('30d', { cut: 5 })], payment, 60);
    expect(set.changes.rolling).toEqual([{ meter: '30d', at: 60, payment: 'pay_1', row: 4n, amountMicro: 7n }]);
    expect(set.count([place('day', { takes: false })], payment, 60)).toEqual([]);
    expect(set.changes.counted).toHaveLength(1);
  });

  it('gives each new total an id of its own', () => {
    const set = setOf(['day', null], ['week', null]);
    expect(set.rowAt(day)).toBeNull();
    expect(set.count([day, place('week')], payment, 60)).toEqual([10n, 11n]);
    expect([set.rowAt(day), set.rowAt(place('week'))]).toEqual([10n, 11n]);
  });

  it('refuses a meter that was not asked for', () => {
    expect(() => setOf(['day', null]).read([place('week')])).toThrow();
    expect(() => setOf(['day', null]).rowAt(place('week'))).toThrow();
  });

  it('keeps what it added when it takes totals that were read later', () => {
    const set = setOf(['day', total('day')], ['week', total('week', { id: 2n })], ['new', null]);
    set.count([day, place('new')], payment, 60);
    // Another server has counted 20 in both meanwhile.
    const later = { total: 120n, count: 3n, lastAt: 70 };
    set.join(setOf(['day', total('day', later)], ['week', total('week', { id: 2n, ...later })], ['new', null]));
    expect(set.read([day, place('week'), place('new')])).toEqual({
      day: { total: 127, count: 4, last_at: 70 },
      week: { total: 120, count: 3, last_at: 70 },
      new: { total: 7, count: 1, last_at: 60 },
    });
    set.join(setOf(['day', total('day', { lastAt: null })], ['later', total('later', { id: 7n })]));
    expect(set.rowAt(place('later'))).toBe(7n);
    expect(set.read([day]).day).toEqual({ total: 107, count: 3, last_at: 70 });
  });

  it('anticipates a payment in totals that only a candidate has, and writes nothing of it', () => {
    const set = setOf(['day', total('day')], ['candidate', null], ['known', total('known', { id: 5n })]);
    const places = [day, place('candidate'), place('known'), place('absent', { takes: false })];
    set.anticipate(places, [day], { amountMicro: 9n, atMs: 40 });
    expect(set.read([place('known')]).known?.last_at).toBe(50);
    set.anticipate(places, [day], { amountMicro: 1n, atMs: 90 });
    expect(set.read([day, place('candidate'), place('known')])).toEqual({
      day: { total: 100, count: 2, last_at: 50 },
      candidate: { total: 10, count: 2, last_at: 90 },
      known: { total: 110, count: 4, last_at: 90 },
    });
    expect(set.changes.totals.size).toBe(0);
    expect(set.changes.counted).toEqual([]);
  });
});
