import { appendEvent } from '../../books/ledger/events.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type AgentId, newId } from '../../core/ids/ids.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { canonical, LINES_MAX, type PayoutLine } from './line.ts';
import {
  findPayoutByKey,
  getPayout,
  insertPayout,
  linesAfter,
  openLines,
  type Payout,
  reopenLines,
  setPayoutState,
} from './payout.ts';
import { payoutEvent } from './runner.ts';

export type RequestedPayout = {
  agentId: AgentId;
  idempotencyKey: string;
  askedBy: string;
  lines: readonly PayoutLine[];
  hash: string;
  /** Requests the lines again that moved no money. */
  retry: boolean;
};

/**
 * Stores a checked payout for the runner, or continues the one under that key: a stopped one continues, and with `retry` its denied
 * lines are requested again. The same key with other lines is `idempotency_conflict`.
 */
export async function openPayout(
  tx: Tx,
  requested: RequestedPayout,
  atMs: number,
): Promise<{ payout: Payout; replayed: boolean }> {
  const { agentId, idempotencyKey, askedBy, lines, hash } = requested;
  const known = await findPayoutByKey(tx, agentId, idempotencyKey);
  if (known) return { payout: await goOn(tx, known, requested, atMs), replayed: true };
  const totalMicro = lines.reduce((sum, { amount }) => sum + amount, 0n);
  const payout: Payout = {
    id: newId('batch'),
    agentId,
    idempotencyKey,
    contentHash: hash,
    state: 'deciding',
    askedBy,
    total: lines.length,
    totalMicro,
    createdAtMs: atMs,
    updatedAtMs: atMs,
  };
  await insertPayout(tx, payout, lines);
  const data = { key: idempotencyKey, lines: lines.length, amount: formatUsdc(totalMicro), content_hash: hash };
  await appendEvent(tx, payoutEvent('payout.created', payout, askedBy, data), atMs);
  return { payout, replayed: false };
}

async function goOn(
  tx: Tx,
  payout: Payout,
  { askedBy, lines, hash, retry }: RequestedPayout,
  atMs: number,
): Promise<Payout> {
  await refuseChanged(tx, payout, lines, hash);
  const reopened = retry ? await reopenLines(tx, payout.id) : 0;
  if (payout.state === 'deciding' && reopened === 0) return payout;
  if ((await openLines(tx, payout.id, 1)).length === 0) return payout;
  await setPayoutState(tx, payout.id, { state: 'deciding', askedBy }, atMs);
  await appendEvent(tx, payoutEvent('payout.resumed', payout, askedBy, { from: payout.state, reopened }), atMs);
  return getPayout(tx, payout.id);
}

/** Throws `idempotency_conflict` with the lines that changed. */
export async function refuseChanged(
  tx: ReadTx,
  payout: Payout,
  lines: readonly PayoutLine[],
  hash: string,
): Promise<void> {
  if (payout.contentHash === hash) return;
  const before = new Map((await linesAfter(tx, payout.id, 0, LINES_MAX)).map((line) => [line.id, canonical(line)]));
  const other = lines.filter((line) => before.get(line.id) !== canonical(line));
  const ids = new Set(lines.map(({ id }) => id));
  const gone = [...before.keys()].filter((id) => !ids.has(id));
  throw new BursarError('idempotency_conflict', {
    message:
      'Another file was sent under this payout key. Send that file again to go on with it, or this one under a new key to pay all of it.',
    details: {
      payout: payout.id,
      changed_lines: other.slice(0, 20).map(({ line }) => line),
      missing_ids: gone.slice(0, 20),
    },
  });
}
