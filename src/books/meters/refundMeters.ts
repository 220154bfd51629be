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
export async function refundToMeters(
  tx: Tx,
  declarations: MeterDeclarations,
  refund: Refund,
  atMs: number,
): Promise<void> {
  const original = await findEntry(tx, refund.originalId);
  const id = backOf(refund.id);
  if (!original || (await findEntry(tx, id))) return;
  const back = await giveBack(tx, { declarations, rowsOf: await liveRows(tx) }, { ...refund, atMs }, original.places);
  if (back.length > 0)
    await insertEntry(tx, id, { amountMicro: -refund.amountMicro, counted: 0, at: atMs, places: back });
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
export async function giveBack(
  tx: Tx,
  counting: Counting,
  { atMs, ...refund }: Refund & { atMs: number },
  places: readonly Place[],
): Promise<Place[]> {
  const id = backOf(refund.id);
  const back: Place[] = [];
  for (const place of places) {
    const key = await keyOf(tx, place.id);
    const declaration = key && declarationOf(counting, key.meter);
    if (!key || !declaration || declaration.refunds === 'never') continue;
    const restores = declaration.refunds === 'restore';
    // What has left a rolling window is in no total any more.
    if (restores && key.start === ROLLING && !(await isInside(tx, place, refund.originalId))) continue;
    const to = restores ? { ...key, at: place.at } : currentPlace(declaration, key, place.at, atMs);
    const meterId = await addTotal(tx, to, -refund.amountMicro);
    if (to.start === ROLLING)
      await insertRolling(tx, to.meter, meterId, { id, amountMicro: -refund.amountMicro, counted: 0, at: to.at });
    back.push({ id: Number(meterId), at: to.start === ROLLING ? to.at : atMs });
  }
  return back;
}

/** The refund's block is gone: the meters are as before it. */
export async function unrefundMeters(tx: Tx, refundId: string): Promise<void> {
  await takeBack(tx, backOf(refundId));
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

async function addTotal(tx: Tx, to: MeterKey, amountMicro: bigint): Promise<bigint> {
  const [row] = await findRows(tx, [to]);
  if (!row) return insertRow(tx, to, { amountMicro, count: 0, lastAt: null });
  await tx.run(addToTotal, { id: row.id, amount: amountMicro });
  return row.id;
}
