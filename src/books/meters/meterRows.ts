import type { ReadTx, SqlValue, Tx } from '../../store/store.ts';
import {
  addInside,
  addMeter,
  addMeterEntry,
  entryOf,
  firstInside,
  insideOf,
  type LookUp,
  type MeterRow,
  meterOfId,
  oldestInside,
  ROLLING,
  removeEntry,
  removeFromWindow,
  removeInside,
  rowsOfMeters,
  takeEntryFromTotal,
  takeFromTotal,
} from './queries.ts';

/**
 * What meters leave in the database, and what each row proves. `meters`: a total per meter, group and window. `meter_entries`:
 * one row a payment with the ids of all totals that it is in, so a calendar or lifetime total is the sum of the payments that
 * name it. `meter_rolling`: what is still inside a rolling window, of which that total is the sum. `meter` is a name as it is stored
 * (`RowsOf`).
 */
export type MeterKey = { meter: string; grp: string; start: number };

export { type MeterRow, ROLLING };

/** Where a payment (or a refund) counts: a total, and since when (epoch ms). */
export type Place = { id: number; at: number };
export type Counted = { amountMicro: bigint; counted: bigint; at: number; places: Place[] };

/**
 * The rows of all keys, in their order, by one statement; undefined where a window has none yet. With a `cut` a rolling total
 * is shown without what is older and still stands in it.
 */
export function findRows(tx: ReadTx, keys: readonly (MeterKey & { cut?: number | null })[]): (MeterRow | undefined)[] {
  const rows = new Array<MeterRow | undefined>(keys.length).fill(undefined);
  if (keys.length === 0) return rows;
  const kinds: Record<Kind, Asked[]> = { C: [], R: [], c: [], r: [] };
  keys.forEach((key, index) => {
    const known = knownId(tx, key.meter, key.grp, key.start);
    const rolls = hasOld(tx, key);
    kinds[known === undefined ? (rolls ? 'r' : 'c') : rolls ? 'R' : 'C'].push({ key, index, known });
  });
  const order = [...kinds.C, ...kinds.R, ...kinds.c, ...kinds.r];
  const values: Record<string, SqlValue> = {};
  const list = order.map(({ key, known }, n): LookUp => {
    const withoutOld = hasOld(tx, key);
    if (withoutOld) values[`cut${n}`] = key.cut;
    if (known === undefined) {
      values[`meter${n}`] = key.meter;
      values[`grp${n}`] = key.grp;
      values[`start${n}`] = key.start;
    } else values[`id${n}`] = known;
    return { byId: known !== undefined, withoutOld };
  });
  for (const row of tx.all(rowsOfMeters(list), values)) {
    const asked = order[Number(row.n)];
    if (!asked) continue;
    rows[asked.index] = row;
    const { meter, grp, start } = asked.key;
    if (asked.known === undefined) tx.memory?.kept.set(nameOf(meter, grp, start), row.id);
  }
  return rows;
}

/** Whether something may stand in the total that is older than the window. */
function hasOld<K extends Cut & MeterKey>(tx: ReadTx, key: K): key is K & { cut: number } {
  return key.cut !== undefined && key.cut !== null && oldestOf(tx, key.meter) < key.cut;
}

/** With something old in it or not, and in capitals where the id is known. In this order, so that there are few texts to prepare. */
type Kind = 'C' | 'R' | 'c' | 'r';
type Cut = { cut?: number | null };
type Asked = { key: MeterKey & Cut; index: number; known: bigint | undefined };

/** The row's id where the transaction has seen it: rows are never deleted. */
export function knownId(tx: ReadTx, meter: string, grp: string, start: number): bigint | undefined {
  return tx.memory?.kept.get(nameOf(meter, grp, start)) as bigint | undefined;
}
/** A group holds texts that callers choose: with the lengths before them no two keys are the same text. */
const nameOf = (meter: string, grp: string, start: number): string =>
  `meter id ${start} ${meter.length} ${meter} ${grp}`;
const oldestIn = (meter: string): string => `oldest in ${meter}`;

/** Begins the row of a window. `lastAt` is null where no payment counts in it yet. */
export function insertRow(
  tx: Tx,
  { meter, grp, start }: MeterKey,
  first: { amountMicro: bigint; count: number; lastAt: number | null },
): bigint {
  const { amountMicro: amount, count, lastAt } = first;
  const row = tx.get(addMeter, { meter, grp, start, amount, count, lastAt });
  const id = row?.id ?? 0n;
  tx.memory?.kept.set(nameOf(meter, grp, start), id);
  return id;
}

/** Nothing inside that meter's windows is older; Infinity where nothing is inside. */
export function oldestOf(tx: ReadTx, meter: string): number {
  const known = tx.memory?.kept.get(oldestIn(meter)) as number | undefined;
  if (known !== undefined) return known;
  const row = tx.get(oldestInside, { meter });
  const oldest = row?.at == null ? Infinity : Number(row.at);
  tx.memory?.kept.set(oldestIn(meter), oldest);
  return oldest;
}

