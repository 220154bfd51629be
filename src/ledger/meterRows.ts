import type { ReadTx, Tx } from '../store/store.ts';

/**
 * What meters leave in the database, and what each row proves. `meters`: a total per meter, group and window. `meter_entries`:
 * one row a payment with the ids of all totals that it is in, so a calendar or lifetime total is the sum of the payments that
 * name it. `meter_rolling`: what is still inside a rolling window, of which that total is the sum.
 */
export type MeterKey = { meter: string; grp: string; start: number };
export type MeterRow = {
  id: bigint;
  total_micro: bigint;
  count: bigint;
  last_at: bigint | null;
  oldest_at: bigint | null;
};

/** Rolling windows have one row a group: what falls out of them is taken from its total. */
export const ROLLING = -1;

/** Where a payment (or a refund) counts: a total, and since when (epoch ms). */
export type Place = { id: number; at: number };
export type Counted = { amountMicro: bigint; counted: bigint; at: number; places: Place[] };

/** The rows of all keys, in their order, by one statement; undefined where a window has none yet. */
export function findRows(tx: ReadTx, keys: readonly MeterKey[]): (MeterRow | undefined)[] {
  if (keys.length === 0) return [];
  const rows = new Array<MeterRow | undefined>(keys.length).fill(undefined);
  const values = keys.flatMap(({ meter, grp, start }) => [meter, grp, start]);
  for (const row of tx.all<MeterRow & { n: bigint }>(selectOf(keys.length), ...values)) rows[Number(row.n)] = row;
  return rows;
}

const selects: string[] = [];
function selectOf(length: number): string {
  const one = (n: number): string =>
    `SELECT ${n} AS n, id, total_micro, count, last_at, oldest_at FROM meters WHERE meter = ? AND grp = ? AND window_start = ?`;
  selects[length] ??= Array.from({ length }, (_, n) => one(n)).join(' UNION ALL ');
  return selects[length];
}

/** Begins the row of a window. `lastAt` is null where no payment counts in it yet. */
export function insertRow(
  tx: Tx,
  { meter, grp, start }: MeterKey,
  first: { amountMicro: bigint; count: number; lastAt: number | null; oldestAt: number },
): bigint {
  const row = tx.get<{ id: bigint }>(
    'INSERT INTO meters (meter, grp, window_start, total_micro, count, last_at, oldest_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id',
    meter,
    grp,
    start,
    first.amountMicro,
    first.count,
    first.lastAt,
    start === ROLLING ? first.oldestAt : null,
  );
  return row?.id ?? 0n;
}

export function insertRolling(
  tx: Tx,
  meterId: bigint | number,
  entry: { id: string; amountMicro: bigint; counted: number; at: number },
): void {
  tx.run(
    'INSERT INTO meter_rolling (meter_id, at, payment_id, amount_micro, counted) VALUES (?, ?, ?, ?, ?)',
    meterId,
    entry.at,
    entry.id,
    entry.amountMicro,
    entry.counted,
  );
}

/** Remembers where something counts. A place at another time than the entry's own is written with its time. */
export function insertEntry(
  tx: Tx,
  id: string,
  entry: { amountMicro: bigint; counted: number; at: number; places: readonly Place[] },
): void {
  tx.run(
    'INSERT INTO meter_entries (payment_id, at, amount_micro, counted, meters_json) VALUES (?, ?, ?, ?, ?)',
    id,
    entry.at,
    entry.amountMicro,
    entry.counted,
    JSON.stringify(entry.places.map((place) => (place.at === entry.at ? place.id : [place.id, place.at]))),
  );
}

export function findEntry(tx: ReadTx, id: string): Counted | undefined {
  const row = tx.get<{ at: bigint; amount_micro: bigint; counted: bigint; meters_json: string }>(
    'SELECT at, amount_micro, counted, meters_json FROM meter_entries WHERE payment_id = ?',
    id,
  );
  if (!row) return undefined;
  const at = Number(row.at);
  const places = (JSON.parse(row.meters_json) as (number | [number, number])[]).map(
    (place): Place => (typeof place === 'number' ? { id: place, at } : { id: place[0], at: place[1] }),
  );
  return { amountMicro: row.amount_micro, counted: row.counted, at, places };
}

/** Takes an entry out of every total that it is still in. Once: the second time there is none. */
export function takeBack(tx: Tx, id: string): void {
  const entry = findEntry(tx, id);
  if (!entry) return;
  for (const place of entry.places) {
    const live = tx.run(
      'DELETE FROM meter_rolling WHERE meter_id = ? AND at = ? AND payment_id = ?',
      place.id,
      place.at,
      id,
    );
    tx.run(
      'UPDATE meters SET total_micro = total_micro - ?, count = count - ? WHERE id = ? AND (window_start <> ? OR ?)',
      entry.amountMicro,
      entry.counted,
      place.id,
      ROLLING,
      live,
    );
  }
  tx.run('DELETE FROM meter_entries WHERE payment_id = ?', id);
}
