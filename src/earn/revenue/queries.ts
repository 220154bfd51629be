import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import { earnedKinds } from '../../books/receivables/receivable.ts';
import type { Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

/** The same condition as in the partial index on receivables. */
const toRoute = (eb: ExpressionBuilder<Schema, 'receivables'>): Expression<SqlBool> =>
  eb.and([eb('state', '=', 'final'), eb('routed_at', 'is', null), eb('kind', 'in', earnedKinds)]);

export const firstToRoute = statement()((db, _, f) =>
  db.selectFrom(f.indexed('receivables', 'receivables_to_route')).select('id').where(toRoute).limit(1),
);
/**
 * Receivables for which the policy of that digest has not failed. Those of a frozen agent wait, because every leg would be denied.
 */
export const routableUnder = statement<{ digest: string; limit: number }>()((db, p, f) =>
  db
    .selectFrom(f.indexed('receivables', 'receivables_to_route'))
    .select('id')
    .where(toRoute)
    .where('route_failed_digest', 'is distinct from', p.digest)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('agents')
          .select('agents.id')
          .whereRef('agents.id', '=', 'receivables.agent_id')
          .where('agents.status', '=', 'active'),
      ),
    )
    .orderBy('id')
    .limit(p.limit),
);
export const receivableToRoute = statement<{ id: string }>()((db, p) =>
  db.selectFrom('receivables').selectAll().where('id', '=', p.id).where(toRoute),
);
export const receivableById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('receivables').selectAll().where('id', '=', p.id),
);
export const setRouteFailed = statement<{ id: string; digest: string }>()((db, p) =>
  db.updateTable('receivables').set({ route_failed_digest: p.digest }).where('id', '=', p.id),
);
export const setRouted = statement<{ id: string; route: string; at: number }>()((db, p) =>
  db.updateTable('receivables').set({ routed_at: p.at, route_json: p.route }).where('id', '=', p.id),
);

/** States of the payments of one leg: their keys begin with `prefix`. */
export const attemptsAtLeg = statement<{ receivable: string; prefix: string }>()((db, p) =>
  db
    .selectFrom('payments')
    .select('state')
    .where('receivable_id', '=', p.receivable)
    .where('kind', '=', 'split')
    .where(({ eb, fn, lit, val }) =>
      eb(fn<string>('substr', ['idempotency_key', lit(1), fn('length', [val(p.prefix)])]), '=', p.prefix),
    ),
);
