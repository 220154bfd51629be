import { statement } from '../../store/statement.ts';
import type { Effect } from '../policy/decision.ts';

export const isShadowOpen = statement<{ seq: number }>()((db, p) =>
  db.selectFrom('policy_shadows').select('seq').where('seq', '=', p.seq).where('ended_at', 'is', null),
);

export const closeShadow = statement<{ seq: number; at: number; by: string; reason: string }>()((db, p) =>
  db
    .updateTable('policy_shadows')
    .set({ ended_at: p.at, ended_by: p.by, end_reason: p.reason })
    .where('seq', '=', p.seq),
);

type Compared = { shadow: number; active: Effect; candidate: Effect; isSame: number; amount: bigint };
/** `most`: what is asked for and denied has no bound, and a sum that the table cannot hold would refuse the payment itself. */
export const countCompared = statement<Compared & { most: bigint }>()((db, p) =>
  db
    .insertInto('policy_shadow_counts')
    .values({
      shadow: p.shadow,
      active_effect: p.active,
      shadow_effect: p.candidate,
      is_same: p.isSame,
      count: 1n,
      amount_micro: p.amount,
    })
    .onConflict((conflict) =>
      conflict.columns(['shadow', 'active_effect', 'shadow_effect', 'is_same']).doUpdateSet((eb) => ({
        count: eb('policy_shadow_counts.count', '+', 1n),
        amount_micro: eb
          .case()
          // total > most - added, without a sum that SQLite would make a float of.
          .when(eb(eb('policy_shadow_counts.amount_micro', '-', p.most), '>', eb.neg(eb.ref('excluded.amount_micro'))))
          .then(p.most)
          .else(eb('policy_shadow_counts.amount_micro', '+', eb.ref('excluded.amount_micro')))
          .end(),
      })),
    ),
);

type NewDifference = {
  shadow: number;
  payment: string;
  at: number;
  amount: bigint;
  activeDigest: string;
  active: Effect;
  activeReasons: string;
  activeReview: string | null;
  candidate: Effect;
  candidateReasons: string;
  candidateReview: string | null;
  failure: string | null;
};
export const addDifference = statement<NewDifference>()((db, p) =>
  db.insertInto('policy_differences').values({
    shadow: p.shadow,
    payment_id: p.payment,
    at: p.at,
    amount_micro: p.amount,
    active_digest: p.activeDigest,
    active_effect: p.active,
    active_reasons_json: p.activeReasons,
    active_review_json: p.activeReview,
    shadow_effect: p.candidate,
    shadow_reasons_json: p.candidateReasons,
    shadow_review_json: p.candidateReview,
    failure: p.failure,
  }),
);
