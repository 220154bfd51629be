import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { AgentId, Id } from '../../core/ids/ids.ts';
import { type Cadence, checkCadence, nextOccurrence, startOf } from '../../core/time/cadence.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import {
  newestSchedules,
  newestSchedulesOf,
  newSchedule,
  scheduleById,
  schedulesDue,
  setScheduled,
} from './queries.ts';

export type ScheduleId = Id<'schedule'>;
/** The payment of each occurrence; amounts in micro-USDC as text. */
export type ScheduledPayment = {
  payee: string;
  amountMicro: string;
  category: string | null;
  memo: string | null;
  workflow: string | null;
};
export type Schedule = {
  id: ScheduleId;
  agentId: AgentId;
  status: 'active' | 'paused' | 'ended';
  name: string;
  payment: ScheduledPayment;
  cadence: Cadence;
  /** How late a missed occurrence is still paid; 0 skips it. */
  payWithinMs: number;
  nextAtMs: number | null;
};

export async function createSchedule(
  tx: Tx,
  act: Act,
  input: Omit<Schedule, 'status' | 'nextAtMs'>,
): Promise<Schedule> {
  const agent = await getAgent(tx, input.agentId);
  checkCadence(input.cadence);
  const cadence = { ...input.cadence, startsAtMs: startOf(input.cadence) };
  // In whole seconds, as the rule counts: a schedule that starts now has its first occurrence now.
  const from = Math.max(cadence.startsAtMs, startOf({ ...cadence, startsAtMs: act.atMs })) - 1;
  await tx.run(newSchedule, {
    id: input.id,
    agent: agent.id,
    name: input.name,
    request: JSON.stringify(input.payment),
    rrule: input.cadence.rrule,
    zone: input.cadence.zone,
    starts: cadence.startsAtMs,
    within: input.payWithinMs,
    next: nextOccurrence(cadence, from),
    by: act.actor,
    at: act.atMs,
  });
  const data = { schedule: input.id, name: input.name, rrule: input.cadence.rrule, zone: input.cadence.zone };
  await recordAct(tx, act, { type: 'schedule.created', agentId: agent.id, sponsorId: agent.sponsorId, data });
  return getSchedule(tx, input.id);
}

/** Paused ones request nothing; resuming starts with the next occurrence, not with the missed ones. */
export async function setScheduleStatus(tx: Tx, act: Act, id: string, status: Schedule['status']): Promise<Schedule> {
  const schedule = await getSchedule(tx, id);
  if (schedule.status === 'ended') throw new BursarError('conflict', { message: 'What has ended stays ended.' });
  const next = status === 'active' ? nextOccurrence(schedule.cadence, act.atMs) : schedule.nextAtMs;
  await tx.run(setScheduled, { id: schedule.id, status, next });
  const data = { schedule: schedule.id, from: schedule.status, to: status };
  await recordAct(tx, act, { type: 'schedule.changed', agentId: schedule.agentId, data });
  return getSchedule(tx, schedule.id);
}

export async function getSchedule(tx: ReadTx, id: string): Promise<Schedule> {
  const row = await tx.get(scheduleById, { id });
  if (!row) throw new BursarError('schedule_not_found', { details: { schedule: id } });
  return toSchedule(row);
}

export async function listSchedules(tx: ReadTx, agentId: string | undefined): Promise<Schedule[]> {
  const rows =
    agentId === undefined ? await tx.all(newestSchedules) : await tx.all(newestSchedulesOf, { agent: agentId });
  return rows.map(toSchedule);
}

export async function dueSchedules(tx: ReadTx, atMs: number, limit: number): Promise<Schedule[]> {
  return (await tx.all(schedulesDue, { at: atMs, limit })).map(toSchedule);
}

function toSchedule(row: RowOf<typeof scheduleById>): Schedule {
  return {
    id: row.id as ScheduleId,
    agentId: row.agent_id as AgentId,
    status: row.status,
    name: row.name,
    payment: JSON.parse(row.request_json) as ScheduledPayment,
    cadence: { rrule: row.rrule, zone: row.zone, startsAtMs: Number(row.starts_at) },
    payWithinMs: Number(row.pay_within_ms),
    nextAtMs: row.next_at === null ? null : Number(row.next_at),
  };
}
