import { type RowOf, statement } from '../../store/statement.ts';

export const newestActivation = statement()((db) =>
  db.selectFrom('policy_activations').select('digest').orderBy('seq', 'desc').limit(1),
);

export const newestActivationBut = statement<{ digest: string }>()((db, p) =>
  db.selectFrom('policy_activations').select('digest').where('digest', '!=', p.digest).orderBy('seq', 'desc').limit(1),
);

export const addActivation = statement<{
  digest: string;
  kind: 'activate' | 'rollback';
  by: string;
  at: number;
}>()((db, p) =>
  db.insertInto('policy_activations').values({ digest: p.digest, kind: p.kind, actor: p.by, activated_at: p.at }),
);

export const addBundle = statement<{ digest: string; bundle: string; note: string; at: number }>()((db, p) =>
  db
    .insertInto('policy_bundles')
    .values({ digest: p.digest, bundle: p.bundle, note: p.note, loaded_at: p.at })
    .onConflict((conflict) => conflict.column('digest').doNothing()),
);

export const bundleOf = statement<{ digest: string }>()((db, p) =>
  db.selectFrom('policy_bundles').select('bundle').where('digest', '=', p.digest),
);

export const policyVersions = statement()((db, _, f) =>
  db
    .selectFrom('policy_bundles as b')
    .leftJoin('policy_activations as a', 'a.digest', 'b.digest')
    .select(['b.digest', 'b.note', 'b.loaded_at'])
    .select((eb) => [
      eb.fn.max<bigint | null>('a.activated_at').as('activated_at'),
      f
        .flag(
          eb.exists(
            eb
              .selectFrom('policy_shadows as s')
              .select('s.seq')
              .whereRef('s.digest', '=', 'b.digest')
              .where('s.ended_at', 'is', null),
          ),
        )
        .as('shadow'),
    ])
    .groupBy('b.digest')
    .orderBy('b.loaded_at', 'desc')
    .orderBy('b.digest'),
);

type NewShadow = { digest: string; meters: string; by: string; at: number };
export const addShadow = statement<NewShadow>()((db, p) =>
  db
    .insertInto('policy_shadows')
    .values({ digest: p.digest, meters_json: p.meters, started_by: p.by, started_at: p.at })
    .returning('seq'),
);

export const openShadow = statement()((db) =>
  db.selectFrom('policy_shadows').select(['seq', 'digest', 'meters_json']).where('ended_at', 'is', null),
);
export type OpenShadow = RowOf<typeof openShadow>;

export const newestShadow = statement()((db) =>
  db.selectFrom('policy_shadows').selectAll().orderBy('seq', 'desc').limit(1),
);

export const newestShadowOf = statement<{ digest: string }>()((db, p) =>
  db.selectFrom('policy_shadows').selectAll().where('digest', '=', p.digest).orderBy('seq', 'desc').limit(1),
);

export const countsOf = statement<{ shadow: number }>()((db, p) =>
  db
    .selectFrom('policy_shadow_counts')
    .selectAll()
    .where('shadow', '=', p.shadow)
    .orderBy('count', 'desc')
    .orderBy('active_effect')
    .orderBy('shadow_effect'),
);

export const differencesBefore = statement<{ shadow: number; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('policy_differences as d')
    .innerJoin('payments as p', 'p.id', 'd.payment_id')
    .selectAll('d')
    .select('p.agent_id')
    .where('d.shadow', '=', p.shadow)
    .where('d.seq', '<', p.before)
    .orderBy('d.seq', 'desc')
    .limit(p.limit),
);
