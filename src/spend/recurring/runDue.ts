import { appendEvent, type EventType } from '../../books/ledger/events.ts';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { formatUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import { nextOccurrence } from '../../core/time/cadence.ts';
import { missingDays } from '../../decide/mandates/missingDays.ts';
import { type GateContext, requestPayment } from '../../decide/payments/gate.ts';
import type { PaymentRequest } from '../../decide/payments/request.ts';
import type { Tx } from '../../store/store.ts';
import { endSchedule, newOccurrence, occurrenceAt, setNext } from './queries.ts';
import { dueSchedules, type Schedule } from './schedules.ts';

/** An occurrence handled within this time is on time: it covers the workers' interval, and a restart. */
const ON_TIME_MS = 60_000;
const SCHEDULES_PER_ROUND = 100;
/** A schedule that missed more occurrences catches up in later rounds. */
const OCCURRENCES_PER_ROUND = 20;

/**
 * Requests every due occurrence from the gate, each exactly once: the occurrence's row, the payment's key and the move to the next
 * one are one transaction, so a restart, a second instance or a clock set back cannot pay it twice. Missed ones are skipped, or
 * paid if they are at most `payWithinMs` late. In the caller's write transaction; returns the number of requests.
 */
export async function runDue(tx: Tx, context: GateContext): Promise<number> {
  let asked = 0;
  for (const schedule of await dueSchedules(tx, context.atMs, SCHEDULES_PER_ROUND)) {
    let due = schedule.nextAtMs;
    for (let round = 0; round < OCCURRENCES_PER_ROUND && due !== null && due <= context.atMs; round += 1) {
      if (await handle(tx, schedule, due, context)) asked += 1;
      due = await following(tx, schedule, due, context);
    }
    if (due === null) await tx.run(endSchedule, { id: schedule.id });
    else await tx.run(setNext, { id: schedule.id, next: due });
  }
  return asked;
}

/** Null if there is none, also if the library fails: one schedule's rule must not stop the others. */
async function following(tx: Tx, schedule: Schedule, dueAtMs: number, context: GateContext): Promise<number | null> {
  const { id, agentId, cadence } = schedule;
  try {
    const next = nextOccurrence(cadence, dueAtMs);
    if (next !== null) await noteMissingDays(tx, schedule, missingDays(cadence, dueAtMs, next), context.atMs);
    return next;
  } catch (error) {
    const detail = `the schedule ends here, its rule cannot be followed: ${error instanceof Error ? error.message : 'unknown'}`;
    const data = { schedule: id, due_at: new Date(dueAtMs).toISOString(), detail };
    await appendEvent(tx, { type: 'occurrence.refused', actor: 'bursar', agentId, data }, context.atMs);
    return null;
  }
}

/** A month without that day has no payment: an event reports it when the occurrence before it is handled. */
async function noteMissingDays(
  tx: Tx,
  { id, agentId }: Schedule,
  days: readonly string[],
  atMs: number,
): Promise<void> {
  for (const day of days) {
    const detail = 'The calendar has no such day, so the rule skips it. BYMONTHDAY=-1 is the last day of every month.';
    const data = { schedule: id, day, detail };
    await appendEvent(tx, { type: 'occurrence.skipped', actor: 'bursar', agentId, data }, atMs);
  }
}

/** Errors that the gate throws before it writes. */
const nothingToPay: ReadonlySet<string> = new Set([
  'payee_not_found',
  'payee_address_missing',
  'workflow_not_found',
  'forbidden_address',
]);

async function handle(tx: Tx, schedule: Schedule, dueAtMs: number, context: GateContext): Promise<boolean> {
  const done = await tx.get(occurrenceAt, { schedule: schedule.id, due: dueAtMs });
  if (done) return false;
  const occurrence = { schedule, dueAtMs };
  const lateMs = context.atMs - dueAtMs;
  if (lateMs > Math.max(schedule.payWithinMs, ON_TIME_MS)) {
    await note(
      tx,
      occurrence,
      { outcome: 'skipped', detail: `missed by ${Math.round(lateMs / 1000)} s` },
      context.atMs,
    );
    return false;
  }
  try {
    const { payment } = await requestPayment(tx, requestOf(schedule, dueAtMs), { ...context, actor: schedule.id });
    await note(tx, occurrence, { outcome: 'asked', paymentId: payment.id }, context.atMs);
    return true;
  } catch (error) {
    // The payee is gone or has no address: recorded, and the schedule continues with its next occurrence.
    if (!(error instanceof BursarError) || !nothingToPay.has(error.code)) throw error;
    await note(tx, occurrence, { outcome: 'refused', detail: error.code }, context.atMs);
    return false;
  }
}

async function note(
  tx: Tx,
  { schedule, dueAtMs }: { schedule: Schedule; dueAtMs: number },
  result: { outcome: 'asked'; paymentId: string } | { outcome: 'skipped' | 'refused'; detail: string },
  atMs: number,
): Promise<void> {
  const { outcome } = result;
  const payment = outcome === 'asked' ? result.paymentId : null;
  const detail = outcome === 'asked' ? null : result.detail;
  await tx.run(newOccurrence, { schedule: schedule.id, due: dueAtMs, outcome, payment, detail, at: atMs });
  if (outcome === 'asked') return;
  const type: EventType = outcome === 'skipped' ? 'occurrence.skipped' : 'occurrence.refused';
  const data = { schedule: schedule.id, due_at: new Date(dueAtMs).toISOString(), detail };
  await appendEvent(tx, { type, actor: 'bursar', agentId: schedule.agentId, data }, atMs);
}

function requestOf(schedule: Schedule, dueAtMs: number): PaymentRequest {
  const { payment } = schedule;
  const amount = microUsdc(BigInt(payment.amountMicro));
  const requestJson = JSON.stringify({
    ...payment,
    amount: formatUsdc(amount),
    schedule: schedule.id,
    due_at: dueAtMs,
  });
  return {
    agentId: schedule.agentId,
    // The leading space distinguishes it from callers' keys, which have none.
    idempotencyKey: ` recurring ${schedule.id} ${dueAtMs}`,
    bodyHash: sha256(requestJson),
    requestJson,
    kind: 'recurring',
    amount,
    payee: payment.payee,
    address: null,
    workflow: payment.workflow === null ? null : { ref: payment.workflow, run: null },
    category: payment.category,
    memo: payment.memo,
    refundOf: null,
    batchId: null,
    rail: 'wallet',
    host: null,
    x402: null,
  };
}
