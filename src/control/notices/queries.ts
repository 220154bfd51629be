import { statement } from '../../store/statement.ts';

export const newestEvent = statement()((db) =>
  db.selectFrom('events').select((eb) => eb.fn.max<bigint | null>('seq').as('seq')),
);
/** Events after one, up to and including another. */
export const eventsBetween = statement<{ after: bigint; last: bigint }>()((db, p) =>
  db.selectFrom('events').select(['seq', 'type']).where('seq', '>', p.after).where('seq', '<=', p.last).orderBy('seq'),
);

export const newNotice = statement<{ id: string; endpoint: string; event: bigint; at: number }>()((db, p) =>
  db
    .insertInto('notices')
    .values({ id: p.id, endpoint_id: p.endpoint, event_seq: p.event, state: 'pending', next_at: p.at })
    .onConflict((conflict) => conflict.doNothing()),
);
export const noticesDue = statement<{ at: number; limit: number }>()((db, p) =>
  db
    .selectFrom('notices as n')
    .innerJoin('events as e', 'e.seq', 'n.event_seq')
    .select(['n.id', 'n.endpoint_id', 'n.attempts', 'e.body'])
    .where('n.state', '=', 'pending')
    .where('n.next_at', '<=', p.at)
    .orderBy('n.next_at')
    .orderBy('n.id')
    .limit(p.limit),
);
export const setDelivered = statement<{ id: string; at: number }>()((db, p) =>
  db
    .updateTable('notices')
    .set((eb) => ({ state: 'delivered', attempts: eb('attempts', '+', 1n), delivered_at: p.at, last_error: null }))
    .where('id', '=', p.id)
    .where('state', '=', 'pending'),
);
export const setFailed = statement<{ id: string; state: 'dead' | 'pending'; next: number; error: string }>()((db, p) =>
  db
    .updateTable('notices')
    .set((eb) => ({ state: p.state, attempts: eb('attempts', '+', 1n), next_at: p.next, last_error: p.error }))
    .where('id', '=', p.id)
    .where('state', '=', 'pending'),
);
export const setPending = statement<{ id: string; at: number }>()((db, p) =>
  db.updateTable('notices').set({ state: 'pending', attempts: 0n, next_at: p.at }).where('id', '=', p.id),
);
export const endNoticesTo = statement<{ endpoint: string }>()((db, p) =>
  db
    .updateTable('notices')
    .set({ state: 'dead', last_error: 'endpoint removed' })
    .where('endpoint_id', '=', p.endpoint)
    .where('state', '=', 'pending'),
);

export const newEndpoint = statement<{
  id: string;
  kind: 'webhook' | 'chat' | 'email';
  target: string;
  events: string;
  secret: string | null;
  template: string | null;
  inside: number;
  at: number;
}>()((db, p) =>
  db.insertInto('notice_endpoints').values({
    id: p.id,
    kind: p.kind,
    target: p.target,
    events_json: p.events,
    secret: p.secret,
    template: p.template,
    inside: p.inside,
    status: 'active',
    created_at: p.at,
  }),
);
export const endpointById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('notice_endpoints').selectAll().where('id', '=', p.id),
);
export const activeEndpoints = statement()((db) =>
  db.selectFrom('notice_endpoints').selectAll().where('status', '=', 'active').orderBy('id'),
);
export const setRemoved = statement<{ id: string }>()((db, p) =>
  db.updateTable('notice_endpoints').set({ status: 'removed' }).where('id', '=', p.id),
);
