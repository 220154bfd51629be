import { BursarError } from '../../core/errors/base.ts';
import type { AgentId, Id } from '../../core/ids/ids.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import { stillAuthorized } from '../../decide/identity/stillAuthorized.ts';
import { query, type RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { PayoutLine } from './line.ts';
import {
  closeDecided,
  decidingPayout,
  linesByState,
  linesFrom,
  linesThatMovedNothing,
  newLine,
  newPayout,
  oldestDeciding,
  payoutById,
  payoutByKey,
  reopenThoseLines,
  setLinePayment,
  setLineRefused,
  setState,
  transactionsFor,
  unansweredLines,
} from './queries.ts';

/**
 * `deciding`: lines go through the gate. `decided`: each has its answer. `stopped`: by a person, or because the key or person that
 * requested it was revoked; sending the same file again continues it.
 */
export type PayoutState = 'deciding' | 'decided' | 'stopped';
export type PayoutId = Id<'batch'>;
export type Payout = {
  id: PayoutId;
  agentId: AgentId;
  idempotencyKey: string;
  contentHash: string;
  state: PayoutState;
  /** The authority for the lines: a credential, or the approver of a session. */
  askedBy: string;
  total: number;
  totalMicro: bigint;
  createdAtMs: number;
  updatedAtMs: number;
};
/** A stored line. `attempt` grows when a line that moved no money is requested again. */
export type StoredLine = PayoutLine & {
  attempt: number;
  paymentId: string | null;
  refused: { code: string; message: string } | null;
};

const toPayout = (row: RowOf<typeof payoutById>): Payout => ({
  id: row.id as PayoutId,
  agentId: row.agent_id as AgentId,
  idempotencyKey: row.idempotency_key,
  contentHash: row.content_hash,
  state: row.state,
  askedBy: row.asked_by,
  total: Number(row.total),
  totalMicro: row.total_micro,
  createdAtMs: Number(row.created_at),
  updatedAtMs: Number(row.updated_at),
});

const toLine = (row: RowOf<typeof linesFrom>): StoredLine => ({
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

/** Stores a payout with all its lines: ten thousand take some tens of milliseconds. */
export async function insertPayout(tx: Tx, payout: Payout, lines: readonly PayoutLine[]): Promise<void> {
  const { id, agentId: agent, idempotencyKey: key, contentHash: hash, state, askedBy, total, totalMicro } = payout;
  await tx.run(newPayout, { id, agent, key, hash, state, askedBy, total, micro: totalMicro, at: payout.createdAtMs });
  for (const { amount, ...line } of lines) await tx.run(newLine, { ...line, payout: id, micro: amount });
}

export async function findPayoutByKey(tx: ReadTx, agentId: string, key: string): Promise<Payout | null> {
  const row = await tx.get(payoutByKey, { agent: agentId, key });
  return row ? toPayout(row) : null;
}

/** Throws `payout_not_found`. */
export async function getPayout(tx: ReadTx, id: string): Promise<Payout> {
  const row = await tx.get(payoutById, { id });
  if (!row) throw new BursarError('payout_not_found', { details: { payout: id } });
  return toPayout(row);
}

export async function listPayouts(
  tx: ReadTx,
  agentId: string | undefined,
  before: string | undefined,
  limit: number,
): Promise<Payout[]> {
  const found = query((db) => {
    let rows = db.selectFrom('payouts').selectAll().orderBy('id', 'desc').limit(limit);
    if (agentId) rows = rows.where('agent_id', '=', agentId);
    if (before) rows = rows.where('id', '<', before);
    return rows;
  });
  return (await tx.all(found)).map(toPayout);
}

/** Payouts with undecided lines, oldest first. */
export async function workingPayouts(tx: ReadTx): Promise<Payout[]> {
  return (await tx.all(oldestDeciding)).map(toPayout);
}

export async function setPayoutState(
  tx: Tx,
  id: string,
  { state, askedBy }: Pick<Payout, 'state' | 'askedBy'>,
  atMs: number,
): Promise<void> {
  await tx.run(setState, { id, state, askedBy, at: atMs });
}

/** Tells whether its lines may still be decided: it was not stopped, and its requester is still authorized. */
export async function mayDecide(tx: ReadTx, payoutId: string): Promise<boolean> {
  const row = await tx.get(decidingPayout, { id: payoutId });
  return row !== undefined && (await stillAuthorized(tx, row.asked_by));
}

/** From `deciding` to `decided` if no line is open; false if one is, or if the payout was stopped. */
export async function closePayout(tx: Tx, payoutId: string, atMs: number): Promise<boolean> {
  return (await tx.run(closeDecided, { id: payoutId, at: atMs })) === 1;
}

/** The first lines without an answer. */
export async function openLines(tx: ReadTx, payoutId: string, limit: number): Promise<StoredLine[]> {
  return (await tx.all(unansweredLines, { payout: payoutId, limit })).map(toLine);
}

/** The lines after a given one, in the file's order. */
export async function linesAfter(tx: ReadTx, payoutId: string, after: number, limit: number): Promise<StoredLine[]> {
  return (await tx.all(linesFrom, { payout: payoutId, after, limit })).map(toLine);
}

export async function answerLine(tx: Tx, payoutId: string, line: number, paymentId: string): Promise<void> {
  await tx.run(setLinePayment, { payout: payoutId, line, payment: paymentId });
}

export async function refuseLine(
  tx: Tx,
  payoutId: string,
  line: number,
  refused: { code: string; message: string },
): Promise<void> {
  await tx.run(setLineRefused, { payout: payoutId, line, ...refused });
}

/** Lines that can be requested again, with the next attempt. */
export async function reopenableLines(tx: ReadTx, payoutId: string): Promise<StoredLine[]> {
  return (await tx.all(linesThatMovedNothing, { payout: payoutId })).map((row) => ({
    ...toLine(row),
    attempt: Number(row.attempt) + 1,
    paymentId: null,
    refused: null,
  }));
}

/** Opens those lines for another attempt. Returns their number. */
export async function reopenLines(tx: Tx, payoutId: string): Promise<number> {
  return tx.run(reopenThoseLines, { payout: payoutId });
}

/** `waiting`: not requested yet. `refused`: there was nothing to decide. */
export type LineState = PaymentState | 'waiting' | 'refused';
export type Progress = Map<LineState, { lines: number; micro: bigint }>;

/** The number and the sum of the lines in each state. */
export async function progressOf(tx: ReadTx, payoutId: string): Promise<Progress> {
  const rows = await tx.all(linesByState, { payout: payoutId });
  return new Map(rows.map(({ state, lines, micro }) => [state as LineState, { lines: Number(lines), micro }]));
}

/** Its transactions: the mined ones with their gas, and those that are not mined yet. */
export async function sentFor(tx: ReadTx, payoutId: string): Promise<{ mined: number; open: number; gasUsed: bigint }> {
  const row = await tx.get(transactionsFor, { payout: payoutId });
  return { mined: Number(row?.mined ?? 0n), open: Number(row?.open ?? 0n), gasUsed: row?.gas ?? 0n };
}
