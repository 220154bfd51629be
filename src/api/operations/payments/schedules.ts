import { z } from 'zod';
import { newId } from '../../../core/ids/ids.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import {
  Amount,
  AmountView,
  amountView,
  idOf,
  iso,
  isoOrNull,
  Label,
  Name,
  Ref,
  safeText,
  Time,
} from '../../../core/schemas/schemas.ts';
import { getPayee } from '../../../decide/identity/payees.ts';
import { getWorkflow } from '../../../decide/identity/workflows.ts';
import {
  createSchedule,
  getSchedule,
  listSchedules,
  type Schedule,
  setScheduleStatus,
} from '../../../spend/recurring/schedules.ts';
import type { ReadTx } from '../../../store/store.ts';
import { actOf, refuseForeign, visibleAgent } from '../act.ts';
import { operation } from '../operation.ts';
import { actingAgent } from './paymentRequest.ts';
import { newestOccurrences } from './queries.ts';

const DAY_SECONDS = 86_400;
const OCCURRENCES_SHOWN = 20;

const ScheduleView = z
  .object({
    id: z.string(),
    agent: z.string(),
    name: z.string(),
    status: z.enum(['active', 'paused', 'ended']),
    payee: z.string(),
    amount: AmountView,
    category: z.string().nullable(),
    memo: z.string().nullable(),
    workflow: z.string().nullable(),
    rrule: z.string(),
    zone: z.string(),
    starts_at: z.string(),
    pay_within_seconds: z.int(),
    next_at: z.string().nullable(),
    occurrences: z.array(
      z.object({
        due_at: z.string(),
        outcome: z.enum(['asked', 'skipped', 'refused']),
        payment: z.string().nullable(),
        detail: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Schedule' });

async function view(tx: ReadTx, schedule: Schedule): Promise<z.input<typeof ScheduleView>> {
  const rows = await tx.all(newestOccurrences, { schedule: schedule.id, limit: OCCURRENCES_SHOWN });
  const { payment, cadence } = schedule;
  return {
    id: schedule.id,
    agent: schedule.agentId,
    name: schedule.name,
    status: schedule.status,
    payee: payment.payee,
    amount: amountView(BigInt(payment.amountMicro)),
    category: payment.category,
    memo: payment.memo,
    workflow: payment.workflow,
    rrule: cadence.rrule,
    zone: cadence.zone,
    starts_at: iso(cadence.startsAtMs),
    pay_within_seconds: Math.round(schedule.payWithinMs / 1000),
    next_at: isoOrNull(schedule.nextAtMs),
    occurrences: rows.map((row) => ({
      due_at: iso(Number(row.due_at)),
      outcome: row.outcome,
      payment: row.payment_id,
      detail: row.detail,
    })),
  };
}

export const scheduleOperations = [
  operation({
    name: 'create_schedule',
    summary:
      'Create a recurring payment, by the wall clock of a time zone. Each occurrence goes through the gate with kind `recurring`.',
    method: 'POST',
    path: '/v1/schedules',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      agent: Ref,
      name: Name,
      payee: Ref,
      amount: Amount,
      category: Label.optional(),
      memo: safeText(280).optional(),
      workflow: Ref.optional(),
      rrule: z.string().max(200).describe('RFC 5545, as FREQ=MONTHLY;BYMONTHDAY=1'),
      zone: z.string().max(60).default('UTC'),
      starts_at: Time.optional(),
      pay_within_seconds: z
        .int()
        .min(0)
        .max(31 * DAY_SECONDS)
        .default(0)
        .describe('How late a missed occurrence is still paid; 0: it is skipped'),
    }),
    output: ScheduleView,
    errors: ['agent_not_found', 'payee_not_found', 'workflow_not_found'],
    handler: async (app, caller, input) => {
      const agentId = await actingAgent(app, caller, input.agent);
      return app.store.write(async (tx) => {
        const act = actOf(app, caller);
        const schedule = await createSchedule(tx, act, {
          id: newId('schedule'),
          agentId,
          name: input.name,
          payment: {
            payee: (await getPayee(tx, input.payee)).id,
            amountMicro: input.amount.toString(),
            category: input.category ?? null,
            memo: input.memo ?? null,
            workflow: input.workflow === undefined ? null : (await getWorkflow(tx, input.workflow)).id,
          },
          cadence: {
            rrule: input.rrule,
            zone: input.zone,
            startsAtMs: input.starts_at === undefined ? act.atMs : Date.parse(input.starts_at),
          },
          payWithinMs: input.pay_within_seconds * 1000,
        });
        return view(tx, schedule);
      });
    },
  }),
  operation({
    name: 'list_schedules',
    summary: 'List schedules with the results of their last occurrences.',
    method: 'GET',
    path: '/v1/schedules',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ agent: idOf('agent').optional() }),
    output: z.object({ schedules: z.array(ScheduleView) }),
    errors: [],
    handler: (app, caller, { agent }) =>
      app.store.read(async (tx) => ({
        schedules: await mapInOrder(await listSchedules(tx, visibleAgent(caller, agent)), (schedule) =>
          view(tx, schedule),
        ),
      })),
  }),
  operation({
    name: 'get_schedule',
    summary: 'Read a schedule.',
    method: 'GET',
    path: '/v1/schedules/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: idOf('schedule') }),
    output: ScheduleView,
    errors: ['schedule_not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => {
        const schedule = await getSchedule(tx, id);
        refuseForeign(caller, schedule.agentId);
        return view(tx, schedule);
      }),
  }),
  operation({
    name: 'set_schedule_status',
    summary: 'Pause a schedule, resume it with its next occurrence, or end it.',
    method: 'POST',
    path: '/v1/schedules/{id}/status',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: idOf('schedule'), status: z.enum(['active', 'paused', 'ended']) }),
    output: ScheduleView,
    errors: ['schedule_not_found', 'conflict'],
    handler: (app, caller, { id, status }) =>
      app.store.write(async (tx) => view(tx, await setScheduleStatus(tx, actOf(app, caller), id, status))),
  }),
];
