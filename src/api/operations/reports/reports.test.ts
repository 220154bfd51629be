import { describe, expect, it } from 'vitest';
import { gateWorld } from '../../../../test/support/gateWorld.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import { requestPayment } from '../../../decide/payments/gate.ts';
import { query } from '../../../store/statement.ts';
import type { Tx } from '../../../store/store.ts';
import type { App } from '../app.ts';
import { firstIdAt, median } from './reportSums.ts';
import { reportOperations } from './reports.ts';

const caller: Caller = {
  actor: 'test',
  credential: {
    id: 'test',
    role: 'auditor',
    agentId: null,
    name: 'test',
    scopes: ['read'],
    createdAtMs: 0,
    expiresAtMs: null,
    revokedAtMs: null,
  },
};

/** Ids carry the time at which they are made, so the reports are of now. */
const nowMs = Date.now();
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const WEEK_MS = 7 * 86_400_000;
const weekday = (new Date(nowMs).getUTCDay() + 6) % 7;
const monday = day(nowMs - weekday * 86_400_000);

async function asked(name: string, input: object, atMs = nowMs) {
  const world = await gateWorld();
  const made = ['one', 'two', 'three'].map((key) =>
    world.store.write((tx) => requestPayment(tx, world.request({ idempotencyKey: `key ${key}` }), world.context())),
  );
  await Promise.all(made);
  await world.store.write(async (tx) => {
    await tx.run(
      query((db) => db.updateTable('workflows').set({ name: '=HYPERLINK(1)' }).where('id', '=', world.workflow.id)),
    );
    await tx.run(query((db) => db.updateTable('payments').set({ created_at: nowMs })));
    const states = { 'key one': 'settled', 'key two': 'failed', 'key three': 'denied' } as const;
    for (const [key, state] of Object.entries(states)) {
      await tx.run(query((db) => db.updateTable('payments').set({ state }).where('idempotency_key', '=', key)));
    }
    if (atMs !== nowMs) await copyTo(tx, atMs);
  });
  const operation = reportOperations.find((each) => each.name === name);
  if (!operation) throw new Error(`There is no ${name}.`);
  const policies: Pick<App['policies'], 'list' | 'active'> = { list: async () => [], active: () => world.policy };
  const app = { store: world.store, clock: () => atMs, policies };
  const handler = operation.handler as (app: unknown, caller: Caller, input: unknown, meta: object) => unknown;
  const answer = await handler(app, caller, operation.input.parse(input), { idempotencyKey: null });
  return operation.output.parse(answer) as Record<string, unknown>;
}

/** The same payments once more, as of another time: ids carry it. */
async function copyTo(tx: Tx, atMs: number): Promise<void> {
  const rows = await tx.all(query((db) => db.selectFrom('payments').selectAll()));
  for (const [index, row] of rows.entries()) {
    const id = `${firstIdAt('payment', atMs).slice(0, -1)}${index}`;
    const copy = { ...row, id, chain_key: id, idempotency_key: id, created_at: atMs };
    await tx.run(query((db) => db.insertInto('payments').values(copy)));
  }
}

describe('the pilot report', () => {
  it('counts per week and workflow, and gives a spreadsheet no formula', async () => {
    const { rows, csv } = await asked('pilot_report', { from: day(nowMs), to: day(nowMs) });
    expect(rows).toMatchObject([
      { week: monday, payments: 3, settled: 1, failed: 1, denied: 1, completion_rate: 0.5, exception_rate: 0 },
    ]);
    expect(csv).toContain(`${monday},'=HYPERLINK(1),3,1,1,1,0,0,0.5,0,,`);
  });

  it('begins its weeks by the clock of the zone', async () => {
    const before = day(Date.parse(monday) - WEEK_MS);
    // A Sunday, 23:30 in UTC: Monday in Berlin.
    const sunday = Date.parse(before) - 1_800_000;
    const of = async (zone: string) => (await asked('pilot_report', { from: before, to: before, zone }, sunday)).rows;
    expect(await of('Europe/Berlin')).toMatchObject([{ week: before, payments: 3 }]);
    expect(await of('Pacific/Kiritimati')).toMatchObject([{ week: before, payments: 3 }]);
    expect(await of('UTC')).toEqual([]);
    await expect(asked('pilot_report', { zone: 'Europe/Nowhere' })).rejects.toThrow('no time zone');
  });

  it('has no row for weeks without payments, and refuses a span that ends before it begins', async () => {
    expect((await asked('pilot_report', { from: day(nowMs - 3 * WEEK_MS), to: day(nowMs - WEEK_MS) })).rows).toEqual(
      [],
    );
    await expect(asked('pilot_report', { from: day(nowMs), to: day(nowMs - 2 * WEEK_MS) })).rejects.toThrow(
      'one week to a year',
    );
  });
});

describe('the overview', () => {
  it('counts only what settled as spent, by the chosen group', async () => {
    const { counts, series, spend } = await asked('get_overview', { days: '1', by: 'payee' });
    expect(counts).toMatchObject({ payments: 3, settled: 1, failed: 1, denied: 1 });
    expect(series).toHaveLength(1);
    expect((series as { amount: unknown }[])[0]?.amount).toEqual(spend);
  });

  it('has every bucket, those without spend too, and the days of a zone', async () => {
    const hours = await asked('get_overview', { days: '1' });
    expect(hours.buckets).toHaveLength(24);
    const { buckets, series } = (await asked('get_overview', { days: '30', zone: 'America/New_York' })) as {
      buckets: string[];
      series: { start: string }[];
    };
    expect(buckets).toHaveLength(30);
    expect(series.map(({ start }) => start)).toEqual([buckets.at(-1)]);
    for (const start of buckets) expect(start).toMatch(/T0[45]:00:00\.000Z$/);
  });
});

describe('the median', () => {
  it.each([
    [[], null],
    [[3_000], 3],
    [[1_000, 9_000, 2_000], 2],
    [[1_000, 2_000], 1.5],
  ])('of %j ms is %j s', (ms, seconds) => {
    expect(median(ms)).toBe(seconds);
  });
});
