import { statement } from '../../store/statement.ts';

export const addToBalance = statement<{ account: string; by: bigint }>()((db, p) =>
  db
    .insertInto('balances')
    .values({ account: p.account, amount_micro: p.by })
    .onConflict((conflict) =>
      conflict
        .column('account')
        .doUpdateSet((eb) => ({ amount_micro: eb('balances.amount_micro', '+', eb.ref('excluded.amount_micro')) })),
    ),
);
export const addToMeter = statement<{
  meter: string;
  group: string;
  start: bigint;
  total: bigint;
  count: bigint;
  last: bigint;
}>()((db, p) =>
  db
    .insertInto('meters')
    .values({
      meter: p.meter,
      grp: p.group,
      window_start: p.start,
      total_micro: p.total,
      count: p.count,
      last_at: p.last,
    })
    .onConflict((conflict) =>
      conflict.columns(['meter', 'grp', 'window_start']).doUpdateSet((eb) => ({
        total_micro: eb('meters.total_micro', '+', eb.ref('excluded.total_micro')),
        count: eb('meters.count', '+', eb.ref('excluded.count')),
        last_at: eb.ref('excluded.last_at'),
      })),
    ),
);
/** The additions of payments to the meters. */
export const countedByPayments = statement<{ payments: readonly string[] }>()((db, p, f) =>
  db
    .selectFrom('meter_entries as e')
    .innerJoin(
      (eb) => f.elementsOf(eb.ref('e.meters_json'), 'j'),
      (join) => join.onTrue(),
    )
    .innerJoin('meters as m', 'm.id', 'j.value')
    .select(['m.meter', 'm.grp', 'm.window_start'])
    .select(({ fn }) => [
      fn.sum<bigint>('e.amount_micro').as('total'),
      fn.countAll<bigint>().as('count'),
      fn.max('e.at').as('last_at'),
    ])
    .where(({ ref }) => f.isAnyOf(ref('e.payment_id'), p.payments))
    .groupBy('m.id'),
);
