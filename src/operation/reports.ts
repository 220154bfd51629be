import { stringify } from 'csv-stringify/sync';
import { fromUUIDBytes } from 'typeid-js';
import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { prefixes } from '../ids/ids.ts';
import type { ReadTx } from '../store/store.ts';
import { operation } from './operation.ts';
import { AmountView, amountView, iso } from './schemas.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * DAY_MS;
/** The epoch was a Thursday; weeks begin on Monday (ISO 8601), in UTC. */
const MONDAY_MS = 3 * DAY_MS;
/** A payment that settles in a span was asked for at most this long before it: reviews end earlier. */
const LEAD_MS = 60 * DAY_MS;
const GROUPS_MAX = 8;

/** Ids sort by time, so the primary key finds a span: the first id that could be of this ms. */
function firstIdAt(ms: number): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.max(0, ms)) << 16n);
  return fromUUIDBytes(prefixes.payment, bytes).toString();
}

const groupings = ['agent', 'category', 'payee'] as const;
const groupSql: Record<(typeof groupings)[number], string> = {
  agent: '(SELECT name FROM agents WHERE id = p.agent_id)',
  category: "coalesce(p.category, 'none')",
  payee: '(SELECT name FROM payees WHERE id = p.payee_id)',
};
/** Money that leaves an agent for good: moving it into the own purse is not spending, giving it back neither. */
const SPEND = "p.kind NOT IN ('top_up', 'refund') AND p.state IN ('settled', 'final')";
const ASKED = "p.kind <> 'top_up'";

const Counts = z.object({
  payments: z.int().describe('Asked for'),
  settled: z.int(),
  denied: z.int(),
  failed: z.int().describe('Failed, rejected, expired or cancelled'),
  open: z.int().describe('Still on its way, or in review'),
  exceptions: z.int().describe('Needed a person'),
});
const Rates = Counts.extend({
  completion_rate: z.number().nullable().describe('Settled, of those that were not denied and came to an end'),
  exception_rate: z.number().nullable().describe('Needed a person, of all'),
  median_review_seconds: z.number().nullable().describe('From the request to the answer that ended its review'),
});
type CountRow = Record<'payments' | 'settled' | 'denied' | 'failed' | 'open' | 'exceptions', bigint>;
const COUNTS = `count(*) AS payments,
  sum(p.state IN ('settled', 'final')) AS settled, sum(p.state = 'denied') AS denied,
  sum(p.state IN ('failed', 'rejected', 'expired', 'cancelled')) AS failed,
  sum(p.state IN ('in_review', 'authorized', 'submitted')) AS open,
  sum(p.review_json IS NOT NULL) AS exceptions`;

function rates(row: CountRow, reviewsMs: number[]): z.input<typeof Rates> {
  const n = (value: bigint | null): number => Number(value ?? 0n);
  const [settled, failed, all, exceptions] = [n(row.settled), n(row.failed), n(row.payments), n(row.exceptions)];
  const share = (part: number, of: number): number | null =>
    of === 0 ? null : Math.round((part / of) * 10_000) / 10_000;
  return {
    payments: all,
    settled,
    denied: n(row.denied),
    failed,
    open: n(row.open),
    exceptions,
    completion_rate: share(settled, settled + failed),
    exception_rate: share(exceptions, all),
    median_review_seconds: median(reviewsMs),
  };
}

function median(ms: number[]): number | null {
  if (ms.length === 0) return null;
  const sorted = [...ms].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[middle] ?? 0];
  return Math.round((low + high) / 2) / 1000;
}

const REVIEW_MS = `SELECT max(a.signed_at) - p.created_at AS ms, p.workflow_id, (p.created_at + ${MONDAY_MS}) / ${WEEK_MS} AS week
  FROM approvals a JOIN payments p ON p.id = a.payment_id
  WHERE p.id >= ? AND p.created_at >= ? AND p.created_at < ? AND p.state <> 'in_review' GROUP BY p.id`;
type ReviewRow = { ms: bigint; workflow_id: string | null; week: bigint };

type Span = { fromMs: number; toMs: number };
const spanValues = ({ fromMs, toMs }: Span) => [firstIdAt(fromMs - HOUR_MS), fromMs, toMs] as const;

