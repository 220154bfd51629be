import { statement } from '../../store/statement.ts';

export const newSchedule = statement<{
  id: string;
  agent: string;
  name: string;
  request: string;
  rrule: string;
  zone: string;
  starts: number;
  within: number;
  next: number | null;
  by: string;
  at: number;
}>()((db, p) =>
  db.insertInto('schedules').values({
    id: p.id,
    agent_id: p.agent,
    status: 'active',
    name: p.name,
    request_json: p.request,
    rrule: p.rrule,
    zone: p.zone,
    starts_at: p.starts,
    pay_within_ms: p.within,
    next_at: p.next,
    created_by: p.by,
    created_at: p.at,
  }),
);
export const setScheduled = statement<{ id: string; status: 'active' | 'paused' | 'ended'; next: number | null }>()(
  (db, p) => db.updateTable('schedules').set({ status: p.status, next_at: p.next }).where('id', '=', p.id),
);
export const setNext = statement<{ id: string; next: number }>()((db, p) =>
  db.updateTable('schedules').set({ next_at: p.next }).where('id', '=', p.id),
);
export const endSchedule = statement<{ id: string }>()((db, p) =>
  db.updateTable('schedules').set({ next_at: null, status: 'ended' }).where('id', '=', p.id),
);
export const scheduleById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('schedules').selectAll().where('id', '=', p.id),
);
export const newestSchedules = statement()((db) =>
  db.selectFrom('schedules').selectAll().orderBy('id', 'desc').limit(500),
);
export const newestSchedulesOf = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('schedules').selectAll().where('agent_id', '=', p.agent).orderBy('id', 'desc').limit(500),
);
export const schedulesDue = statement<{ at: number; limit: number }>()((db, p) =>
  db
    .selectFrom('schedules')
    .selectAll()
    .where('status', '=', 'active')
    .where('next_at', 'is not', null)
    .where('next_at', '<=', p.at)
    .orderBy('next_at')
    .orderBy('id')
    .limit(p.limit),
);

export const occurrenceAt = statement<{ schedule: string; due: number }>()((db, p) =>
  db.selectFrom('occurrences').select('due_at').where('schedule_id', '=', p.schedule).where('due_at', '=', p.due),
);
export const newOccurrence = statement<{
  schedule: string;
  due: number;
  outcome: 'asked' | 'skipped' | 'refused';
  payment: string | null;
  detail: string | null;
  at: number;
}>()((db, p) =>
  db.insertInto('occurrences').values({
    schedule_id: p.schedule,
    due_at: p.due,
    outcome: p.outcome,
    payment_id: p.payment,
    detail: p.detail,
    handled_at: p.at,
  }),
);
