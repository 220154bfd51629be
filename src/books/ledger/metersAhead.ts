import type { ReadTx } from '../../store/store.ts';
import { type MeterDeclarations, windowStart } from '../meters/declarations.ts';
import { liveRows } from '../meters/generations.ts';
import { findRows } from '../meters/meterRows.ts';
import type { MeterReading } from '../meters/meterSet.ts';
import { isRollingWindow, type MeterSubject, placesOf } from '../meters/places.ts';
import { entriesAhead } from './queries.ts';

/** The number of entries of one rolling window that are read, oldest first, of any group. */
const ENTRIES_MAX = 5_000;

type Entry = { at: number; amount: number; counted: number };
export type MetersAhead = {
  /** The value of each meter at a later time, without new payments. */
  at(atMs: number): Record<string, MeterReading>;
  /** The times by which that amount, or that many payments, will have left a rolling window. */
  leaves(amount: number): number[];
};

/**
 * The future values of one subject's meters, from one read of the rows: `now` is the current value. Entries beyond those that were
 * read are assumed to stay until the whole window has passed.
 */
export async function metersAhead(
  tx: ReadTx,
  declarations: MeterDeclarations,
  subject: MeterSubject,
  from: { atMs: number; now: Record<string, MeterReading> },
): Promise<MetersAhead> {
  const { atMs: nowMs, now } = from;
  const none: MeterReading = { total: 0, count: 0, last_at: null };
  const rolling = new Map<string, { lengthMs: number; entries: Entry[] }>();
  for (const place of placesOf(declarations, subject, nowMs, await liveRows(tx))) {
    if (place.cut === null) continue;
    const [row] = await findRows(tx, [place]);
    const entries = row ? await entriesOf(tx, place.meter, row.id, place.cut) : [];
    rolling.set(place.name, { lengthMs: nowMs - place.cut, entries });
  }
  const shown = (name: string, atMs: number): MeterReading => {
    const declaration = declarations[name];
    const reading = now[name] ?? none;
    if (!declaration) return reading;
    if (!isRollingWindow(declaration)) return windowStart(declaration.window, atMs) > nowMs ? none : reading;
    const { lengthMs, entries } = rolling.get(name) ?? { lengthMs: 0, entries: [] };
    const cut = windowStart(declaration.window, atMs);
    if (atMs > nowMs + lengthMs) return { ...reading, total: 0, count: 0 };
    let { total, count } = reading;
    for (const entry of entries) {
      if (entry.at >= cut) break;
      total -= entry.amount;
      count -= entry.counted;
    }
    return { ...reading, total: Math.max(0, total), count: Math.max(0, count) };
  };
  return {
    at: (atMs) => Object.fromEntries(Object.keys(declarations).map((name) => [name, shown(name, atMs)])),
    leaves: (amount) => [...rolling.values()].flatMap(({ lengthMs, entries }) => leavesOf(entries, lengthMs, amount)),
  };
}

async function entriesOf(tx: ReadTx, meter: string, row: bigint, cut: number): Promise<Entry[]> {
  return (await tx.all(entriesAhead, { meter, cut, limit: ENTRIES_MAX, row })).map(({ at, amount_micro, counted }) => ({
    at: Number(at),
    amount: Number(amount_micro),
    counted: Number(counted),
  }));
}

/** An entry is in the window up to and including its whole length, so it leaves a millisecond later. */
function leavesOf(entries: readonly Entry[], lengthMs: number, needed: number): number[] {
  const found: number[] = [];
  for (const figure of ['amount', 'counted'] as const) {
    let gone = 0;
    for (const entry of entries) {
      gone += entry[figure];
      if (gone < needed) continue;
      found.push(entry.at + lengthMs + 1);
      break;
    }
  }
  return found;
}