const Overview = z.object({
  from: z.string(),
  to: z.string(),
  spend: AmountView,
  revenue: AmountView,
  balance: AmountView.describe("All agents' wallets and purses now, by the books"),
  in_review: z.int().describe('Waits for people now'),
  open_alerts: z.int(),
  counts: Rates,
  bucket: z.enum(['hour', 'day']),
  series: z.array(z.object({ start: z.string(), group: z.string(), amount: AmountView })).describe('Spend over time'),
});

function seriesOf(tx: ReadTx, span: Span, by: (typeof groupings)[number], bucketMs: number) {
  const values = [firstIdAt(span.fromMs - LEAD_MS), span.fromMs, span.toMs] as const;
  const where = `p.id >= ? AND p.settled_at >= ? AND p.settled_at < ? AND ${SPEND}`;
  const group = `coalesce(${groupSql[by]}, 'none')`;
  const large = tx.all<{ g: string }>(
    `SELECT ${group} AS g FROM payments p WHERE ${where} GROUP BY g ORDER BY sum(p.amount_micro) DESC LIMIT ?`,
    ...values,
    GROUPS_MAX,
  );
  const shown = new Set(large.map(({ g }) => g));
  const rows = tx.all<{ g: string; b: bigint; amount: bigint }>(
    `SELECT ${group} AS g, p.settled_at / ${bucketMs} AS b, sum(p.amount_micro) AS amount FROM payments p
     WHERE ${where} GROUP BY g, b ORDER BY b`,
    ...values,
  );
  const points = new Map<string, { start: string; group: string; micro: bigint }>();
  for (const { g, b, amount } of rows) {
    const name = shown.has(g) ? g : 'others';
    const key = `${b} ${name}`;
    const before = points.get(key)?.micro ?? 0n;
    points.set(key, { start: iso(Number(b) * bucketMs), group: name, micro: before + amount });
  }
  return [...points.values()];
}

const sumOf = (row: { sum: bigint | null } | undefined): bigint => row?.sum ?? 0n;

const Row = Rates.extend({ week: z.string().describe('Its Monday, UTC'), workflow: z.string(), spend: AmountView });
const DateText = z.iso.date();

export const reportOperations = [
  operation({
    name: 'get_overview',
    summary: 'Spend, revenue, balance, denials and exceptions over the last days, with spend over time.',
    method: 'GET',
    path: '/v1/reports/overview',
    scope: 'read',
    peopleOnly: true,
    input: z.strictObject({
      days: z.coerce.number().int().min(1).max(366).default(30),
      by: z.enum(groupings).default('agent'),
    }),
    output: Overview,
    errors: [],
    handler: (app, _caller, { days, by }) =>
      app.store.read((tx) => {
        const toMs = app.clock() + 1;
        const span = { fromMs: toMs - days * DAY_MS, toMs };
        const bucketMs = days <= 3 ? HOUR_MS : DAY_MS;
        const series = seriesOf(tx, span, by, bucketMs);
        const revenue = tx.get<{ sum: bigint | null }>(
          `SELECT sum(amount_micro) AS sum FROM receivables WHERE received_at >= ? AND state <> 'orphaned'
           AND kind IN ('agent_payment', 'x402_sale', 'invoice')`,
          span.fromMs,
        );
        const held = tx.get<{ sum: bigint | null }>(
          "SELECT sum(amount_micro) AS sum FROM balances WHERE account LIKE 'agt!_%' ESCAPE '!'",
        );
        const count = (sql: string): number => Number(tx.get<{ n: bigint }>(sql)?.n ?? 0n);
        const counts = tx.get<CountRow>(
          `SELECT ${COUNTS} FROM payments p WHERE p.id >= ? AND p.created_at >= ? AND p.created_at < ? AND ${ASKED}`,
          ...spanValues(span),
        );
        const reviews = tx.all<ReviewRow>(REVIEW_MS, ...spanValues(span)).map(({ ms }) => Number(ms));
        return {
          from: iso(span.fromMs),
          to: iso(toMs),
          spend: amountView(series.reduce((sum, { micro }) => sum + micro, 0n)),
          revenue: amountView(sumOf(revenue)),
          balance: amountView(sumOf(held)),
          in_review: count("SELECT count(*) AS n FROM payments WHERE state = 'in_review'"),
          open_alerts: count('SELECT count(*) AS n FROM alerts WHERE resolved_at IS NULL'),
          counts: rates(counts ?? none, reviews),
          bucket: bucketMs === HOUR_MS ? ('hour' as const) : ('day' as const),
          series: series.map(({ start, group, micro }) => ({ start, group, amount: amountView(micro) })),
        };
      }),
  }),
  operation({
    name: 'pilot_report',
    summary: 'Per week and workflow: completion rate, exception rate, time in review and spend; also as CSV.',
    method: 'GET',
    path: '/v1/reports/pilot',
    scope: 'read',
    peopleOnly: true,
    input: z.strictObject({
      from: DateText.optional().describe('A day of the first week; without it four weeks ago'),
      to: DateText.optional().describe('A day of the last week; without it today'),
    }),
    output: z.object({ from: z.string(), to: z.string(), rows: z.array(Row), csv: z.string() }),
    errors: [],
    handler: (app, _caller, input) => {
      const span = weeks(input, app.clock());
      const rows = app.store.read((tx) => pilotRows(tx, span));
      return { from: iso(span.fromMs), to: iso(span.toMs), rows, csv: csvOf(rows) };
    },
  }),
];

