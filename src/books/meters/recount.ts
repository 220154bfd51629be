import type { Tx } from '../../store/store.ts';
import { type MeterDeclarations, windowStart } from './declarations.ts';
import { liveRows } from './generations.ts';
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
import { type MeterPlace, type MeterSubject, placesOf } from './places.ts';
import { addToMeter } from './queries.ts';
import { backOf, type Counting, declarationOf, giveBack, type Refund } from './refundMeters.ts';

/** Of these meters those whose window, as it stands at `nowMs`, reaches back to `atMs`. */
export function reaching(declarations: MeterDeclarations, atMs: number, nowMs: number): MeterDeclarations {
  return Object.fromEntries(
    Object.entries(declarations).filter(([, { window }]) => windowStart(window, nowMs) <= atMs),
  );
}

/** `isLeft`: totals, by their stored name, of a generation that nobody reads any more; an entry that is met goes out of them. */
export type Recounting = Counting & { isLeft?: (stored: string) => boolean };

/** Recounts a payment in the rows that decide now. See `recountInto`. */
export function recountPayment(
  tx: Tx,
  declarations: MeterDeclarations,
  payment: { id: string; amountMicro: bigint; subject: MeterSubject; atMs: number },
): void {
  recountInto(tx, { declarations, rowsOf: liveRows(tx) }, payment);
}

/**
 * Recounts one payment under the meters declared: takes it out of each of their totals, then adds it by what they mean now. Called once
 * for each payment that a window reaches, in order of time, it yields the totals that the meters would always have had.
 */
export function recountInto(
  tx: Tx,
  recounting: Recounting,
  payment: { id: string; amountMicro: bigint; subject: MeterSubject; atMs: number },
): void {
  const { id, amountMicro, subject, atMs } = payment;
  const entry = findEntry(tx, id) ?? { amountMicro, counted: 1n, at: atMs, places: [] };
  const others = takeNamesOut(tx, recounting, id, entry);
  const { declarations, rowsOf } = recounting;
  const places = placesOf(declarations, subject, entry.at, rowsOf).filter(({ takes }) => takes);
  const mine = places.map((place) => ({ id: putIn(tx, place, id, entry), at: entry.at }));
  rewriteEntry(tx, id, { ...entry, counted: 1, places: [...others, ...mine] });
}

/** The same for a refund that its receiver has. After its original was recounted. `atMs`: when it arrived. */
export function recountRefund(tx: Tx, declarations: MeterDeclarations, refund: Refund, atMs: number): void {
  recountRefundInto(tx, { declarations, rowsOf: liveRows(tx) }, refund, atMs);
}

export function recountRefundInto(tx: Tx, recounting: Recounting, refund: Refund, atMs: number): void {
  const id = backOf(refund.id);
  const entry = findEntry(tx, id) ?? { amountMicro: -refund.amountMicro, counted: 0n, at: atMs, places: [] };
  const others = takeNamesOut(tx, recounting, id, entry);
  const original = findEntry(tx, refund.originalId)?.places ?? [];
  const mine = giveBack(tx, recounting, { ...refund, atMs: entry.at }, named(tx, recounting, original));
  rewriteEntry(tx, id, { ...entry, counted: 0, places: [...others, ...mine] });
}

/** Gives the places of other meters, which stay. */
function takeNamesOut(tx: Tx, recounting: Recounting, id: string, entry: Counted): Place[] {
  const isLeft = (place: Place): boolean => recounting.isLeft?.(keyOf(tx, place.id)?.meter ?? '') ?? false;
  const mine = named(tx, recounting, entry.places);
  const gone = entry.places.filter((place) => mine.includes(place) || isLeft(place));
  for (const place of gone) takeOut(tx, id, entry, place);
  return entry.places.filter((place) => !gone.includes(place));
}

function named(tx: Tx, counting: Counting, places: readonly Place[]): Place[] {
  return places.filter((place) => declarationOf(counting, keyOf(tx, place.id)?.meter ?? '') !== undefined);
}

function putIn(tx: Tx, place: MeterPlace, id: string, { amountMicro, at }: Counted): number {
  const { meter, grp, start, cut } = place;
  const known = findRows(tx, [{ meter, grp, start }])[0]?.id;
  const row = known ?? insertRow(tx, place, { amountMicro, count: 1, lastAt: at });
  if (known !== undefined) tx.run(addToMeter, { id: known, amount: amountMicro, count: 1n, at });
  if (cut !== null) insertRolling(tx, meter, row, { id, amountMicro, counted: 1, at });
  return Number(row);
}
