import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { calendarStart, zonedTime } from '../../../books/meters/calendar.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { AmountView, amountView, iso } from '../../../core/schemas/schemas.ts';
import type { ReadTx } from '../../../store/store.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';
import {
  type CountRow,
  countInReview,
  countOpenAlerts,
  countsByWorkflow,
  countsOfSpan,
  earnedBetween,
  heldByAgents,
  nameOfAgent,
  nameOfPayee,
  nameOfWorkflow,
  spendByAgent,
  spendByCategory,
  spendByPayee,
  timesInReview,
} from './reportQueries.ts';
import {
  add,
  askedIn,
  bySlice,
  type Cost,
  DAY_MS,
  firstIdAt,
  HOUR_MS,
  keeping,
  none,
  Rates,
  rates,
  type Span,
  slicesOf,
  WEEK_MS,
  zoneOf,
} from './reportSums.ts';

const GROUPS_MAX = 8;
const groupings = ['agent', 'category', 'payee'] as const;
type Grouping = (typeof groupings)[number];
const spendBy = { agent: spendByAgent, category: spendByCategory, payee: spendByPayee } as const;

const Overview = z
  .object({
    from: z.string(),
    to: z.string(),
    zone: z.string().describe('Days begin by its clock'),
    spend: AmountView,
    revenue: AmountView,
    balance: AmountView.describe("All agents' wallets and purses now, by the books"),
    in_review: z.int().describe('Is in review now'),
    open_alerts: z.int(),
    counts: Rates,
    bucket: z.enum(['hour', 'day']),
    buckets: z.array(z.string()).describe('The start of each, in order, including those without spend'),
    series: z
      .array(z.object({ start: z.string(), group: z.string(), amount: AmountView }))
      .describe('Spend by the time of the request'),
  })
  .meta({ id: 'Overview' });

type Sums = { counts: CountRow; spend: Map<string, bigint>; revenue: bigint; reviewsMs: number[] };

/** Spend by `<start of the bucket> <group id>`. A payment counts when it was asked for. */
async function sumsOf(app: App, buckets: readonly Span[], cost: Cost, by: Grouping): Promise<Sums> {
  const sums: Sums = { counts: { ...none }, spend: new Map(), revenue: 0n, reviewsMs: [] };
  await bySlice(app, buckets, cost, async (tx, day) => {
    const asked = askedIn(day);
    add(sums.counts, await tx.get(countsOfSpan, asked));
    for (const { group, amount } of await tx.all(spendBy[by], asked))
      sums.spend.set(`${day.fromMs} ${group ?? ''}`, amount);
    const earned = await tx.get(earnedBetween, {
      first: firstIdAt('receivable', day.fromMs),
      end: firstIdAt('receivable', day.toMs),
    });
    sums.revenue += earned?.sum ?? 0n;
    for (const { ms } of await tx.all(timesInReview, asked)) sums.reviewsMs.push(Number(ms));
  });
  return sums;
}

/** The largest groups by name; the rest is `(others)`. */
async function seriesOf(tx: ReadTx, spend: Sums['spend'], by: Grouping) {
  const totals = new Map<string, bigint>();
  const parts = [...spend].map(([key, micro]) => ({
    bucket: Number(key.split(' ')[0]),
    group: key.split(' ')[1] ?? '',
    micro,
  }));
  for (const { group, micro } of parts) totals.set(group, (totals.get(group) ?? 0n) + micro);
  const largest = [...totals].sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0)).slice(0, GROUPS_MAX);
  const nameOf = async (id: string): Promise<string> =>
    by === 'category' || id === ''
      ? id
      : ((await tx.get(by === 'agent' ? nameOfAgent : nameOfPayee, { id }))?.name ?? id);
  const names = new Map(await mapInOrder(largest, async ([group]) => [group, (await nameOf(group)) || '(none)']));
  const points = new Map<string, { bucket: number; group: string; micro: bigint }>();
  for (const { bucket, group, micro } of parts) {
    const name = names.get(group) ?? '(others)';
    const key = `${bucket} ${name}`;
    points.set(key, { bucket, group: name, micro: (points.get(key)?.micro ?? 0n) + micro });
  }
  return [...points.values()]
    .sort((a, b) => a.bucket - b.bucket || (a.group < b.group ? -1 : 1))
    .map(({ bucket, group, micro }) => ({ start: iso(bucket), group, amount: amountView(micro) }));
}

const Row = Rates.extend({ week: z.string().describe('Its Monday'), workflow: z.string(), spend: AmountView }).meta({
  id: 'ReportRow',
});
const DateText = z.iso.date();
const Zone = z.string().max(60).optional().describe("IANA time zone; without it the policy's");

