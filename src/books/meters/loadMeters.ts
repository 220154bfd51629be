import { flatMapInOrder } from '../../core/inOrder.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { findEntry, findRows, insertEntry, isInside, type MeterRow, nextMeterId, oldestInEach } from './meterRows.ts';
import { type MeterChanges, MeterSet, type MeterTotal, type OwnCount } from './meterSet.ts';
import type { MeterKey, MeterPlace } from './places.ts';
import { addInside, addMeter, addToMeter } from './queries.ts';

/** Reads the totals at these places: rolling ones as they are at each place's own moment, so one moment for a set. */
export async function loadMeters(tx: ReadTx, placesOfAll: Iterable<readonly MeterPlace[]>): Promise<MeterSet> {
  const totals = new Map<string, MeterTotal | null>();
  const oldest = oldestInEach(tx);
  for (const places of placesOfAll) {
    const missing = places.filter(({ key }) => !totals.has(key));
    (await findRows(tx, missing, oldest)).forEach((row, index) => {
      const { meter, grp, start, key } = missing[index] as MeterPlace;
      totals.set(key, row === undefined ? null : totalOf(row, { meter, grp, start }));
    });
  }
  return new MeterSet(totals, await nextMeterId(tx));
}

/** One literal, so that all totals have one shape: the gate reads some for each payment. */
function totalOf(row: MeterRow, { meter, grp, start }: MeterKey): MeterTotal {
  return {
    id: row.id,
    meter,
    grp,
    start,
    total: row.total_micro,
    count: row.count,
    lastAt: row.last_at === null ? null : Number(row.last_at),
    addedMicro: 0n,
    addedCount: 0n,
    isNew: false,
  };
}

/** A payment that is counted already: the totals at these places in which it still stands. */
export async function loadOwnCount(
  tx: ReadTx,
  paymentId: string,
  places: readonly MeterPlace[],
  set: MeterSet,
): Promise<OwnCount | undefined> {
  const entry = await findEntry(tx, paymentId);
  if (!entry) return undefined;
  const rows = await flatMapInOrder(places, async (place) => {
    const row = set.rowAt(place);
    const counted = entry.places.find(({ id }) => BigInt(id) === row);
    if (row === null || !counted) return [];
    // What has left a rolling window is in its total no more.
    return place.cut === null || (counted.at >= place.cut && (await isInside(tx, counted, paymentId))) ? [row] : [];
  });
  return { amountMicro: entry.amountMicro, rows: new Set(rows) };
}

/** Writes what a set has changed: each total once. */
export async function commitMeters(tx: Tx, { totals, rolling, counted }: MeterChanges): Promise<void> {
  for (const total of totals) {
    const { id, meter, grp, start, lastAt } = total;
    if (total.isNew) await tx.run(addMeter, { id, meter, grp, start, amount: total.total, count: total.count, lastAt });
    else await tx.run(addToMeter, { id, amount: total.addedMicro, count: total.addedCount, at: lastAt ?? 0 });
  }
  for (const { meter, at, payment, row, amountMicro: amount } of rolling) {
    await tx.run(addInside, { meter, at, payment, row, amount, counted: 1 });
  }
  for (const { id, at, amountMicro, rows } of counted) {
    await insertEntry(tx, id, { amountMicro, counted: 1, at, places: rows.map((row) => ({ id: Number(row), at })) });
  }
}