const none: CountRow = { payments: 0n, settled: 0n, denied: 0n, failed: 0n, open: 0n, exceptions: 0n };
const mondayOf = (ms: number): number => Math.floor((ms + MONDAY_MS) / WEEK_MS) * WEEK_MS - MONDAY_MS;

function weeks(input: { from?: string | undefined; to?: string | undefined }, nowMs: number): Span {
  const last = input.to === undefined ? nowMs : Date.parse(input.to);
  const first = input.from === undefined ? last - 3 * WEEK_MS : Date.parse(input.from);
  const span = { fromMs: mondayOf(first), toMs: mondayOf(last) + WEEK_MS };
  if (span.toMs <= span.fromMs || span.toMs - span.fromMs > 54 * WEEK_MS) {
    throw new BursarError('invalid_request', { message: 'The report covers one week to a year, `from` before `to`.' });
  }
  return span;
}

function pilotRows(tx: ReadTx, span: Span): z.input<typeof Row>[] {
  type Found = CountRow & { week: bigint; workflow_id: string | null; name: string | null; spend: bigint | null };
  const found = tx.all<Found>(
    `SELECT (p.created_at + ${MONDAY_MS}) / ${WEEK_MS} AS week, p.workflow_id, w.name, ${COUNTS},
       sum(CASE WHEN ${SPEND} THEN p.amount_micro END) AS spend
     FROM payments p LEFT JOIN workflows w ON w.id = p.workflow_id
     WHERE p.id >= ? AND p.created_at >= ? AND p.created_at < ? AND ${ASKED}
     GROUP BY week, p.workflow_id ORDER BY week, w.name`,
    ...spanValues(span),
  );
  const reviews = tx.all<ReviewRow>(REVIEW_MS, ...spanValues(span));
  return found.map((row) => ({
    week: iso(Number(row.week) * WEEK_MS - MONDAY_MS).slice(0, 10),
    workflow: row.name ?? row.workflow_id ?? '(none)',
    spend: amountView(row.spend ?? 0n),
    ...rates(
      row,
      reviews.filter((r) => r.week === row.week && r.workflow_id === row.workflow_id).map(({ ms }) => Number(ms)),
    ),
  }));
}

/** RFC 4180. A name that a spreadsheet would take for a formula is quoted as text. */
function csvOf(rows: z.input<typeof Row>[]): string {
  const plain = rows.map(({ workflow, spend, ...row }) => ({
    ...row,
    workflow: /^[=+\-@\t\r]/.test(workflow) ? `'${workflow}` : workflow,
    spend_usdc: spend.value,
  }));
  const columns = ['week', 'workflow', 'payments', 'settled', 'denied', 'failed', 'open', 'exceptions'];
  const figures = ['completion_rate', 'exception_rate', 'median_review_seconds', 'spend_usdc'];
  return stringify(plain, { header: true, columns: [...columns, ...figures], record_delimiter: '\r\n' });
}
