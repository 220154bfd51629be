import { statement } from '../../store/statement.ts';
import { ROLLING } from '../meters/places.ts';
import { movedStates, NAMED } from './bookQueries.ts';

const READ = NAMED + 1;

/**
 * Totals that differ from the sum of their entries: calendar and lifetime ones by all entries, rolling ones by those in the window.
 */
export const oddMeters = statement()((db, _, f) =>
  db
    .selectFrom(
      db
        .selectFrom('meters')
        .select(({ val }) => ['id', 'total_micro as total', 'count as n', val(0n).as('entries'), val(0n).as('m')])
        .unionAll(
          db
            .selectFrom('meter_entries as e')
            .innerJoin(
              ({ ref }) => f.elementsOf(ref('e.meters_json'), 'j'),
              (join) => join.onTrue(),
            )
            .leftJoin('meters as w', (join) => join.on(({ eb, ref }) => eb('w.id', '=', f.asInteger(ref('j.value')))))
            .select(({ ref, val }) => [f.asInteger(ref('j.value')).as('id'), val(0n).as('total'), val(0n).as('n')])
            .select(['e.amount_micro as entries', 'e.counted as m'])
            .where('j.type', '=', 'integer')
            .where('w.window_start', 'is distinct from', BigInt(ROLLING)),
        )
        .unionAll(
          db
            .selectFrom('meter_rolling')
            .select(({ val }) => ['meter_id as id', val(0n).as('total'), val(0n).as('n')])
            .select(['amount_micro as entries', 'counted as m']),
        )
        .as('s'),
    )
    .leftJoin('meters as m', 'm.id', 's.id')
    .select(({ fn }) => [
      'm.meter',
      'm.grp',
      's.id',
      fn.sum<bigint>('s.total').as('total'),
      fn.sum<bigint>('s.n').as('n'),
      fn.sum<bigint>('s.entries').as('entries'),
      fn.sum<bigint>('s.m').as('m'),
    ])
    .groupBy(['s.id', 'm.meter', 'm.grp'])
    .having(({ eb, or, fn }) =>
      or([
        eb(fn.sum<bigint>('s.total'), '<>', fn.sum<bigint>('s.entries')),
        eb(fn.sum<bigint>('s.n'), '<>', fn.sum<bigint>('s.m')),
      ]),
    )
    .limit(READ),
);

/** A place in an entry is the id of a total, or `[id, at]` if it counts at another time than the entry. */
export const metersWithOtherLast = statement()((db, _, f) =>
  db
    .selectFrom('meters as m')
    .leftJoin(
      (from) =>
        from
          .selectFrom((places) =>
            places
              .selectFrom('meter_entries as e')
              .innerJoin(
                ({ ref }) => f.elementsOf(ref('e.meters_json'), 'v'),
                (join) => join.onTrue(),
              )
              .select(({ eb, ref }) => [
                eb
                  .case('v.type')
                  .when('array')
                  .then(f.jsonInteger(ref('v.value'), 0))
                  .else(f.asInteger(ref('v.value')))
                  .end()
                  .as('id'),
                eb
                  .case('v.type')
                  .when('array')
                  .then(f.jsonInteger(ref('v.value'), 1))
                  .else(ref('e.at'))
                  .end()
                  .as('at'),
              ])
              .where('e.counted', '=', 1n)
              .as('place'),
          )
          .select(({ fn }) => ['id', fn.max<bigint | null>('at').as('at')])
          .groupBy('id')
          .as('e'),
      (join) => join.onRef('e.id', '=', 'm.id'),
    )
    .select(['m.meter', 'm.grp', 'm.last_at', 'e.at'])
    .where(({ eb, ref }) => eb('m.last_at', 'is distinct from', ref('e.at')))
    .where(({ eb, and, not, fn, ref, val, selectFrom }) =>
      not(
        and([
          eb('m.last_at', 'is not', null),
          eb('m.last_at', '>', fn.coalesce(ref('e.at'), val(-1n))),
          eb('m.last_at', 'in', selectFrom('payments').select('created_at')),
        ]),
      ),
    )
    .limit(READ),
);

export const uncountedInside = statement()((db, _, f) =>
  db
    .selectFrom('meter_rolling as r')
    .select('r.payment_id')
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('meters as m')
            .innerJoin('meter_entries as e', (join) => join.onTrue())
            .innerJoin(
              ({ ref }) => f.elementsOf(ref('e.meters_json'), 'j'),
              (join) => join.onTrue(),
            )
            .select('m.id')
            .whereRef('m.id', '=', 'r.meter_id')
            .whereRef('m.meter', '=', 'r.meter')
            .where('m.window_start', '=', BigInt(ROLLING))
            .whereRef('e.payment_id', '=', 'r.payment_id')
            .whereRef('e.amount_micro', '=', 'r.amount_micro')
            .whereRef('e.counted', '=', 'r.counted')
            .where(({ eb, or, and, ref }) =>
              or([
                and([
                  eb('j.type', '=', 'integer'),
                  eb(f.asInteger(ref('j.value')), '=', ref('r.meter_id')),
                  eb('e.at', '=', ref('r.at')),
                ]),
                and([eb('j.type', '=', 'array'), eb('j.value', '=', f.jsonList(ref('r.meter_id'), ref('r.at')))]),
              ]),
            ),
        ),
      ),
    )
    .limit(READ),
);

export const countedUnlikePayments = statement()((db) =>
  db
    .selectFrom('meter_entries as e')
    .leftJoin('payments as p', 'p.id', 'e.payment_id')
    .select(['e.payment_id', 'e.amount_micro', 'p.state'])
    .where('e.counted', '=', 1n)
    .where(({ eb, and, fn, not, ref, lit }) =>
      not(
        fn.coalesce(
          and([eb('p.amount_micro', '=', ref('e.amount_micro')), eb('p.state', 'in', movedStates)]),
          lit(false),
        ),
      ),
    )
    .limit(READ),
);
