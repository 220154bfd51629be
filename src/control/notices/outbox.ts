import { appendEvent } from '../../books/ledger/events.ts';
import { type Id, newId } from '../../core/ids/ids.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { putSetting, settingOf } from '../../store/settings.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { type Endpoint, getEndpoint, listEndpoints, wants } from './endpoints.ts';
import { eventsBetween, newestEvent, newNotice, noticesDue, setDelivered, setFailed, setPending } from './queries.ts';

export type NoticeId = Id<'notice'>;
/** An event as it is in the event log. */
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

/** The wait after each failed attempt; after the last one the notice is dead until a person sends it again. */
export const BACKOFF_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000, 86_400_000] as const;

/**
 * Makes a notice for each endpoint that wants an event. The cursor in the event log moves in the same transaction, so no event is
 * missed or sent as two notices. An endpoint gets only events from after it was added.
 */
export async function fillOutbox(tx: Tx, atMs: number): Promise<number> {
  const cursor = BigInt((await settingOf(tx, CURSOR)) ?? '-1');
  const head = (await tx.get(newestEvent))?.seq ?? 0n;
  if (cursor < 0n) return moveCursor(tx, head);
  if (head === cursor) return 0;
  const endpoints = await listEndpoints(tx);
  const last = cursor + BigInt(EVENTS_PER_ROUND) < head ? cursor + BigInt(EVENTS_PER_ROUND) : head;
  if (endpoints.length === 0) return moveCursor(tx, last);
  let made = 0;
  for (const { seq, type } of await tx.all(eventsBetween, { after: cursor, last })) {
    for (const endpoint of endpoints) {
      if (!wants(endpoint, type)) continue;
      made += await tx.run(newNotice, { id: newId('notice'), endpoint: endpoint.id, event: seq, at: atMs });
    }
  }
  await moveCursor(tx, last);
  return made;
}

async function moveCursor(tx: Tx, seq: bigint): Promise<0> {
  await putSetting(tx, CURSOR, seq.toString());
  return 0;
}

export async function dueNotices(tx: ReadTx, atMs: number, limit: number): Promise<Notice[]> {
  return mapInOrder(await tx.all(noticesDue, { at: atMs, limit }), async (row) => ({
    id: row.id as NoticeId,
    endpoint: await getEndpoint(tx, row.endpoint_id),
    event: JSON.parse(row.body) as NoticeEvent,
    attempts: Number(row.attempts),
  }));
}

export async function noteDelivered(tx: Tx, id: string, atMs: number): Promise<void> {
  await tx.run(setDelivered, { id, at: atMs });
}

export async function noteFailed(tx: Tx, notice: Notice, error: string, atMs: number): Promise<void> {
  const wait = BACKOFF_MS[notice.attempts];
  const state = wait === undefined ? 'dead' : 'pending';
  const changed = await tx.run(setFailed, {
    id: notice.id,
    state,
    next: atMs + (wait ?? 0),
    error: error.slice(0, 300),
  });
  if (changed === 0 || state !== 'dead') return;
  const data = { notice: notice.id, endpoint: notice.endpoint.id, event: notice.event.seq, error: error.slice(0, 300) };
  await appendEvent(tx, { type: 'notice.dead', actor: 'bursar', data }, atMs);
}

/** Sends a notice again, dead or delivered, at a person's request. */
export async function redeliver(tx: Tx, id: string, atMs: number): Promise<boolean> {
  return (await tx.run(setPending, { id, at: atMs })) === 1;
}
