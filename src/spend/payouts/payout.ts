import { BursarError } from '../../core/errors/base.ts';
import type { AgentId, Id } from '../../core/ids/ids.ts';
import { toJson } from '../../core/money/json.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import { mayStillPay } from '../../decide/identity/standing.ts';
import type { ReadTx, SqlValue, Tx } from '../../store/store.ts';
import type { PayoutLine } from './line.ts';

/**
 * `deciding`: lines go through the gate. `decided`: each has its answer. `stopped`: by a person, or since the key or person that
 * asked was revoked; the same file sent again goes on.
 */
export type PayoutState = 'deciding' | 'decided' | 'stopped';
export type PayoutId = Id<'batch'>;
export type Payout = {
  id: PayoutId;
  agentId: AgentId;
  idempotencyKey: string;
  contentHash: string;
  state: PayoutState;
  /** On whose word the lines are decided: a credential, or the approver behind a session. */
  askedBy: string;
  total: number;
  totalMicro: bigint;
  createdAtMs: number;
  updatedAtMs: number;
};
/** A stored line. `attempt` goes up when a line that moved nothing is asked for again. */
export type StoredLine = PayoutLine & {
  attempt: number;
  paymentId: string | null;
  refused: { code: string; message: string } | null;
};

type Row = {
  id: string;
  agent_id: string;
  idempotency_key: string;
  content_hash: string;
  state: string;
  asked_by: string;
  total: bigint;
  total_micro: bigint;
  created_at: bigint;
  updated_at: bigint;
};
const toPayout = (row: Row): Payout => ({
  id: row.id as PayoutId,
  agentId: row.agent_id as AgentId,
  idempotencyKey: row.idempotency_key,
  contentHash: row.content_hash,
  state: row.state as PayoutState,
  askedBy: row.asked_by,
  total: Number(row.total),
  totalMicro: row.total_micro,
  createdAtMs: Number(row.created_at),
  updatedAtMs: Number(row.updated_at),
});

type LineRow = {
  line: bigint;
  line_id: string;
  amount_micro: bigint;
  payee: string | null;
  address: string | null;
  category: string | null;
  memo: string | null;
  workflow: string | null;
  run: string | null;
  attempt: bigint;
  payment_id: string | null;
  refused_code: string | null;
  refused_message: string | null;
};
const toLine = (row: LineRow): StoredLine => ({
  line: Number(row.line),
  id: row.line_id,
  amount: microUsdc(row.amount_micro),
  payee: row.payee,
  address: row.address as StoredLine['address'],
  category: row.category,
  memo: row.memo,
  workflow: row.workflow,
  run: row.run,
  attempt: Number(row.attempt),
  paymentId: row.payment_id,
  refused: row.refused_code === null ? null : { code: row.refused_code, message: row.refused_message ?? '' },
});

