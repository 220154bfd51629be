import type { MeterDeclarations } from '../../src/books/meters/declarations.ts';
import { liveRows } from '../../src/books/meters/generations.ts';
import { commitMeters, loadMeters, loadOwnCount } from '../../src/books/meters/loadMeters.ts';
import type { MeterReading } from '../../src/books/meters/meterSet.ts';
import { type MeterSubject, placesOf } from '../../src/books/meters/places.ts';
import type { ReadTx, Tx } from '../../src/store/store.ts';

/** What one payment meets: the meters that are declared, by whom it is grouped, and when. */
export type Met = { declarations: MeterDeclarations; subject: MeterSubject; atMs: number };

/** What the meters show to a group of one; `without`: a payment that is decided again. */
export async function readMeters(
  tx: ReadTx,
  met: Met,
  without: string | null = null,
): Promise<Record<string, MeterReading>> {
  const places = placesOf(met.declarations, met.subject, met.atMs, await liveRows(tx));
  const set = await loadMeters(tx, [places]);
  return set.read(places, without === null ? undefined : await loadOwnCount(tx, without, places, set));
}

/** Counts one payment as the gate does. Gives the ids of its totals. */
export async function addToMeters(
  tx: Tx,
  met: Met,
  payment: { id: string; amountMicro: bigint },
): Promise<readonly bigint[]> {
  const places = placesOf(met.declarations, met.subject, met.atMs, await liveRows(tx));
  const set = await loadMeters(tx, [places]);
  const rows = set.count(places, payment, met.atMs);
  await commitMeters(tx, set.changes);
  return rows;
}
