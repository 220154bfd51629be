import { type MeterDeclarations, windowStart } from '../policy/meters.ts';
import type { Tx } from '../store/store.ts';
import {
  type Counted,
  findEntry,
  findRows,
  insertRolling,
  insertRow,
  keyOf,
  type Place,
  rewriteEntry,
  takeOut,
} from './meterRows.ts';
import { type MeterPlace, type MeterSubject, placesOf } from './meters.ts';
import { backOf, giveBack, type Refund } from './refundMeters.ts';

/** Of these meters those whose window, as it stands at `nowMs`, reaches back to `atMs`. */
export function reaching(declarations: MeterDeclarations, atMs: number, nowMs: number): MeterDeclarations {
  return Object.fromEntries(
    Object.entries(declarations).filter(([, { window }]) => windowStart(window, nowMs) <= atMs),
  );
}

/**
 * Counts a payment anew in the meters declared: out of all that these names had of it, into what they mean now. Whoever counts
 * every payment that a window reaches, once and in order of time, leaves the totals that the meter would have had from the start.
 */
export function recountPayment(
  tx: Tx,
  declarations: MeterDeclarations,
  subject: MeterSubject,
  payment: { id: string; amountMicro: bigint },
  atMs: number,
): void {
  const entry = findEntry(tx, payment.id) ?? { amountMicro: payment.amountMicro, counted: 1n, at: atMs, places: [] };
  const others = takeNamesOut(tx, declarations, payment.id, entry);
  const places = placesOf(declarations, subject, entry.at).filter(({ takes }) => takes);
  const mine = places.map((place) => ({ id: putIn(tx, place, payment.id, entry), at: entry.at }));
  rewriteEntry(tx, payment.id, { ...entry, counted: 1, places: [...others, ...mine] });
}

/** The same for a refund that its receiver has. After its original was counted anew. `atMs`: when it arrived. */
export function recountRefund(tx: Tx, declarations: MeterDeclarations, refund: Refund, atMs: number): void {
  const id = backOf(refund.id);
  const entry = findEntry(tx, id) ?? { amountMicro: -refund.amountMicro, counted: 0n, at: atMs, places: [] };
  const others = takeNamesOut(tx, declarations, id, entry);
  const original = findEntry(tx, refund.originalId)?.places ?? [];
  const mine = giveBack(tx, declarations, refund, named(tx, declarations, original), entry.at);
  rewriteEntry(tx, id, { ...entry, counted: 0, places: [...others, ...mine] });
}

/** Gives the places of other meters, which stay. */
function takeNamesOut(tx: Tx, declarations: MeterDeclarations, id: string, entry: Counted): Place[] {
  const mine = named(tx, declarations, entry.places);
  for (const place of mine) takeOut(tx, id, entry, place);
  return entry.places.filter((place) => !mine.includes(place));
}

function named(tx: Tx, declarations: MeterDeclarations, places: readonly Place[]): Place[] {
  return places.filter((place) => Object.hasOwn(declarations, keyOf(tx, place.id)?.meter ?? ''));
}

function putIn(tx: Tx, place: MeterPlace, id: string, { amountMicro, at }: Counted): number {
  const { meter, grp, start, cut } = place;
  const known = findRows(tx, [{ meter, grp, start }])[0]?.id;
  const row = known ?? insertRow(tx, place, { amountMicro, count: 1, lastAt: at });
  if (known !== undefined) {
    tx.run(
      'UPDATE meters SET total_micro = total_micro + ?, count = count + 1, last_at = max(coalesce(last_at, 0), ?) WHERE id = ?',
      amountMicro,
      at,
      known,
    );
  }
  if (cut !== null) insertRolling(tx, meter, row, { id, amountMicro, counted: 1, at });
  return Number(row);
}
