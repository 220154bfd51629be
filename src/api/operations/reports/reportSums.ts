import { setImmediate } from 'node:timers/promises';
import { fromUUIDBytes } from 'typeid-js';
import { z } from 'zod';
import { calendarStart, zonedTime } from '../../../books/meters/calendar.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { prefixes } from '../../../core/ids/ids.ts';
import type { ReadTx, Store } from '../../../store/store.ts';
import type { App } from '../app.ts';
import type { Asked, CountRow } from './reportQueries.ts';

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
export const WEEK_MS = 7 * DAY_MS;

/** Ids sort by time, so the primary key finds a span: the first id that could be of this ms. */
export function firstIdAt(kind: 'payment' | 'receivable', ms: number): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.max(0, ms)) << 16n);
  return fromUUIDBytes(prefixes[kind], bytes).toString();
}

const Counts = z.object({
  payments: z.int().describe('Asked for'),
  settled: z.int(),
  denied: z.int(),
  failed: z.int().describe('Failed, rejected, expired or cancelled'),
  open: z.int().describe('Still on its way, or in review'),
  exceptions: z.int().describe('Sent to review'),
});
export const Rates = Counts.extend({
  completion_rate: z.number().nullable().describe('Settled, as a share of those that ended and were not denied'),
  exception_rate: z.number().nullable().describe('Sent to review, as a share of all requests'),
  median_review_seconds: z.number().nullable().describe('From the request to the answer that ended its review'),
});

export function rates(row: CountRow, reviewsMs: number[]): z.input<typeof Rates> {
  const [settled, failed] = [Number(row.settled), Number(row.failed)];
  const [all, exceptions] = [Number(row.payments), Number(row.exceptions)];
  const share = (part: number, of: number): number | null =>
    of === 0 ? null : Math.round((part / of) * 10_000) / 10_000;
  return {
    payments: all,
    settled,
    denied: Number(row.denied),
    failed,
    open: Number(row.open),
    exceptions,
    completion_rate: share(settled, settled + failed),
    exception_rate: share(exceptions, all),
    median_review_seconds: median(reviewsMs),
  };
}

export function median(ms: number[]): number | null {
  if (ms.length === 0) return null;
  const sorted = [...ms].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[middle] ?? 0];
  return Math.round((low + high) / 2) / 1000;
}

export type Span = { fromMs: number; toMs: number };
/** What finds the payments that were asked for in a span: ids and times may differ by a little. */
export const askedIn = ({ fromMs, toMs }: Span): Asked => ({
  first: firstIdAt('payment', fromMs - HOUR_MS),
  end: firstIdAt('payment', toMs + HOUR_MS),
  from: fromMs,
  to: toMs,
});

/** The zone of reports: the one that was asked for, else the policy's own. Throws `invalid_request` for no IANA zone. */
export async function zoneOf(app: App, asked: string | undefined): Promise<string> {
  if (asked === undefined)
    return (await app.policies.list()).some(({ active }) => active) ? app.policies.active().settings.timezone : 'UTC';
  try {
    zonedTime(0, asked);
  } catch {
    throw new BursarError('invalid_request', {
      message: `"${asked.slice(0, 60)}" is no time zone, as Europe/Berlin is.`,
    });
  }
  return asked;
}

/** The days of a span in a zone, or its hours: the first begins with the span. A day of a change of clocks has 23 or 25 hours. */
export function slicesOf({ fromMs, toMs }: Span, unit: 'hour' | 'day', zone: string): Span[] {
  const slices: Span[] = [];
  // From the middle of a day, a day later is the next one, whatever its clocks do.
  const step = unit === 'day' ? DAY_MS * 1.5 : HOUR_MS;
  for (let startMs = fromMs; startMs < toMs; ) {
    const nextMs = calendarStart(unit, zone, calendarStart(unit, zone, startMs) + step);
    slices.push({ fromMs: startMs, toMs: Math.min(nextMs, toMs) });
    startMs = nextMs;
  }
  return slices;
}

/**
 * Reads slice by slice and lets payments through in between: the database is read on the same thread as the gate decides, and
 * a month can hold a million payments.
 */
export async function bySlice(
  app: App,
  slices: readonly Span[],
  cost: Cost,
  read: (tx: ReadTx, slice: Span) => Promise<void>,
): Promise<void> {
  for (const slice of slices) {
    const startedMs = performance.now();
    await app.store.read((tx) => read(tx, slice));
    cost.ms += performance.now() - startedMs;
    await setImmediate();
  }
}

/** Time that the database was read for, ms. */
export type Cost = { ms: number };

/** Answers that cost much are given again for a while: many open pages must not keep the gate busy. */
const KEEP_FACTOR = 20;
const kept = new WeakMap<Store, Map<string, { answer: Promise<unknown>; untilMs: number }>>();

export function keeping<T>(app: App, key: string, find: (cost: Cost) => Promise<T>): Promise<T> {
  const answers = kept.get(app.store) ?? new Map<string, { answer: Promise<unknown>; untilMs: number }>();
  kept.set(app.store, answers);
  const nowMs = performance.now();
  for (const [old, { untilMs }] of answers) if (untilMs < nowMs) answers.delete(old);
  const known = answers.get(key);
  if (known) return known.answer as Promise<T>;
  const cost = { ms: 0 };
  const entry = { answer: find(cost), untilMs: Number.POSITIVE_INFINITY };
  answers.set(key, entry);
  const end = (): void => {
    entry.untilMs = performance.now() + KEEP_FACTOR * cost.ms;
  };
  entry.answer.then(end, () => answers.delete(key));
  return entry.answer;
}

export const none: CountRow = { payments: 0n, settled: 0n, denied: 0n, failed: 0n, open: 0n, exceptions: 0n };

export function add(sum: CountRow, more: CountRow | undefined): void {
  for (const name of Object.keys(sum) as (keyof CountRow)[]) sum[name] += more?.[name] ?? 0n;
}