/** Puts an entry into a rolling window. `meterId`: the group's row. */
export function insertRolling(
  tx: Tx,
  meter: string,
  meterId: bigint,
  entry: { id: string; amountMicro: bigint; counted: number; at: number },
): void {
  if (entry.at < oldestOf(tx, meter)) tx.memory?.kept.set(oldestIn(meter), entry.at);
  const { id: payment, amountMicro: amount, counted, at } = entry;
  tx.run(addInside, { meter, at, payment, row: meterId, amount, counted });
}

/** Takes what is older than `cut` out of the rolling totals of a meter, oldest first and at most `limit`. Gives how many. */
export function dropRolling(tx: Tx, meter: string, cut: number, limit: number): number {
  let dropped = 0;
  // Usually one fell out for each that came, so a few are looked at first, and more only where all of them were old.
  for (let some = 4; dropped < limit && oldestOf(tx, meter) < cut; some *= 4) {
    dropped += dropSome(tx, meter, cut, Math.min(some, limit - dropped));
  }
  return dropped;
}

function dropSome(tx: Tx, meter: string, cut: number, most: number): number {
  // The cut is not in the query: SQLite prepares a statement again whenever such a bound changes, at five times its price.
  const first = tx.all(firstInside, { meter, limit: most + 1 });
  const old = first.slice(0, most).filter(({ at }) => Number(at) < cut);
  const next = first[old.length];
  tx.memory?.kept.set(oldestIn(meter), next ? Number(next.at) : Infinity);
  const byGroup = new Map<bigint, { total: bigint; count: bigint }>();
  for (const { meter_id, amount_micro, counted } of old) {
    const sum = byGroup.get(meter_id);
    byGroup.set(meter_id, { total: (sum?.total ?? 0n) + amount_micro, count: (sum?.count ?? 0n) + counted });
  }
  for (const [id, { total, count }] of byGroup) {
    tx.run(takeFromTotal, { id, amount: total, count });
  }
  for (const { at, payment_id } of old) {
    tx.run(removeInside, { meter, at, payment: payment_id });
  }
  return old.length;
}

/** Remembers where something counts. A place at another time than the entry's own is written with its time. */
export function insertEntry(
  tx: Tx,
  id: string,
  entry: { amountMicro: bigint; counted: number; at: number; places: readonly Place[] },
): void {
  const { amountMicro: amount, counted, at } = entry;
  const places = JSON.stringify(entry.places.map((place) => (place.at === at ? place.id : [place.id, place.at])));
  tx.run(addMeterEntry, { id, at, amount, counted, places });
}

export function findEntry(tx: ReadTx, id: string): Counted | undefined {
  const row = tx.get(entryOf, { id });
  if (!row) return undefined;
  const at = Number(row.at);
  const places = (JSON.parse(row.meters_json) as (number | [number, number])[]).map(
    (place): Place => (typeof place === 'number' ? { id: place, at } : { id: place[0], at: place[1] }),
  );
  return { amountMicro: row.amount_micro, counted: row.counted, at, places };
}

/** Whether that entry has not left that rolling window. */
export function isInside(tx: ReadTx, { id, at }: Place, entryId: string): boolean {
  return tx.get(insideOf, { row: id, at, payment: entryId }) !== undefined;
}

/** Takes an entry out of every total that it is still in. Once: the second time there is none. */
export function takeBack(tx: Tx, id: string): void {
  const entry = findEntry(tx, id);
  if (!entry) return;
  for (const place of entry.places) takeOut(tx, id, entry, place);
  tx.run(removeEntry, { id });
}

/** Takes an entry out of one total, if it is still in it. The entry goes on naming it: its places are the caller's to write. */
export function takeOut(tx: Tx, id: string, entry: Counted, place: Place): void {
  const inside = tx.run(removeFromWindow, { row: place.id, at: place.at, payment: id });
  tx.run(takeEntryFromTotal, { id: place.id, amount: entry.amountMicro, count: entry.counted, inside });
}

/** Writes where an entry counts now; where that is nowhere there is none. */
export function rewriteEntry(
  tx: Tx,
  id: string,
  entry: { amountMicro: bigint; counted: number } & Omit<Counted, 'counted'>,
): void {
  tx.run(removeEntry, { id });
  if (entry.places.length > 0) insertEntry(tx, id, entry);
  // The payment's first event says where it counted then.
  tx.noteRow?.('meter_entries', JSON.stringify([id]));
}

/** The key of the total with that id. */
export function keyOf(tx: ReadTx, id: number): MeterKey | null {
  const row = tx.get(meterOfId, { id });
  return row ? { meter: row.meter, grp: row.grp, start: Number(row.window_start) } : null;
}
