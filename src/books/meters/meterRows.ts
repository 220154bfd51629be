import type { ReadTx, Tx } from '../../store/store.ts';
import type { MeterKey } from './places.ts';
import {
  addInside,
  addMeter,
  addMeterEntry,
  entryOf,
  firstInside,
  insideOf,
  type MeterRow,
  meterAt,
  meterOfId,
  meterSince,
  newestMeter,
  oldestInside,
  removeEntry,
  removeFromWindow,
  removeInside,
  takeEntryFromTotal,
  takeFromTotal,
} from './queries.ts';

/**
 * What meters leave in the database, and what each row proves. `meters`: a total per meter, group and window. `meter_entries`:
 * one row a payment with the ids of all totals that it is in, so a calendar or lifetime total is the sum of the payments that
 * name it. `meter_rolling`: what is still inside a rolling window, of which that total is the sum.
 */

export type { MeterRow };

/** Where a payment (or a refund) counts: a total, and since when (epoch ms). */
export type Place = { id: number; at: number };
export type Counted = { amountMicro: bigint; counted: bigint; at: number; places: Place[] };

type Cut = { cut?: number | null };

/**
 * The rows of all keys, in their order; undefined where a window has none yet. With a `cut` a rolling total is shown without what is
 * older and still stands in it.
 */
export async function findRows(tx: ReadTx, keys: readonly (MeterKey & Cut)[]): Promise<(MeterRow | undefined)[]> {
  const oldest = await oldestOf(tx, [...new Set(keys.filter(({ cut }) => cut != null).map(({ meter }) => meter))]);
  const isBehind = ({ meter, cut }: MeterKey & Cut): boolean => cut != null && (oldest.get(meter) ?? Infinity) < cut;
  const [whole, behind] = [keys.filter((key) => !isBehind(key)), keys.filter(isBehind)];
  const rows = await tx.getEach(meterAt, whole);
  if (behind.length === 0) return rows;
  const since = await tx.getEach(
    meterSince,
    behind.map(({ meter, grp, start, cut }) => ({ meter, grp, start, cut: cut ?? 0 })),
  );
  const found = new Map([
    ...whole.map((key, n) => [key, rows[n]] as const),
    ...behind.map((key, n) => [key, since[n]] as const),
  ]);
  return keys.map((key) => found.get(key));
}

/** By meter: when the oldest entry inside its windows was counted, epoch ms. None where nothing is inside. */
async function oldestOf(tx: ReadTx, meters: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.getEach(
    oldestInside,
    meters.map((meter) => ({ meter })),
  );
  return new Map(meters.flatMap((meter, n) => (rows[n]?.at == null ? [] : [[meter, Number(rows[n].at)] as const])));
}

/** Of the next total that is begun: totals are never deleted. */
export const nextMeterId = async (tx: ReadTx): Promise<bigint> => ((await tx.get(newestMeter))?.id ?? 0n) + 1n;

/** Begins the row of a window. `lastAt` is null where no payment counts in it yet. */
export async function insertRow(
  tx: Tx,
  { meter, grp, start }: MeterKey,
  first: { amountMicro: bigint; count: number; lastAt: number | null },
): Promise<bigint> {
  const { amountMicro: amount, count, lastAt } = first;
  const id = await nextMeterId(tx);
  await tx.run(addMeter, { id, meter, grp, start, amount, count: BigInt(count), lastAt });
  return id;
}

/** Puts an entry into a rolling window. `meterId`: the group's row. */
export async function insertRolling(
  tx: Tx,
  meter: string,
  meterId: bigint,
  entry: { id: string; amountMicro: bigint; counted: number; at: number },
): Promise<void> {
  const { id: payment, amountMicro: amount, counted, at } = entry;
  await tx.run(addInside, { meter, at, payment, row: meterId, amount, counted });
}