export const reportOperations = [
  operation({
    name: 'get_overview',
    summary: 'Spend, revenue, balance, denials and exceptions over the last days, with spend over time.',
    method: 'GET',
    path: '/v1/reports/overview',
    scope: 'read',
    cost: 'heavy',
    peopleOnly: true,
    input: z.strictObject({
      days: z.coerce.number().int().min(1).max(366).default(30).describe('Today and the days before; up to 3, hours'),
      by: z.enum(groupings).default('agent'),
      zone: Zone,
    }),
    output: Overview,
    errors: [],
    handler: async (app, _caller, { days, by, zone: asked }) => {
      const zone = await zoneOf(app, asked);
      const bucket = days <= 3 ? ('hour' as const) : ('day' as const);
      const { span, buckets, sums } = await keeping(app, `overview ${days} ${by} ${zone}`, async (cost) => {
        const toMs = app.clock() + 1;
        const firstMs = bucket === 'hour' ? toMs - days * DAY_MS + HOUR_MS : toMs - (days - 1) * DAY_MS;
        const whole = { fromMs: calendarStart(bucket, zone, firstMs), toMs };
        const slices = slicesOf(whole, bucket, zone);
        return { span: whole, buckets: slices, sums: await sumsOf(app, slices, cost, by) };
      });
      return app.store.read(async (tx) => {
        return {
          from: iso(span.fromMs),
          to: iso(span.toMs),
          zone,
          spend: amountView([...sums.spend.values()].reduce((sum, micro) => sum + micro, 0n)),
          revenue: amountView(sums.revenue),
          balance: amountView((await tx.get(heldByAgents))?.sum ?? 0n),
          in_review: Number((await tx.get(countInReview))?.n),
          open_alerts: Number((await tx.get(countOpenAlerts))?.n),
          counts: rates(sums.counts, sums.reviewsMs),
          bucket,
          buckets: buckets.map(({ fromMs }) => iso(fromMs)),
          series: await seriesOf(tx, sums.spend, by),
        };
      });
    },
  }),
  operation({
    name: 'pilot_report',
    summary: 'Per week and workflow: completion rate, exception rate, time in review and spend; also as CSV.',
    method: 'GET',
    path: '/v1/reports/pilot',
    scope: 'read',
    cost: 'bulk',
    peopleOnly: true,
    input: z.strictObject({
      from: DateText.optional().describe('A day of the first week; without it four weeks ago'),
      to: DateText.optional().describe('A day of the last week; without it today'),
      zone: Zone,
    }),
    output: z.object({ from: z.string(), to: z.string(), zone: z.string(), rows: z.array(Row), csv: z.string() }),
    errors: [],
    handler: async (app, _caller, input) => {
      const zone = await zoneOf(app, input.zone);
      const span = weeks(input, app.clock(), zone);
      const key = `pilot ${span.fromMs} ${span.toMs} ${zone}`;
      const rows = await keeping(app, key, (cost) => pilotRows(app, span, cost, zone));
      return { from: iso(span.fromMs), to: iso(span.toMs), zone, rows, csv: csvOf(rows) };
    },
  }),
];

/** Noon of a date by the zone's clock. */
function noonOf(date: string, zone: string): number {
  const utcMs = Date.parse(date);
  const { year, month, day, hour, minute } = zonedTime(utcMs, zone);
  return utcMs + DAY_MS / 2 - (Date.UTC(year, month - 1, day, hour, minute) - utcMs);
}

function weeks(input: { from?: string | undefined; to?: string | undefined }, nowMs: number, zone: string): Span {
  const last = input.to === undefined ? nowMs : noonOf(input.to, zone);
  const first = input.from === undefined ? last - 3 * WEEK_MS : noonOf(input.from, zone);
  const monday = (ms: number): number => calendarStart('week', zone, ms);
  // A week and a half from a Monday is in the next week, also where the clocks change.
  const span = { fromMs: monday(first), toMs: monday(monday(last) + WEEK_MS * 1.5) };
  if (span.toMs <= span.fromMs || span.toMs - span.fromMs > 54 * WEEK_MS) {
    throw new BursarError('invalid_request', { message: 'The report covers one week to a year, `from` before `to`.' });
  }
  return span;
}

function dateOf(ms: number, zone: string): string {
  const { year, month, day } = zonedTime(ms, zone);
  return iso(Date.UTC(year, month - 1, day)).slice(0, 10);
}

type Group = { week: string; workflowId: string | null; counts: CountRow; spend: bigint; reviewsMs: number[] };

async function pilotRows(app: App, span: Span, cost: Cost, zone: string): Promise<z.input<typeof Row>[]> {
  const groups = new Map<string, Group>();
  const groupOf = (week: string, workflowId: string | null): Group => {
    const key = `${week} ${workflowId ?? ''}`;
    const group = groups.get(key) ?? { week, workflowId, counts: { ...none }, spend: 0n, reviewsMs: [] };
    groups.set(key, group);
    return group;
  };
  await bySlice(app, slicesOf(span, 'day', zone), cost, async (tx, day) => {
    const week = dateOf(calendarStart('week', zone, day.fromMs), zone);
    const asked = askedIn(day);
    for (const row of await tx.all(countsByWorkflow, asked)) {
      const group = groupOf(week, row.workflow_id);
      add(group.counts, row);
      group.spend += row.spend ?? 0n;
    }
    for (const row of await tx.all(timesInReview, asked)) {
      groupOf(week, row.workflow_id).reviewsMs.push(Number(row.ms));
    }
  });
  const nameOf = async (id: string | null): Promise<string> =>
    id === null ? '(none)' : ((await app.store.read((tx) => tx.get(nameOfWorkflow, { id })))?.name ?? id);
  return (
    await mapInOrder([...groups.values()], async ({ week, workflowId, counts, spend, reviewsMs }) => ({
      week,
      workflow: await nameOf(workflowId),
      spend: amountView(spend),
      ...rates(counts, reviewsMs),
    }))
  ).sort((a, b) => (a.week === b.week ? a.workflow.localeCompare(b.workflow) : a.week < b.week ? -1 : 1));
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
