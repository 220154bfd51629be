import { type MeterDeclaration, type MeterDeclarations, windowStart } from '../policy/meters.ts';
import type { ReadTx, Tx } from '../store/store.ts';

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

type Row = { total_micro: bigint; count: bigint; last_at: bigint | null; oldest_at: bigint | null };

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
  const readings: Record<string, MeterReading> = {};
  for (const [name, declaration] of Object.entries(declarations)) {
    const reading = readOne(tx, name, declaration, subject, atMs);
    const others = without === null ? reading : minusOwn(tx, name, declaration, subject, atMs, without, reading);
    // Refunds that arrived in a window of little spending never make room beyond the limit.
    readings[name] = others.total < 0 ? { ...others, total: 0 } : others;
  }
  return readings;
}

function minusOwn(
  tx: ReadTx,
  name: string,
  declaration: MeterDeclaration,
  subject: MeterSubject,
  atMs: number,
  paymentId: string,
  reading: MeterReading,
): MeterReading {
  const own = tx.get<{ amount_micro: bigint }>(
    `SELECT amount_micro FROM meter_entries
     WHERE payment_id = ? AND meter = ? AND grp = ? AND window_start = ? AND at >= ? AND state = 'live'`,
    paymentId,
    name,
    groupOf(declaration, subject),
    startOf(declaration, atMs),
    cutOf(declaration, atMs) ?? 0,
  );
  return own ? { ...reading, total: reading.total - Number(own.amount_micro), count: reading.count - 1 } : reading;
}

function readOne(
  tx: ReadTx,
  name: string,
  declaration: MeterDeclaration,
  subject: MeterSubject,
  atMs: number,
): MeterReading {
  const group = groupOf(declaration, subject);
  const row = tx.get<Row>(
    'SELECT total_micro, count, last_at, oldest_at FROM meters WHERE meter = ? AND grp = ? AND window_start = ?',
    name,
    group,
    startOf(declaration, atMs),
  );
  if (!row) return { total: 0, count: 0, last_at: null };
  const left = leftSince(tx, name, declaration, group, row, atMs);
  return {
    total: Number(row.total_micro - left.total),
    count: Number(row.count - left.count),
    last_at: row.last_at === null ? null : Number(row.last_at),
  };
}

/** What of a rolling total is older than the window: [now - length, now) holds what counts. */
function leftSince(
  tx: ReadTx,
  name: string,
  declaration: MeterDeclaration,
  group: string,
  row: Row,
  atMs: number,
): { total: bigint; count: bigint } {
  const cut = cutOf(declaration, atMs);
  if (cut === null || row.oldest_at === null || Number(row.oldest_at) >= cut) return { total: 0n, count: 0n };
  const sum = tx.get<{ total: bigint | null; count: bigint }>(
    "SELECT sum(amount_micro) AS total, coalesce(sum(counted), 0) AS count FROM meter_entries WHERE meter = ? AND grp = ? AND at < ? AND state = 'live' AND window_start = 0",
    name,
    group,
    cut,
  );
  return { total: sum?.total ?? 0n, count: sum?.count ?? 0n };
}

/** Counts a payment in every meter that takes its kind, at the decision's own timestamp. */
export function addToMeters(
  tx: Tx,
  declarations: MeterDeclarations,
  subject: MeterSubject,
  payment: { id: string; amountMicro: bigint },
  atMs: number,
): void {
  for (const [name, declaration] of Object.entries(declarations)) {
    if (!takes(declaration, subject.kind)) continue;
    const group = groupOf(declaration, subject);
    const start = startOf(declaration, atMs);
    const cut = cutOf(declaration, atMs);
    if (cut !== null) dropOld(tx, name, group, cut);
    tx.run(
      `INSERT INTO meters (meter, grp, window_start, total_micro, count, last_at, oldest_at) VALUES (?, ?, ?, ?, 1, ?, ?)
       ON CONFLICT (meter, grp, window_start) DO UPDATE SET total_micro = total_micro + excluded.total_micro,
         count = count + 1, last_at = excluded.last_at, oldest_at = min(coalesce(oldest_at, excluded.oldest_at), excluded.oldest_at)`,
      name,
      group,
      start,
      payment.amountMicro,
      atMs,
      atMs,
    );
    tx.run(
      "INSERT INTO meter_entries (payment_id, meter, grp, window_start, amount_micro, at, state) VALUES (?, ?, ?, ?, ?, ?, 'live')",
      payment.id,
      name,
      group,
      start,
      payment.amountMicro,
      atMs,
    );
  }
}

/** Takes a payment that will never happen out of every meter it is still in, in the window where it counted. */
export function releaseFromMeters(tx: Tx, paymentId: string): void {
  const entries = tx.all<{ meter: string; grp: string; window_start: bigint; amount_micro: bigint }>(
    "SELECT meter, grp, window_start, amount_micro FROM meter_entries WHERE payment_id = ? AND state = 'live'",
    paymentId,
  );
  for (const entry of entries) {
    tx.run(
      'UPDATE meters SET total_micro = total_micro - ?, count = count - 1 WHERE meter = ? AND grp = ? AND window_start = ?',
      entry.amount_micro,
      entry.meter,
      entry.grp,
      entry.window_start,
    );
  }
  tx.run("UPDATE meter_entries SET state = 'released' WHERE payment_id = ? AND state = 'live'", paymentId);
}

/** Moves what fell out of a rolling window from its total to the past; each entry once in its life. */
function dropOld(tx: Tx, name: string, group: string, cut: number): void {
  const row = tx.get<{ oldest_at: bigint | null }>(
    'SELECT oldest_at FROM meters WHERE meter = ? AND grp = ? AND window_start = 0',
    name,
    group,
  );
  if (!row || row.oldest_at === null || Number(row.oldest_at) >= cut) return;
  const where = "meter = ? AND grp = ? AND at < ? AND state = 'live' AND window_start = 0";
  const sum = tx.get<{ total: bigint | null; count: bigint }>(
    `SELECT sum(amount_micro) AS total, coalesce(sum(counted), 0) AS count FROM meter_entries WHERE ${where}`,
    name,
    group,
    cut,
  );
  tx.run(`UPDATE meter_entries SET state = 'left' WHERE ${where}`, name, group, cut);
  const oldest = tx.get<{ at: bigint | null }>(
    "SELECT min(at) AS at FROM meter_entries WHERE meter = ? AND grp = ? AND state = 'live' AND window_start = 0",
    name,
    group,
  );
  tx.run(
    'UPDATE meters SET total_micro = total_micro - ?, count = count - ?, oldest_at = ? WHERE meter = ? AND grp = ? AND window_start = 0',
    sum?.total ?? 0n,
    sum?.count ?? 0n,
    oldest?.at ?? null,
    name,
    group,
  );
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

/** A rolling window has one row, at 0; what falls out of it is taken from its total. */
function startOf({ window }: MeterDeclaration, atMs: number): number {
  return window !== 'lifetime' && 'rolling' in window ? 0 : windowStart(window, atMs);
}

/** The start of a rolling window that ends now, or null for the other kinds. */
function cutOf({ window }: MeterDeclaration, atMs: number): number | null {
  return window !== 'lifetime' && 'rolling' in window ? windowStart(window, atMs) : null;
}