/** Takes what is older than `cut` out of the rolling totals of a meter, oldest first and at most `limit`. Gives how many. */
export async function dropRolling(tx: Tx, meter: string, cut: number, limit: number): Promise<number> {
  let dropped = 0;
  // Usually one fell out for each that came, so a few are looked at first, and more only where all of them were old.
  for (let some = 4; dropped < limit; some *= 4) {
    const most = Math.min(some, limit - dropped);
    const taken = await dropSome(tx, meter, cut, most);
    dropped += taken;
    if (taken < most) break;
  }
  return dropped;
}

async function dropSome(tx: Tx, meter: string, cut: number, most: number): Promise<number> {
  // The cut is not in the query: SQLite prepares a statement again whenever such a bound changes, at five times its price.
  const old = (await tx.all(firstInside, { meter, limit: most })).filter(({ at }) => Number(at) < cut);
  const byGroup = new Map<bigint, { total: bigint; count: bigint }>();
  for (const { meter_id, amount_micro, counted } of old) {
    const sum = byGroup.get(meter_id);
    byGroup.set(meter_id, { total: (sum?.total ?? 0n) + amount_micro, count: (sum?.count ?? 0n) + counted });
  }
  for (const [id, { total, count }] of byGroup) await tx.run(takeFromTotal, { id, amount: total, count });
  for (const { at, payment_id } of old) await tx.run(removeInside, { meter, at, payment: payment_id });
  return old.length;
}

type NewEntry = { amountMicro: bigint; counted: number; at: number; places: readonly Place[] };

/** Remembers where something counts. */
export async function insertEntry(tx: Tx, id: string, entry: NewEntry): Promise<void> {
  await tx.run(addMeterEntry, entryRow(id, entry));
}

/** As it is stored: a place at another time than the entry's own is written with its time. */
export function entryRow(id: string, { amountMicro: amount, counted, at, places: counts }: NewEntry) {
  const places = JSON.stringify(counts.map((place) => (place.at === at ? place.id : [place.id, place.at])));
  return { id, at, amount, counted, places };
}

export async function findEntry(tx: ReadTx, id: string): Promise<Counted | undefined> {
  const row = await tx.get(entryOf, { id });
  if (!row) return undefined;
  const at = Number(row.at);
  const places = (JSON.parse(row.meters_json) as (number | [number, number])[]).map(
    (place): Place => (typeof place === 'number' ? { id: place, at } : { id: place[0], at: place[1] }),
  );
  return { amountMicro: row.amount_micro, counted: row.counted, at, places };
}

/** Whether that entry has not left that rolling window. */
export async function isInside(tx: ReadTx, { id, at }: Place, entryId: string): Promise<boolean> {
  return (await tx.get(insideOf, { row: id, at, payment: entryId })) !== undefined;
}

/** Takes an entry out of every total that it is still in. Once: the second time there is none. */
export async function takeBack(tx: Tx, id: string): Promise<void> {
  const entry = await findEntry(tx, id);
  if (!entry) return;
  for (const place of entry.places) await takeOut(tx, id, entry, place);
  await tx.run(removeEntry, { id });
}

/** Takes an entry out of one total, if it is still in it. The entry goes on naming it: its places are the caller's to write. */
export async function takeOut(tx: Tx, id: string, entry: Counted, place: Place): Promise<void> {
  const inside = await tx.run(removeFromWindow, { row: place.id, at: place.at, payment: id });
  await tx.run(takeEntryFromTotal, { id: place.id, amount: entry.amountMicro, count: entry.counted, inside });
}

/** Writes where an entry counts now; where that is nowhere there is none. */
export async function rewriteEntry(
  tx: Tx,
  id: string,
  entry: { amountMicro: bigint; counted: number } & Omit<Counted, 'counted'>,
): Promise<void> {
  await tx.run(removeEntry, { id });
  if (entry.places.length > 0) await insertEntry(tx, id, entry);
  // The payment's first event says where it counted then.
  tx.noteRow?.('meter_entries', JSON.stringify([id]));
}

/** The key of the total with that id. */
export async function keyOf(tx: ReadTx, id: number): Promise<MeterKey | null> {
  const row = await tx.get(meterOfId, { id });
  return row ? { meter: row.meter, grp: row.grp, start: Number(row.window_start) } : null;
}
