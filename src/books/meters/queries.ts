import type { ExpressionBuilder } from 'kysely';
import type { Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';
import { ROLLING } from './places.ts';

export type MeterRow = { id: bigint; total_micro: bigint; count: bigint; last_at: bigint | null };

/** The row of a window. */
export const meterAt = statement<{ meter: string; grp: string; start: number }>()((db, p) =>
  db
    .selectFrom('meters')
    .select(['id', 'total_micro', 'count', 'last_at'])
    .where('meter', '=', p.meter)
    .where('grp', '=', p.grp)
    .where('window_start', '=', p.start),
);

/** What is older than `cut` in a rolling total. */
const older = (
  eb: ExpressionBuilder<Schema & { m: Schema['meters'] }, 'm'>,
  of: 'amount_micro' | 'counted',
  cut: bigint,
) =>
  eb.fn.coalesce(
    eb
      .selectFrom('meter_rolling as r')
      .select((r) => r.fn.sum<bigint>(r.ref(of)).as('sum'))
      .whereRef('r.meter', '=', 'm.meter')
      .where('r.at', '<', cut)
      .whereRef('r.meter_id', '=', 'm.id'),
    eb.val(0n),
  );

/** A rolling total without what is older than `cut` and still stands in it. */
export const meterSince = statement<{ meter: string; grp: string; start: number; cut: number }>()((db, p) =>
  db
    .selectFrom('meters as m')
    .select((eb) => [
      'm.id',
      eb('m.total_micro', '-', older(eb, 'amount_micro', p.cut))
        .$castTo<bigint>()
        .as('total_micro'),
      eb('m.count', '-', older(eb, 'counted', p.cut))
        .$castTo<bigint>()
        .as('count'),
      'm.last_at',
    ])
    .where('m.meter', '=', p.meter)
    .where('m.grp', '=', p.grp)
    .where('m.window_start', '=', p.start),
);

/** Adds payments to a total. */
export const addToMeter = statement<{ id: bigint; amount: bigint; count: bigint; at: number }>()((db, p, f) =>
  db
    .updateTable('meters')
    .set((eb) => ({
      total_micro: eb('total_micro', '+', p.amount),
      count: eb('count', '+', p.count),
      last_at: f.larger(eb.fn.coalesce('last_at', eb.val(0n)), eb.val(p.at)),
    }))
    .where('id', '=', p.id),
);
/** The row of a window under an id that is known before it is written. */
export const addMeter = statement<{
  id: bigint;
  meter: string;
  grp: string;
  start: number;
  amount: bigint;
  count: bigint;
  lastAt: number | null;
}>()((db, p) =>
  db.insertInto('meters').values({
    id: p.id,
    meter: p.meter,
    grp: p.grp,
    window_start: p.start,
    total_micro: p.amount,
    count: p.count,
    last_at: p.lastAt,
  }),
);
export const newestMeter = statement()((db) =>
  db.selectFrom('meters').select((eb) => eb.fn.max<bigint | null>('id').as('id')),
);

export const meterOfId = statement<{ id: number }>()((db, p) =>
  db.selectFrom('meters').select(['meter', 'grp', 'window_start']).where('id', '=', p.id),
);
export const addToTotal = statement<{ id: bigint; amount: bigint }>()((db, p) =>
  db
    .updateTable('meters')
    .set((eb) => ({ total_micro: eb('total_micro', '+', p.amount) }))
    .where('id', '=', p.id),
);
export const takeFromTotal = statement<{ id: bigint; amount: bigint; count: bigint }>()((db, p) =>
  db
    .updateTable('meters')
    .set((eb) => ({ total_micro: eb('total_micro', '-', p.amount), count: eb('count', '-', p.count) }))
    .where('id', '=', p.id),
);
/** As above, but of a rolling total only what is still inside its window: `inside` is 0 or 1. */
export const takeEntryFromTotal = statement<{ id: number; amount: bigint; count: bigint; inside: number }>()((db, p) =>
  db
    .updateTable('meters')
    .set((eb) => ({ total_micro: eb('total_micro', '-', p.amount), count: eb('count', '-', p.count) }))
    .where('id', '=', p.id)
    .where(({ eb, or, val }) => or([eb('window_start', '<>', BigInt(ROLLING)), eb(val(p.inside), '=', 1n)])),
);

export const oldestInside = statement<{ meter: string }>()((db, p) =>
  db
    .selectFrom('meter_rolling')
    .select((eb) => eb.fn.min<bigint | null>('at').as('at'))
    .where('meter', '=', p.meter),
);
export const addInside = statement<{
  meter: string;
  at: number;
  payment: string;
  row: bigint;
  amount: bigint;
  counted: number;
}>()((db, p) =>
  db.insertInto('meter_rolling').values({
    meter: p.meter,
    at: p.at,
    payment_id: p.payment,
    meter_id: p.row,
    amount_micro: p.amount,
    counted: p.counted,
  }),
);
export const firstInside = statement<{ meter: string; limit: number }>()((db, p) =>
  db
    .selectFrom('meter_rolling')
    .select(['at', 'payment_id', 'meter_id', 'amount_micro', 'counted'])
    .where('meter', '=', p.meter)
    .orderBy('at')
    .orderBy('payment_id')
    .limit(p.limit),
);
export const removeInside = statement<{ meter: string; at: bigint; payment: string }>()((db, p) =>
  db
    .deleteFrom('meter_rolling')
    .where('meter', '=', p.meter)
    .where('at', '=', p.at)
    .where('payment_id', '=', p.payment),
);
type Inside = { row: number; at: number; payment: string };
/** Whether that entry is inside the rolling window of that total. */
export const insideOf = statement<Inside>()((db, p) =>
  db
    .selectFrom('meter_rolling')
    .select('payment_id')
    .where('meter', '=', (eb) => eb.selectFrom('meters').select('meter').where('id', '=', p.row))
    .where('at', '=', p.at)
    .where('payment_id', '=', p.payment)
    .where('meter_id', '=', p.row),
);
export const removeFromWindow = statement<Inside>()((db, p) =>
  db
    .deleteFrom('meter_rolling')
    .where('meter', '=', (eb) => eb.selectFrom('meters').select('meter').where('id', '=', p.row))
    .where('at', '=', p.at)
    .where('payment_id', '=', p.payment)
    .where('meter_id', '=', p.row),
);

export const entryOf = statement<{ id: string }>()((db, p) =>
  db
    .selectFrom('meter_entries')
    .select(['at', 'amount_micro', 'counted', 'meters_json'])
    .where('payment_id', '=', p.id),
);
export const addMeterEntry = statement<{ id: string; at: number; amount: bigint; counted: number; places: string }>()(
  (db, p) =>
    db.insertInto('meter_entries').values({
      payment_id: p.id,
      at: p.at,
      amount_micro: p.amount,
      counted: p.counted,
      meters_json: p.places,
    }),
);
export const removeEntry = statement<{ id: string }>()((db, p) =>
  db.deleteFrom('meter_entries').where('payment_id', '=', p.id),
);

export const liveGenerations = statement()((db) =>
  db.selectFrom('meter_generations').select(['meter', 'live']).where('live', '>', 0n),
);
export const beginGeneration = statement<{ meter: string }>()((db, p) =>
  db
    .insertInto('meter_generations')
    .values({ meter: p.meter, live: 0n, last: 1n })
    .onConflict((conflict) =>
      conflict.column('meter').doUpdateSet((eb) => ({ last: eb('meter_generations.last', '+', 1n) })),
    )
    .returning('last'),
);
export const setLiveGeneration = statement<{ meter: string; live: number }>()((db, p) =>
  db.updateTable('meter_generations').set({ live: p.live }).where('meter', '=', p.meter),
);
