import { filterInOrder, mapInOrder } from '../../core/inOrder.ts';
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
export async function recountPayment(
  tx: Tx,
  declarations: MeterDeclarations,
  payment: { id: string; amountMicro: bigint; subject: MeterSubject; atMs: number },
): Promise<void> {
  await recountInto(tx, { declarations, rowsOf: await liveRows(tx) }, payment);
}

/**
 * Recounts one payment under the meters declared: takes it out of each of their totals, then adds it by what they mean now. Called once
 * for each payment that a window reaches, in order of time, it yields the totals that the meters would always have had.
 */
export async function recountInto(
  tx: Tx,
  recounting: Recounting,
  payment: { id: string; amountMicro: bigint; subject: MeterSubject; atMs: number },
): Promise<void> {
  const { id, amountMicro, subject, atMs } = payment;
  const entry = (await findEntry(tx, id)) ?? { amountMicro, counted: 1n, at: atMs, places: [] };
  const others = await takeNamesOut(tx, recounting, id, entry);
  const { declarations, rowsOf } = recounting;
  const places = placesOf(declarations, subject, entry.at, rowsOf).filter(({ takes }) => takes);
  const mine = await mapInOrder(places, async (place) => ({ id: await putIn(tx, place, id, entry), at: entry.at }));
  await rewriteEntry(tx, id, { ...entry, counted: 1, places: [...others, ...mine] });
}

/** The same for a refund that its receiver has. After its original was recounted. `atMs`: when it arrived. */
export async function recountRefund(
  tx: Tx,
  declarations: MeterDeclarations,
  refund: Refund,
  atMs: number,
): Promise<void> {
  await recountRefundInto(tx, { declarations, rowsOf: await liveRows(tx) }, refund, atMs);
}

export async function recountRefundInto(tx: Tx, recounting: Recounting, refund: Refund, atMs: number): Promise<void> {
  const id = backOf(refund.id);
  const entry = (await findEntry(tx, id)) ?? { amountMicro: -refund.amountMicro, counted: 0n, at: atMs, places: [] };
  const others = await takeNamesOut(tx, recounting, id, entry);
  const original = (await findEntry(tx, refund.originalId))?.places ?? [];
  const mine = await giveBack(tx, recounting, { ...refund, atMs: entry.at }, await named(tx, recounting, original));
  await rewriteEntry(tx, id, { ...entry, counted: 0, places: [...others, ...mine] });
}

/** Gives the places of other meters, which stay. */
async function takeNamesOut(tx: Tx, recounting: Recounting, id: string, entry: Counted): Promise<Place[]> {
  const isLeft = async (place: Place): Promise<boolean> =>
    recounting.isLeft?.((await keyOf(tx, place.id))?.meter ?? '') ?? false;
  const mine = await named(tx, recounting, entry.places);
  const gone = await filterInOrder(entry.places, async (place) => mine.includes(place) || (await isLeft(place)));
  for (const place of gone) await takeOut(tx, id, entry, place);
  return entry.places.filter((place) => !gone.includes(place));
}

async function named(tx: Tx, counting: Counting, places: readonly Place[]): Promise<Place[]> {
  return filterInOrder(
    places,
    async (place) => declarationOf(counting, (await keyOf(tx, place.id))?.meter ?? '') !== undefined,
  );
}

async function putIn(tx: Tx, place: MeterPlace, id: string, { amountMicro, at }: Counted): Promise<number> {
  const { meter, grp, start, cut } = place;
  const known = (await findRows(tx, [{ meter, grp, start }]))[0]?.id;
  const row = known ?? (await insertRow(tx, place, { amountMicro, count: 1, lastAt: at }));
  if (known !== undefined) await tx.run(addToMeter, { id: known, amount: amountMicro, count: 1n, at });
  if (cut !== null) await insertRolling(tx, meter, row, { id, amountMicro, counted: 1, at });
  return Number(row);
}
