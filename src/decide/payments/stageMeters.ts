import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { beginGenerations, liveRows, makeLive, meterOf, rowsOfGenerations } from '../../books/meters/generations.ts';
import { ageRows } from '../../books/meters/meters.ts';
import { type Recounting, reaching, recountInto, recountRefundInto } from '../../books/meters/recount.ts';
import { flatMapInOrder } from '../../core/inOrder.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { type CountedRow, isCounted, sinceOf, subjectOf } from './recountMeters.ts';
import { anyAfter, countedById, eventsAfter, newestEvent, someIds } from './recountQueries.ts';
import type { Stage } from './stage.ts';

/** Rows that one page looks at, payments that it counts, and events that one round of catching up takes. Each is some milliseconds. */
const SCANNED = 2_000;
const COUNTED = 200;
const EVENTS = 500;
/** Payments that are recounted at once, in the activation's own transaction. */
const SHORT = 500;

export async function beginStage(
  tx: Tx,
  { declarations, nowMs, spares }: Pick<Stage, 'declarations' | 'nowMs' | 'spares'>,
): Promise<Stage> {
  const head = await tx.get(newestEvent);
  const generations = await beginGenerations(tx, Object.keys(declarations));
  return { declarations, generations, nowMs, spares, after: '', seenSeq: Number(head?.seq ?? 0), counted: 0 };
}

/** Whether the history is too long to be recounted in one transaction. */
export async function isLongHistory(tx: ReadTx, most = SHORT): Promise<boolean> {
  return (await tx.all(someIds, { limit: most + 1 })).length > most;
}

/** Counts the next payments of the history. False when there are none. */
export async function stagePage(tx: Tx, stage: Stage, most = COUNTED): Promise<boolean> {
  // By id alone, so that a page costs the same wherever in the history it stands. Ids are in order of time.
  const rows = await tx.all(anyAfter, { after: stage.after, limit: SCANNED });
  const since = hasCurrent(stage.declarations) ? 0 : sinceOf(stage.declarations, stage.nowMs);
  const recounting = await recountingOf(tx, stage);
  let counted = 0;
  for (const row of rows) {
    if (counted >= most) break;
    stage.after = row.id;
    if (since === null || Math.max(Number(row.created_at), Number(row.settled_at ?? 0)) < since) continue;
    if (await countRow(tx, stage, recounting, row)) counted += 1;
  }
  stage.counted += counted;
  return rows.length > 0;
}

/** Counts again what has changed since. Gives how many events it took; fewer than `limit` where it has caught up. */
export async function catchUp(tx: Tx, stage: Stage, limit = EVENTS): Promise<number> {
  const events = await tx.all(eventsAfter, { after: stage.seenSeq, limit });
  const ids = [...new Set(events.map(({ payment_id }) => payment_id))].filter((id) => id !== null);
  const recounting = await recountingOf(tx, stage);
  const rows = await flatMapInOrder(ids.sort(), (id) => tx.all(countedById, { id }));
  for (const row of rows) await countRow(tx, stage, recounting, row);
  stage.seenSeq = Number(events.at(-1)?.seq ?? stage.seenSeq);
  return events.length;
}

/** The last of what has changed, and from here on the staged rows decide. In the job that changes the policy. */
export async function finishStage(tx: Tx, stage: Stage): Promise<void> {
  while ((await catchUp(tx, stage)) > 0);
  await makeLive(tx, stage.generations);
}

/**
 * Meters that only a candidate has: counts what has happened since the group of requests before, by the events of payments, so
 * settlements, releases and refunds count too.
 */
export async function keepUp(tx: Tx, stage: Stage, atMs: number): Promise<void> {
  // A copy: where the transaction is undone, what it counted is counted again. Counting twice changes nothing.
  const draft = { ...stage };
  while ((await catchUp(tx, draft)) > 0);
  await ageRows(tx, stage.declarations, rowsOfGenerations(stage.generations), atMs);
  tx.afterCommit(() => {
    stage.seenSeq = Math.max(stage.seenSeq, draft.seenSeq);
  });
}

async function recountingOf(tx: Tx, { declarations, generations, spares }: Stage): Promise<Recounting> {
  const [live, rowsOf] = [await liveRows(tx), rowsOfGenerations(generations)];
  const isLeft = (stored: string): boolean => {
    const meter = meterOf(stored);
    const isMine = generations.has(meter) && stored === rowsOf(meter);
    return stored !== live(meter) && !isMine && !spares(stored);
  };
  return { declarations, rowsOf, isLeft };
}

/** A refund lowers the total of the window in which it arrives, however old its original: such a meter must know all payments. */
const hasCurrent = (declarations: MeterDeclarations): boolean =>
  Object.values(declarations).some(({ refunds }) => refunds === 'current');

const touching = (declarations: MeterDeclarations, atMs: number, nowMs: number): MeterDeclarations => ({
  ...reaching(declarations, atMs, nowMs),
  ...Object.fromEntries(Object.entries(declarations).filter(([, { refunds }]) => refunds === 'current')),
});

/** A payment that was released counts nowhere: its release took it out of the staged rows too. */
async function countRow(tx: Tx, stage: Stage, recounting: Recounting, row: CountedRow): Promise<boolean> {
  const { nowMs, declarations } = stage;
  const atMs = Number(row.created_at);
  const isIn = isCounted(row.state);
  if (isIn) {
    const mine = { ...recounting, declarations: touching(declarations, atMs, nowMs) };
    await recountInto(tx, mine, { id: row.id, amountMicro: row.amount_micro, subject: subjectOf(row), atMs });
  }
  if (row.refund_of === null || row.settled_at === null || !(row.state === 'settled' || row.state === 'final'))
    return isIn;
  const original = await tx.get(countedById, { id: row.refund_of });
  if (!original) return isIn;
  const settledAt = Number(row.settled_at);
  // One that arrived in a window lowers its total (`current`) though its original is older.
  const mine = touching(declarations, Math.max(Number(original.created_at), settledAt), nowMs);
  const refund = { id: row.id, originalId: row.refund_of, amountMicro: row.amount_micro };
  await recountRefundInto(tx, { ...recounting, declarations: mine }, refund, settledAt);
  return isIn;
}
