import type { ExpressionBuilder } from 'kysely';
import type { RowIn, Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

type Payee = RowIn<'payees'>;

export const newPayee = statement<{
  id: string;
  name: string;
  kind: Payee['kind'];
  agent: string | null;
  categories: string;
  hosts: string;
  at: number;
}>()((db, p) =>
  db.insertInto('payees').values({
    id: p.id,
    name: p.name,
    kind: p.kind,
    status: 'active',
    agent_id: p.agent,
    categories_json: p.categories,
    hosts_json: p.hosts,
    first_seen_at: p.at,
  }),
);
export const payeeById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payees').selectAll().where('id', '=', p.id),
);
export const payeeByName = statement<{ name: string }>()((db, p) =>
  db.selectFrom('payees').selectAll().where('name', '=', p.name),
);
/** Active ones first, then the oldest. */
export const payeeOfAgent = statement<{ agent: string }>()((db, p, f) =>
  db
    .selectFrom('payees as p')
    .innerJoin('agents as a', 'a.id', 'p.agent_id')
    .selectAll('p')
    .where('p.kind', '=', 'agent')
    .where(({ eb, or }) => or([eb('a.id', '=', p.agent), eb('a.name', '=', p.agent)]))
    .orderBy((eb) => f.flag(eb('p.status', '=', 'active')), 'desc')
    .orderBy('p.id')
    .limit(1),
);
export const allPayees = statement()((db) => db.selectFrom('payees').selectAll().orderBy('id'));
export const payeeByHost = statement<{ host: string }>()((db, p) =>
  db
    .selectFrom('payees as p')
    .innerJoin('payee_hosts as h', 'h.payee_id', 'p.id')
    .selectAll('p')
    .where('h.host', '=', p.host),
);
export const payeeByAddress = statement<{ address: string }>()((db, p) =>
  db
    .selectFrom('payees as p')
    .innerJoin('payee_addresses as a', 'a.payee_id', 'p.id')
    .selectAll('p')
    .where('a.address', '=', p.address)
    .orderBy('a.first_seen_at')
    .orderBy('p.id')
    .limit(1),
);
export const changePayee = statement<{ id: string; status: Payee['status']; categories: string; hosts: string }>()(
  (db, p) =>
    db
      .updateTable('payees')
      .set({ status: p.status, categories_json: p.categories, hosts_json: p.hosts })
      .where('id', '=', p.id),
);

const nextPosition = (eb: ExpressionBuilder<Schema, 'payee_addresses'>, payee: string) =>
  eb
    .selectFrom('payee_addresses')
    .select(({ fn, eb: of, val }) => of(fn.coalesce(fn.max('position'), val(0n)), '+', 1n).as('next'))
    .where('payee_id', '=', payee);

/** A retired address is used again. */
export const putAddress = statement<{
  payee: string;
  address: string;
  at: number;
  verified: number | null;
  changed: number | null;
}>()((db, p) =>
  db
    .insertInto('payee_addresses')
    .values((eb) => ({
      payee_id: p.payee,
      address: p.address,
      position: nextPosition(eb, p.payee),
      first_seen_at: p.at,
      verified_at: p.verified,
      changed_at: p.changed,
    }))
    .onConflict((conflict) =>
      conflict.columns(['payee_id', 'address']).doUpdateSet(({ ref }) => ({
        retired_at: null,
        verified_at: ref('excluded.verified_at'),
        changed_at: ref('excluded.changed_at'),
      })),
    ),
);
export const newAddress = statement<{ payee: string; address: string; at: number; verified: number | null }>()(
  (db, p) =>
    db.insertInto('payee_addresses').values((eb) => ({
      payee_id: p.payee,
      address: p.address,
      position: nextPosition(eb, p.payee),
      first_seen_at: p.at,
      verified_at: p.verified,
    })),
);
export const addressesOf = statement<{ payee: string }>()((db, p) =>
  db
    .selectFrom('payee_addresses')
    .select(['address', 'first_seen_at', 'verified_at', 'changed_at', 'retired_at'])
    .where('payee_id', '=', p.payee)
    .orderBy((eb) => eb.fn.coalesce('changed_at', 'first_seen_at'))
    .orderBy('position'),
);
export const retireAddresses = statement<{ payee: string; at: number }>()((db, p) =>
  db
    .updateTable('payee_addresses')
    .set({ retired_at: p.at })
    .where('payee_id', '=', p.payee)
    .where('retired_at', 'is', null),
);
type Marked = { payee: string; address: string; at: number };
/** Only an address in use can be marked. */
export const markAs = {
  verified: statement<Marked>()((db, p) =>
    db
      .updateTable('payee_addresses')
      .set({ verified_at: p.at })
      .where('payee_id', '=', p.payee)
      .where('address', '=', p.address)
      .where('retired_at', 'is', null),
  ),
  retired: statement<Marked>()((db, p) =>
    db
      .updateTable('payee_addresses')
      .set({ retired_at: p.at })
      .where('payee_id', '=', p.payee)
      .where('address', '=', p.address)
      .where('retired_at', 'is', null),
  ),
} as const;

export const hostHolder = statement<{ host: string }>()((db, p) =>
  db.selectFrom('payee_hosts').select('payee_id').where('host', '=', p.host),
);
export const newHost = statement<{ host: string; payee: string }>()((db, p) =>
  db.insertInto('payee_hosts').values({ host: p.host, payee_id: p.payee }),
);
export const removeHostsOf = statement<{ payee: string }>()((db, p) =>
  db.deleteFrom('payee_hosts').where('payee_id', '=', p.payee),
);
