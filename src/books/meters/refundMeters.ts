import type { Tx } from '../../store/store.ts';
import { type MeterDeclaration, type MeterDeclarations, windowStart } from './declarations.ts';
import { liveRows, meterOf } from './generations.ts';
import {
  findEntry,
  findRows,
  insertEntry,
  insertRolling,
  insertRow,
  isInside,
  keyOf,
  type Place,
  takeBack,
} from './meterRows.ts';
import { isRollingWindow, type MeterKey, ROLLING, type RowsOf } from './places.ts';
import { addToTotal } from './queries.ts';

/** A refund's entry in its receiver's meters; the refund itself may count under its own id in those of the earner. */
export const backOf = (refundId: string): string => `${refundId} back`;

/**
 * A refund has reached the agent that had paid: gives its meters back what each declares. `restore`: to the window in which the
 * payment counted, and it leaves a rolling one together with the payment. `current`: to the window in which the refund
 * arrives. `never`: nothing. The payment stays counted. `originalId`: the payment that is given back; sums of refunds never
 * exceed it.
 */
export function refundToMeters(tx: Tx, declarations: MeterDeclarations, refund: Refund, atMs: number): void {
  const original = findEntry(tx, refund.originalId);
  const id = backOf(refund.id);
  if (!original || findEntry(tx, id)) return;
  const back = giveBack(tx, { declarations, rowsOf: liveRows(tx) }, { ...refund, atMs }, original.places);
  if (back.length > 0) insertEntry(tx, id, { amountMicro: -refund.amountMicro, counted: 0, at: atMs, places: back });
}

export type Refund = { id: string; originalId: string; amountMicro: bigint };

/** Meters, and the rows that they are counted in. */
export type Counting = { declarations: MeterDeclarations; rowsOf: RowsOf };

/** The declaration by which a total is counted; undefined where it is of another meter or generation. */
export function declarationOf({ declarations, rowsOf }: Counting, stored: string): MeterDeclaration | undefined {
  const meter = meterOf(stored);
  return Object.hasOwn(declarations, meter) && rowsOf(meter) === stored ? declarations[meter] : undefined;
}

/** Takes a refund off the totals that the places of its original lead to, and says where that was. */
export function giveBack(
  tx: Tx,
  counting: Counting,
  { atMs, ...refund }: Refund & { atMs: number },
  places: readonly Place[],
): Place[] {
  const id = backOf(refund.id);
  const back: Place[] = [];
  for (const place of places) {
    const key = keyOf(tx, place.id);
    const declaration = key && declarationOf(counting, key.meter);
    if (!key || !declaration || declaration.refunds === 'never') continue;
    const restores = declaration.refunds === 'restore';
    // What has left a rolling window is in no total any more.
    if (restores && key.start === ROLLING && !isInside(tx, place, refund.originalId)) continue;
    const to = restores ? { ...key, at: place.at } : currentPlace(declaration, key, place.at, atMs);
    const meterId = addTotal(tx, to, -refund.amountMicro);
    if (to.start === ROLLING)
      insertRolling(tx, to.meter, meterId, { id, amountMicro: -refund.amountMicro, counted: 0, at: to.at });
    back.push({ id: Number(meterId), at: to.start === ROLLING ? to.at : atMs });
  }
  return back;
}

/** The refund's block is gone: the meters are as before it. */
export function unrefundMeters(tx: Tx, refundId: string): void {
  takeBack(tx, backOf(refundId));
}

function currentPlace(
  declaration: MeterDeclaration,
  { meter, grp }: MeterKey,
  paidAt: number,
  atMs: number,
): MeterKey & { at: number } {
  // Server and chain may disagree on the time by a little; a refund is never older than what it gives back.
  const at = Math.max(atMs, paidAt);
  return { meter, grp, start: isRollingWindow(declaration) ? ROLLING : windowStart(declaration.window, at), at };
}

function addTotal(tx: Tx, to: MeterKey, amountMicro: bigint): bigint {
  const [row] = findRows(tx, [to]);
  if (!row) return insertRow(tx, to, { amountMicro, count: 0, lastAt: null });
  tx.run(addToTotal, { id: row.id, amount: amountMicro });
  return row.id;
}
