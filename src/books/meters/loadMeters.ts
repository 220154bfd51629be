import { flatMapInOrder } from '../../core/inOrder.ts';
import type { ParametersIn } from '../../store/statement.ts';
import type { Locks, ReadTx, Tx } from '../../store/store.ts';
import { entryRow, findEntry, findRows, isInside, type MeterRow, nextMeterId } from './meterRows.ts';
import { type MeterChanges, MeterSet, type MeterTotal, type OwnCount } from './meterSet.ts';
import type { MeterKey, MeterPlace } from './places.ts';
import { addInside, addMeter, addMeterEntry, addToMeter, meterAt } from './queries.ts';

/** Reads the totals at these places: rolling ones as they are at each place's own moment, so one moment for a set. */
export async function loadMeters(
  tx: ReadTx & Pick<Tx, 'locks'>,
  placesOfAll: Iterable<readonly MeterPlace[]>,
): Promise<MeterSet> {
  const wanted = new Map<string, MeterPlace>();
  for (const places of placesOfAll) for (const place of places) wanted.set(place.key, place);
  const all = [...wanted.values()];
  if (tx.locks) await lockMeters(tx, tx.locks, all);
  const rows = await findRows(tx, all);
  const totals = new Map(all.map((place, index) => [place.key, totalOf(rows[index], place)]));
  return new MeterSet(totals, await nextMeterId(tx));
}

/** Where a total has no row yet, no other transaction begins one either, so the ids of new rows are this one's. */
async function lockMeters(tx: ReadTx, locks: Locks, places: readonly MeterPlace[]): Promise<void> {
  let rows = await tx.getEach(meterAt, places);
  if (rows.includes(undefined)) {
    await locks.whole('meters');
    rows = await tx.getEach(meterAt, places);
  }
  await locks.rows(
    'meters',
    rows.flatMap((row) => (row ? [row.id] : [])),
  );
}

/** One literal, so that all totals have one shape: the gate reads some for each payment. */
function totalOf(row: MeterRow | undefined, { meter, grp, start }: MeterKey): MeterTotal | null {
  if (row === undefined) return null;
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
  const begun: ParametersIn<typeof addMeter>[] = [];
  const added: ParametersIn<typeof addToMeter>[] = [];
  for (const { id, meter, grp, start, lastAt, isNew, total: amount, count, addedMicro, addedCount } of totals) {
    if (isNew) begun.push({ id, meter, grp, start, amount, count, lastAt });
    else added.push({ id, amount: addedMicro, count: addedCount, at: lastAt ?? 0 });
  }
  await tx.runEach(addMeter, begun);
  await tx.runEach(addToMeter, added);
  await tx.runEach(
    addInside,
    rolling.map(({ meter, at, payment, row, amountMicro: amount }) => ({
      meter,
      at,
      payment,
      row,
      amount,
      counted: 1,
    })),
  );
  await tx.runEach(
    addMeterEntry,
    counted.map(({ id, at, amountMicro, rows }) =>
      entryRow(id, { amountMicro, counted: 1, at, places: rows.map((row) => ({ id: Number(row), at })) }),
    ),
  );
}
