import type { MeterDeclarations } from '../../src/books/meters/declarations.ts';
import { liveRows } from '../../src/books/meters/generations.ts';
import { commitMeters, loadMeters, loadOwnCount } from '../../src/books/meters/loadMeters.ts';
import type { MeterReading } from '../../src/books/meters/meterSet.ts';
import { type MeterSubject, placesOf } from '../../src/books/meters/places.ts';
import type { ReadTx, Tx } from '../../src/store/store.ts';

/** What one payment meets: the meters that are declared, by whom it is grouped, and when. */
export type Met = { declarations: MeterDeclarations; subject: MeterSubject; atMs: number };

/** What the meters show to a group of one; `without`: a payment that is decided again. */
export function readMeters(tx: ReadTx, met: Met, without: string | null = null): Record<string, MeterReading> {
  const places = placesOf(met.declarations, met.subject, met.atMs, liveRows(tx));
  const set = loadMeters(tx, [places]);
  return set.read(places, without === null ? undefined : loadOwnCount(tx, without, places, set));
}

/** Counts one payment as the gate does. Gives the ids of its totals. */
export function addToMeters(tx: Tx, met: Met, payment: { id: string; amountMicro: bigint }): readonly bigint[] {
  const places = placesOf(met.declarations, met.subject, met.atMs, liveRows(tx));
  const set = loadMeters(tx, [places]);
  const rows = set.count(places, payment, met.atMs);
  commitMeters(tx, set.changes);
  return rows;
}
