import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { newId } from '../../core/ids/ids.ts';
import { setAgentStatus } from '../../decide/identity/agents.ts';
import { query } from '../../store/statement.ts';
import { runDue } from './runDue.ts';
import { createSchedule, getSchedule, type Schedule, setScheduleStatus } from './schedules.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const act = { actor: 'test', atMs: NOON_MS };
let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const make = (changes: Partial<Omit<Schedule, 'status' | 'nextAtMs'>> = {}) =>
  world.store.write((tx) =>
    createSchedule(tx, act, {
      id: newId('schedule'),
      agentId: world.agent.id,
      name: 'hosting',
      payment: { payee: world.payee.id, amountMicro: '2000000', category: null, memo: null, workflow: null },
      cadence: { rrule: 'FREQ=DAILY', zone: 'UTC', startsAtMs: NOON_MS + HOUR },
      payWithinMs: 0,
      ...changes,
    }),
  );
const tick = (atMs: number) => world.store.write((tx) => runDue(tx, world.context({ atMs, actor: 'bursar' })));
const outcomes = async (id: string) =>
  (
    await world.store.read((tx) =>
      tx.all(
        query((db) =>
          db.selectFrom('occurrences').select(['due_at', 'outcome']).where('schedule_id', '=', id).orderBy('due_at'),
        ),
      ),
    )
  ).map((row) => [Number(row.due_at), row.outcome]);
const skippedEvents = () =>
  world.store.read((tx) =>
    tx.all(query((db) => db.selectFrom('events').select('body').where('type', '=', 'occurrence.skipped'))),
  );
const payments = () =>
  world.store.read((tx) => tx.all(query((db) => db.selectFrom('payments').select(['kind', 'state']))));

describe('a schedule', () => {
  it('asks the gate once when its time has come, however often the workers look', async () => {
    const { id } = await make();
    expect(await tick(NOON_MS + HOUR - 1)).toBe(0);
    expect(await tick(NOON_MS + HOUR)).toBe(1);
    expect(await tick(NOON_MS + HOUR)).toBe(0);
    expect(await tick(NOON_MS + HOUR + 1000)).toBe(0);
    expect(await payments()).toMatchObject([{ kind: 'recurring' }]);
    expect(await outcomes(id)).toEqual([[NOON_MS + HOUR, 'asked']]);
  });

  it('whose rule cannot be followed ends, and the others are asked for all the same', async () => {
    const broken = await make();
    const other = await make({ name: 'rent' });
    await world.store.write((tx) =>
      tx.run(query((db) => db.updateTable('schedules').set({ rrule: 'FREQ=NEVER' }).where('id', '=', broken.id))),
    );
    expect(await tick(NOON_MS + HOUR)).toBe(2);
    expect(await tick(NOON_MS + HOUR + DAY)).toBe(1);
    const now = (id: string) => world.store.read(async (tx) => (await getSchedule(tx, id)).status);
    expect([await now(broken.id), await now(other.id)]).toEqual(['ended', 'active']);
  });

  it('pays no occurrence again when the clock is set back', async () => {
    await make();
    await tick(NOON_MS + HOUR);
    await tick(NOON_MS + HOUR - 30 * 60_000);
    await tick(NOON_MS + HOUR);
    expect(await payments()).toHaveLength(1);
  });

  it('skips what it slept through, and says so', async () => {
    const { id } = await make();
    expect(await tick(NOON_MS + HOUR + 3 * DAY)).toBe(1);
    expect((await outcomes(id)).map(([, outcome]) => outcome)).toEqual(['skipped', 'skipped', 'skipped', 'asked']);
    expect(await skippedEvents()).toHaveLength(3);
  });

  it('pays late what it slept through, within its window', async () => {
    const { id } = await make({ payWithinMs: 2 * DAY });
    expect(await tick(NOON_MS + HOUR + 3 * DAY)).toBe(3);
    expect((await outcomes(id)).map(([, outcome]) => outcome)).toEqual(['skipped', 'asked', 'asked', 'asked']);
  });

  it('goes through the gate like anyone else: a frozen agent pays nothing', async () => {
    await make();
    await world.store.write((tx) => setAgentStatus(tx, act, world.agent.id, { status: 'frozen', reason: null }));
    await tick(NOON_MS + HOUR);
    expect(await payments()).toMatchObject([{ state: 'denied' }]);
  });

  it('pauses, goes on with the next occurrence only, and ends for ever', async () => {
    const { id } = await make();
    await world.store.write((tx) => setScheduleStatus(tx, act, id, 'paused'));
    expect(await tick(NOON_MS + HOUR + DAY)).toBe(0);
    await world.store.write((tx) => setScheduleStatus(tx, { ...act, atMs: NOON_MS + HOUR + DAY + 1 }, id, 'active'));
    expect(await tick(NOON_MS + HOUR + DAY + 2)).toBe(0);
    expect(await tick(NOON_MS + HOUR + 2 * DAY)).toBe(1);
    await world.store.write((tx) => setScheduleStatus(tx, act, id, 'ended'));
    await expect(world.store.write((tx) => setScheduleStatus(tx, act, id, 'active'))).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('ends by itself after its last occurrence', async () => {
    const { id } = await make({ cadence: { rrule: 'FREQ=DAILY;COUNT=1', zone: 'UTC', startsAtMs: NOON_MS + HOUR } });
    await tick(NOON_MS + HOUR);
    expect(await world.store.read((tx) => getSchedule(tx, id))).toMatchObject({ status: 'ended', nextAtMs: null });
  });

  it('that starts now, within a second, pays its first occurrence, also the only one', async () => {
    const rule = { rrule: 'FREQ=DAILY;COUNT=1', zone: 'UTC', startsAtMs: NOON_MS + 123 };
    const { id } = await world.store.write((tx) =>
      createSchedule(
        tx,
        { ...act, atMs: NOON_MS + 123 },
        {
          id: newId('schedule'),
          agentId: world.agent.id,
          name: 'once',
          payment: { payee: world.payee.id, amountMicro: '2000000', category: null, memo: null, workflow: null },
          cadence: rule,
          payWithinMs: 0,
        },
      ),
    );
    expect(await tick(NOON_MS + 200)).toBe(1);
    expect(await world.store.read((tx) => getSchedule(tx, id))).toMatchObject({ status: 'ended', nextAtMs: null });
  });

  it('tells of a day that the month does not have', async () => {
    const startsAtMs = Date.parse('2027-01-31T09:00:00Z');
    await make({ cadence: { rrule: 'FREQ=MONTHLY;BYMONTHDAY=31', zone: 'UTC', startsAtMs }, payWithinMs: HOUR });
    expect(await tick(startsAtMs)).toBe(1);
    const events = await skippedEvents();
    expect(events.map(({ body }) => JSON.parse(body))).toMatchObject([{ data: { day: '2027-02-31' } }]);
    expect(await tick(Date.parse('2027-03-31T09:00:00Z'))).toBe(1);
  });
});
