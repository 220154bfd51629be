import type { ReadTx, Tx } from '../../store/store.ts';
import { type MeterDeclaration, type MeterDeclarations, windowStart } from './declarations.ts';
import { liveRows, type RowsOf } from './generations.ts';
import {
  dropRolling,
  findEntry,
  findRows,
  insertEntry,
  insertRolling,
  insertRow,
  isInside,
  knownId,
  type MeterKey,
  ROLLING,
  takeBack,
} from './meterRows.ts';
import { countIn } from './queries.ts';

/** What a payment is grouped by; null where it has none (grouped together). */
export type MeterSubject = {
  agent: string;
  sponsor: string;
  workflow: string | null;
  payee: string | null;
  address: string;
  category: string | null;
  kind: string;
  asset: string;
  network: string;
  host: string | null;
};
/** `total` in micro-USDC and `count` of payments in the window, reservations included; `last_at` epoch ms. */
export type MeterReading = { total: number; count: number; last_at: number | null };

/**
 * Top-ups move money into the agent's own purse, refunds give back and splits pass on what the revenue rule says: none is the
 * agent's spending unless a meter names it.
 */
const notSpending = new Set(['top_up', 'refund', 'split']);

/**
 * What each declared meter shows at that moment. `without`: a payment that is counted already and is decided again, whose own
 * part must not stand against it. Writes nothing.
 */
export function readMeters(
  tx: ReadTx,
  declarations: MeterDeclarations,
  subject: MeterSubject,
  atMs: number,
  without: string | null,
): Record<string, MeterReading> {
  const places = placesOf(declarations, subject, atMs, liveRows(tx));
  const rows = findRows(tx, places);
  tx.memory?.kept.set(LAST, { declarations, subject, atMs, places, rows } satisfies Reading);
  const own = without === null ? undefined : findEntry(tx, without);
  const readings: Record<string, MeterReading> = {};
  places.forEach((place, index) => {
    const row = rows[index];
    const reading: MeterReading = { total: 0, count: 0, last_at: null };
    if (row) {
      reading.total = Number(row.total_micro);
      reading.count = Number(row.count);
      reading.last_at = row.last_at === null ? null : Number(row.last_at);
    }
    const counted = own?.places.find(({ id }) => BigInt(id) === row?.id);
    const { cut } = place;
    if (own && counted && (cut === null || (counted.at >= cut && isInside(tx, counted, without ?? '')))) {
      reading.total -= Number(own.amountMicro);
      reading.count -= 1;
    }
    // Refunds that arrived in a window of little spending never allow more than the limit.
    if (reading.total < 0) reading.total = 0;
    readings[place.name] = reading;
  });
  return readings;
}

/** A request takes at most this many payments out of each rolling window: anyone who comes after a long silence waits for no more. */
const DROPPED_MAX = 5_000;

/**
 * Lets go of what has fallen out of rolling windows, anyone who's it was. Readings are exact without it: it only keeps what they
 * have to look through short, so every request does its share before it is decided.
 */
export function ageMeters(tx: Tx, declarations: MeterDeclarations, atMs: number): void {
  const rowsOf = liveRows(tx);
  for (const [meter, declaration] of Object.entries(declarations)) {
    if (isRollingWindow(declaration))
      dropRolling(tx, rowsOf(meter), windowStart(declaration.window, atMs), DROPPED_MAX);
  }
}

/** Counts a payment in every meter that takes its kind, at the decision's own timestamp. Gives the ids of those totals. */
export function addToMeters(
  tx: Tx,
  declarations: MeterDeclarations,
  subject: MeterSubject,
  payment: { id: string; amountMicro: bigint },
  atMs: number,
): readonly bigint[] {
  const last = tx.memory?.kept.get(LAST) as Reading | undefined;
  const isSame = last?.subject === subject && last.declarations === declarations && last.atMs === atMs;
  const places: MeterPlace[] = [];
  const known: bigint[] = [];
  const ids: bigint[] = [];
  const { id, amountMicro } = payment;
  (isSame ? last.places : placesOf(declarations, subject, atMs, liveRows(tx))).forEach((place, index) => {
    if (!place.takes) return;
    const { meter, grp, start } = place;
    const row =
      (isSame ? last.rows[index]?.id : undefined) ??
      knownId(tx, meter, grp, start) ??
      findRows(tx, [{ meter, grp, start }])[0]?.id;
    if (row !== undefined) known.push(row);
    places.push(place);
    ids.push(row ?? insertRow(tx, place, { amountMicro, count: 1, lastAt: atMs }));
  });
  if (places.length === 0) return [];
  if (known.length > 0) {
    tx.run(countIn(known.length), { amount: amountMicro, at: atMs, ...idsOf(known) });
  }
  places.forEach(({ meter, cut }, index) => {
    if (cut !== null) insertRolling(tx, meter, ids[index] ?? 0n, { id, amountMicro, counted: 1, at: atMs });
  });
  const where = ids.map((each) => ({ id: Number(each), at: atMs }));
  insertEntry(tx, id, { amountMicro, counted: 1, at: atMs, places: where });
  return ids;
}

/** Takes a payment that will never happen out of every meter it is still in, in the window where it counted. */
export function releaseFromMeters(tx: Tx, paymentId: string): void {
  takeBack(tx, paymentId);
}

const idsOf = (ids: readonly bigint[]): Record<string, bigint> =>
  Object.fromEntries(ids.map((id, n) => [`id${n}`, id]));

/** What the decision has just read: the payment is counted in the same rows, which are never deleted. */
const LAST = 'last reading';
type Reading = {
  declarations: MeterDeclarations;
  subject: MeterSubject;
  atMs: number;
  places: MeterPlace[];
  rows: ({ id: bigint } | undefined)[];
};

/** One meter as a payment meets it. `cut`: the start of a rolling window that ends now, or null for the other kinds. */
export type MeterPlace = MeterKey & { name: string; takes: boolean; cut: number | null };

export function placesOf(
  declarations: MeterDeclarations,
  subject: MeterSubject,
  atMs: number,
  rowsOf: RowsOf,
): MeterPlace[] {
  return Object.entries(declarations).map(([name, declaration]) => {
    const start = windowStart(declaration.window, atMs);
    const rolls = isRollingWindow(declaration);
    return {
      name,
      meter: rowsOf(name),
      grp: groupOf(declaration, subject),
      start: rolls ? ROLLING : start,
      cut: rolls ? start : null,
      takes: takes(declaration, subject.kind),
    };
  });
}

function takes(declaration: MeterDeclaration, kind: string): boolean {
  return declaration.kinds ? (declaration.kinds as readonly string[]).includes(kind) : !notSpending.has(kind);
}

/** Unit separator between values: none of them may contain it. */
function groupOf(declaration: MeterDeclaration, subject: MeterSubject): string {
  let group = '';
  for (const dimension of declaration.by) group += `${subject[dimension] ?? '-'}\u001f`;
  return group;
}

export const isRollingWindow = ({ window }: MeterDeclaration): boolean => window !== 'lifetime' && 'rolling' in window;