/** Stores a payout with all of its lines, in one statement for the lines: ten thousand take some tens of milliseconds. */
export function insertPayout(tx: Tx, payout: Payout, lines: readonly PayoutLine[]): void {
  const { id, agentId, idempotencyKey, contentHash, state, askedBy, total, totalMicro, createdAtMs } = payout;
  tx.run(
    `INSERT INTO payouts (id, agent_id, idempotency_key, content_hash, state, asked_by, total, total_micro, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[id, agentId, idempotencyKey, contentHash, state, askedBy, total, totalMicro, createdAtMs, createdAtMs],
  );
  // Amounts travel as text: SQLite casts them to 64-bit integers, not through a float.
  const text = toJson(lines);
  tx.run(
    `INSERT INTO payout_lines (payout_id, line, line_id, amount_micro, payee, address, category, memo, workflow, run)
     SELECT ?, value ->> 'line', value ->> 'id', CAST(value ->> 'amount' AS INTEGER), value ->> 'payee', value ->> 'address',
       value ->> 'category', value ->> 'memo', value ->> 'workflow', value ->> 'run' FROM json_each(?)`,
    id,
    text,
  );
}

export function findPayoutByKey(tx: ReadTx, agentId: string, key: string): Payout | null {
  const row = tx.get<Row>('SELECT * FROM payouts WHERE agent_id = ? AND idempotency_key = ?', agentId, key);
  return row ? toPayout(row) : null;
}

/** Throws `payout_not_found`. */
export function getPayout(tx: ReadTx, id: string): Payout {
  const row = tx.get<Row>('SELECT * FROM payouts WHERE id = ?', id);
  if (!row) throw new BursarError('payout_not_found', { details: { payout: id } });
  return toPayout(row);
}

export function listPayouts(
  tx: ReadTx,
  agentId: string | undefined,
  before: string | undefined,
  limit: number,
): Payout[] {
  const where = ['1 = 1', ...(agentId ? ['agent_id = ?'] : []), ...(before ? ['id < ?'] : [])].join(' AND ');
  const values = [agentId, before].filter((value) => value !== undefined);
  return tx.all<Row>(`SELECT * FROM payouts WHERE ${where} ORDER BY id DESC LIMIT ?`, ...values, limit).map(toPayout);
}

/** Those with lines to decide, the oldest first. */
export function workingPayouts(tx: ReadTx): Payout[] {
  return tx.all<Row>("SELECT * FROM payouts WHERE state = 'deciding' ORDER BY id LIMIT 100").map(toPayout);
}

export function setPayoutState(tx: Tx, id: string, state: PayoutState, askedBy: string, atMs: number): void {
  const sql = 'UPDATE payouts SET state = ?, asked_by = ?, updated_at = ? WHERE id = ?';
  tx.run(sql, state, askedBy, atMs, id);
}

/** Whether its lines may still be decided: nobody stopped it, and who asked may still act. */
export function mayDecide(tx: ReadTx, payoutId: string): boolean {
  const sql = "SELECT asked_by FROM payouts WHERE id = ? AND state = 'deciding'";
  const row = tx.get<{ asked_by: string }>(sql, payoutId);
  return row !== undefined && mayStillPay(tx, row.asked_by);
}

/** From `deciding` to `decided` where no line is open; false where there is one, or somebody stopped it. */
export function closePayout(tx: Tx, payoutId: string, atMs: number): boolean {
  const sql = `UPDATE payouts SET state = 'decided', updated_at = ? WHERE id = ? AND state = 'deciding' AND NOT EXISTS
    (SELECT 1 FROM payout_lines WHERE payout_id = payouts.id AND payment_id IS NULL AND refused_code IS NULL)`;
  return tx.run(sql, atMs, payoutId) === 1;
}

/** The first lines that have no answer yet. */
export function openLines(tx: ReadTx, payoutId: string, limit: number): StoredLine[] {
  return lineRows(tx, 'payment_id IS NULL AND refused_code IS NULL', [payoutId, limit]);
}

/** In the file's order, those after a line. */
export function linesAfter(tx: ReadTx, payoutId: string, after: number, limit: number): StoredLine[] {
  return lineRows(tx, 'line > ?', [payoutId, after, limit]);
}

function lineRows(tx: ReadTx, clause: string, values: SqlValue[]): StoredLine[] {
  return tx
    .all<LineRow>(`SELECT * FROM payout_lines WHERE payout_id = ? AND ${clause} ORDER BY line LIMIT ?`, ...values)
    .map(toLine);
}

export function answerLine(tx: Tx, payoutId: string, line: number, paymentId: string): void {
  tx.run('UPDATE payout_lines SET payment_id = ? WHERE payout_id = ? AND line = ?', paymentId, payoutId, line);
}

export function refuseLine(tx: Tx, payoutId: string, line: number, refused: { code: string; message: string }): void {
  const sql = 'UPDATE payout_lines SET refused_code = ?, refused_message = ? WHERE payout_id = ? AND line = ?';
  tx.run(sql, refused.code, refused.message, payoutId, line);
}

/** What moved nothing and cannot any more. What a person rejected or took back is not among it: that was meant. */
const movedNothing = `(refused_code IS NOT NULL
  OR payment_id IN (SELECT id FROM payments WHERE batch_id = ? AND state IN ('denied', 'expired', 'failed')))`;

/** Lines that can be asked for again, as they would be then. */
export function reopenableLines(tx: ReadTx, payoutId: string): StoredLine[] {
  return tx
    .all<LineRow>(
      `SELECT * FROM payout_lines WHERE payout_id = ? AND ${movedNothing} ORDER BY line`,
      payoutId,
      payoutId,
    )
    .map((row) => ({ ...toLine(row), attempt: Number(row.attempt) + 1, paymentId: null, refused: null }));
}

/** Opens those lines for another attempt. Gives how many. */
export function reopenLines(tx: Tx, payoutId: string): number {
  return tx.run(
    `UPDATE payout_lines SET attempt = attempt + 1, payment_id = NULL, refused_code = NULL, refused_message = NULL
     WHERE payout_id = ? AND ${movedNothing}`,
    payoutId,
    payoutId,
  );
}

/** `waiting`: not asked for yet. `refused`: there was nothing to decide on. */
export type LineState = PaymentState | 'waiting' | 'refused';
export type Progress = Map<LineState, { lines: number; micro: bigint }>;

/** How many lines stand where, and what is in them. */
export function progressOf(tx: ReadTx, payoutId: string): Progress {
  const rows = tx.all<{ state: string; lines: bigint; micro: bigint }>(
    `SELECT CASE WHEN l.refused_code IS NOT NULL THEN 'refused' ELSE coalesce(p.state, 'waiting') END AS state,
       count(*) AS lines, sum(l.amount_micro) AS micro
     FROM payout_lines l LEFT JOIN payments p ON p.id = l.payment_id WHERE l.payout_id = ? GROUP BY 1`,
    payoutId,
  );
  return new Map(rows.map(({ state, lines, micro }) => [state as LineState, { lines: Number(lines), micro }]));
}

/** What was sent for it: transactions that were mined with their gas, and those that are not yet. */
export function sentFor(tx: ReadTx, payoutId: string): { mined: number; open: number; gasUsed: bigint } {
  const row = tx.get<{ mined: bigint; open: bigint; gas: bigint | null }>(
    `SELECT count(*) FILTER (WHERE state IN ('mined', 'final')) AS mined,
       count(*) FILTER (WHERE state IN ('queued', 'pending')) AS open, sum(gas_used) AS gas
     FROM transactions WHERE id IN
       (SELECT t.transaction_id FROM payments p JOIN transaction_payments t ON t.payment_id = p.id WHERE p.batch_id = ?)`,
    payoutId,
  );
  return { mined: Number(row?.mined ?? 0n), open: Number(row?.open ?? 0n), gasUsed: row?.gas ?? 0n };
}
