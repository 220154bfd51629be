import { appendEvent } from '../../books/ledger/events.ts';
import { type Id, newId } from '../../core/ids/ids.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { type Endpoint, getEndpoint, listEndpoints, wants } from './endpoints.ts';

export type NoticeId = Id<'notice'>;
/** What happened, as the event log has it. */
export type NoticeEvent = {
  seq: number;
  at: string;
  type: string;
  payment: string | null;
  agent: string | null;
  data: Record<string, unknown>;
};
export type Notice = { id: NoticeId; endpoint: Endpoint; event: NoticeEvent; attempts: number };

const CURSOR = 'notices:cursor';
const EVENTS_PER_ROUND = 500;

/** Waits after each failed attempt; after the last one the notice is dead and waits for a person to send it again. */
export const BACKOFF_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000, 86_400_000] as const;

/**
 * Makes a notice for each endpoint that wants an event, from the event log on: an event can be neither missed nor told of twice,
 * since the log's cursor moves in the same transaction. Endpoints hear of what happens after they were added.
 */
export function fillOutbox(tx: Tx, atMs: number): number {
  const cursor = BigInt(tx.get<{ value: string }>('SELECT value FROM settings WHERE name = ?', CURSOR)?.value ?? '-1');
  const head = tx.get<{ seq: bigint | null }>('SELECT max(seq) AS seq FROM events')?.seq ?? 0n;
  if (cursor < 0n) return moveCursor(tx, head);
  if (head === cursor) return 0;
  const endpoints = listEndpoints(tx);
  const last = cursor + BigInt(EVENTS_PER_ROUND) < head ? cursor + BigInt(EVENTS_PER_ROUND) : head;
  if (endpoints.length === 0) return moveCursor(tx, last);
  const rows = tx.all<{ seq: bigint; type: string }>(
    'SELECT seq, type FROM events WHERE seq > ? AND seq <= ? ORDER BY seq',
    cursor,
    last,
  );
  let made = 0;
  for (const { seq, type } of rows) {
    for (const endpoint of endpoints) {
      if (!wants(endpoint, type)) continue;
      made += tx.run(
        "INSERT INTO notices (id, endpoint_id, event_seq, state, next_at) VALUES (?, ?, ?, 'pending', ?) ON CONFLICT DO NOTHING",
        newId('notice'),
        endpoint.id,
        seq,
        atMs,
      );
    }
  }
  moveCursor(tx, last);
  return made;
}

function moveCursor(tx: Tx, seq: bigint): 0 {
  tx.run(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    CURSOR,
    seq.toString(),
  );
  return 0;
}

export function dueNotices(tx: ReadTx, atMs: number, limit: number): Notice[] {
  return tx
    .all<{ id: string; endpoint_id: string; attempts: bigint; body: string }>(
      `SELECT n.id, n.endpoint_id, n.attempts, e.body FROM notices n JOIN events e ON e.seq = n.event_seq
       WHERE n.state = 'pending' AND n.next_at <= ? ORDER BY n.next_at, n.id LIMIT ?`,
      atMs,
      limit,
    )
    .map((row) => ({
      id: row.id as NoticeId,
      endpoint: getEndpoint(tx, row.endpoint_id),
      event: JSON.parse(row.body) as NoticeEvent,
      attempts: Number(row.attempts),
    }));
}

export function noteDelivered(tx: Tx, id: string, atMs: number): void {
  tx.run(
    "UPDATE notices SET state = 'delivered', attempts = attempts + 1, delivered_at = ?, last_error = NULL WHERE id = ? AND state = 'pending'",
    atMs,
    id,
  );
}

export function noteFailed(tx: Tx, notice: Notice, error: string, atMs: number): void {
  const wait = BACKOFF_MS[notice.attempts];
  const state = wait === undefined ? 'dead' : 'pending';
  const changed = tx.run(
    "UPDATE notices SET state = ?, attempts = attempts + 1, next_at = ?, last_error = ? WHERE id = ? AND state = 'pending'",
    state,
    atMs + (wait ?? 0),
    error.slice(0, 300),
    notice.id,
  );
  if (changed === 0 || state !== 'dead') return;
  const data = { notice: notice.id, endpoint: notice.endpoint.id, event: notice.event.seq, error: error.slice(0, 300) };
  appendEvent(tx, { type: 'notice.dead', actor: 'bursar', data }, atMs);
}

/** Sends a notice again, dead or delivered: a person asked for it. */
export function redeliver(tx: Tx, id: string, atMs: number): boolean {
  return tx.run("UPDATE notices SET state = 'pending', attempts = 0, next_at = ? WHERE id = ?", atMs, id) === 1;
}
