import type { PaymentState } from '../../core/payment/states.ts';
import { statement } from '../../store/statement.ts';

/** Payments that hold or moved money. */
export const countedStates = [
  'in_review',
  'authorized',
  'submitted',
  'settled',
  'final',
] as const satisfies PaymentState[];
const columns = [
  'id',
  'agent_id',
  'sponsor_id',
  'workflow_id',
  'payee_id',
  'kind',
  'chain_id',
  'address',
  'host',
  'category',
  'amount_micro',
  'created_at',
  'state',
  'refund_of',
  'settled_at',
] as const;

/** Ids are in order of time. */
export const countedAfter = statement<{ after: string; since: number; limit: number }>()((db, p) =>
  db
    .selectFrom('payments')
    .select(columns)
    .where('id', '>', p.after)
    .where('created_at', '>=', p.since)
    .where('state', 'in', countedStates)
    .orderBy('id')
    .limit(p.limit),
);
export const anyAfter = statement<{ after: string; limit: number }>()((db, p) =>
  db.selectFrom('payments').select(columns).where('id', '>', p.after).orderBy('id').limit(p.limit),
);
export const countedById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payments').select(columns).where('id', '=', p.id),
);
export const someIds = statement<{ limit: number }>()((db, p) => db.selectFrom('payments').select('id').limit(p.limit));
/** Refunds that arrived since then, or whose originals were made since then. */
export const refundsSince = statement<{ since: number }>()((db, p, f) =>
  db
    .selectFrom('payments as r')
    .innerJoin('payments as o', 'o.id', 'r.refund_of')
    .select((eb) => [
      'r.id',
      eb.ref('r.refund_of').$notNull().as('refund_of'),
      'r.amount_micro',
      eb.ref('r.settled_at').$notNull().as('settled_at'),
      'o.created_at as made_at',
    ])
    .where('r.refund_of', 'is not', null)
    .where('r.state', 'in', ['settled', 'final'])
    .where(({ eb, ref }) => eb(f.larger(ref('o.created_at'), ref('r.settled_at')), '>=', p.since))
    .orderBy('r.settled_at')
    .orderBy('r.id'),
);

export const newestEvent = statement()((db) =>
  db.selectFrom('events').select((eb) => eb.fn.max<bigint | null>('seq').as('seq')),
);
export const eventsAfter = statement<{ after: number; limit: number }>()((db, p) =>
  db.selectFrom('events').select(['seq', 'payment_id']).where('seq', '>', p.after).orderBy('seq').limit(p.limit),
);
