import { type MeterDeclaration, type MeterDeclarations, windowStart } from '../policy/meters.ts';
import type { Tx } from '../store/store.ts';

type Entry = { meter: string; grp: string; window_start: bigint; at: bigint; state: 'live' | 'left' };

/** A refund's entries in its receiver's meters; the refund itself may count under its own id in those of the earner. */
const backOf = (refundId: string): string => `${refundId} back`;

/**
 * A refund has reached the agent that had paid: gives its meters back what each declares. `restore`: to the window in which the
 * payment counted, and it leaves a rolling one together with the payment. `current`: to the window in which the refund
 * arrives. `never`: nothing. The payment stays counted. `originalId`: the payment that is given back; sums of refunds never
 * exceed it.
 */
export function refundToMeters(
  tx: Tx,
  declarations: MeterDeclarations,
  refund: { id: string; originalId: string; amountMicro: bigint },
  atMs: number,
): void {
  const entries = tx.all<Entry>(
    "SELECT meter, grp, window_start, at, state FROM meter_entries WHERE payment_id = ? AND state <> 'released'",
    refund.originalId,
  );
  for (const entry of entries) {
    const declaration = declarations[entry.meter];
    if (!declaration || declaration.refunds === 'never') continue;
    const place = declaration.refunds === 'restore' ? entry : currentPlace(declaration, entry, atMs);
    tx.run(
      `INSERT INTO meter_entries (payment_id, meter, grp, window_start, amount_micro, counted, at, state) VALUES (?, ?, ?, ?, ?, 0, ?, ?)
       ON CONFLICT (payment_id, meter) DO NOTHING`,
      backOf(refund.id),
      entry.meter,
      entry.grp,
      place.window_start,
      -refund.amountMicro,
      place.at,
      place.state,
    );
    // What has left a rolling window is in no total any more.
    if (place.state === 'live') addTotal(tx, { ...entry, ...place }, -refund.amountMicro);
  }
}

/** The refund's block is gone: the meters are as before it. */
export function unrefundMeters(tx: Tx, refundId: string): void {
  const entries = tx.all<Entry & { amount_micro: bigint }>(
    'SELECT meter, grp, window_start, at, state, amount_micro FROM meter_entries WHERE payment_id = ?',
    backOf(refundId),
  );
  for (const entry of entries) if (entry.state === 'live') addTotal(tx, entry, -entry.amount_micro);
  tx.run('DELETE FROM meter_entries WHERE payment_id = ?', backOf(refundId));
}

function currentPlace(
  { window }: MeterDeclaration,
  entry: Entry,
  atMs: number,
): Pick<Entry, 'window_start' | 'at' | 'state'> {
  const rolls = window !== 'lifetime' && 'rolling' in window;
  // Server and chain may disagree on the time by a little; a refund is never older than what it gives back.
  const at = BigInt(atMs) > entry.at ? BigInt(atMs) : entry.at;
  return { window_start: rolls ? 0n : BigInt(windowStart(window, Number(at))), at, state: 'live' };
}

function addTotal(
  tx: Tx,
  { meter, grp, window_start, at }: Pick<Entry, 'meter' | 'grp' | 'window_start' | 'at'>,
  amountMicro: bigint,
): void {
  tx.run(
    `INSERT INTO meters (meter, grp, window_start, total_micro, count, last_at, oldest_at) VALUES (?, ?, ?, ?, 0, NULL, ?)
     ON CONFLICT (meter, grp, window_start) DO UPDATE SET total_micro = total_micro + excluded.total_micro,
       oldest_at = min(coalesce(oldest_at, excluded.oldest_at), excluded.oldest_at)`,
    meter,
    grp,
    window_start,
    amountMicro,
    at,
  );
}
