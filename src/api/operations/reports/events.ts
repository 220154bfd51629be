import { z } from 'zod';
import { eventHead } from '../../../books/ledger/queries.ts';
import { idOf, iso, isoOrNull, Limit } from '../../../core/schemas/schemas.ts';
import type { ReadTx } from '../../../store/store.ts';
import { operation } from '../operation.ts';
import { type EventFilter, filteredEvents, newestAlerts } from './queries.ts';

const EventView = z
  .object({
    seq: z.int(),
    at: z.string(),
    type: z.string(),
    actor: z.string(),
    payment: z.string().nullable(),
    agent: z.string().nullable(),
    sponsor: z.string().nullable(),
    workflow: z.string().nullable(),
    policy_digest: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
    hash: z.string(),
  })
  .meta({ id: 'Event' });
export type EventView = z.input<typeof EventView>;

export async function eventsAfter(tx: ReadTx, filter: EventFilter): Promise<EventView[]> {
  return (await tx.all(filteredEvents(filter))).map((row) => ({
    ...(JSON.parse(row.body) as Omit<EventView, 'hash'>),
    hash: row.hash,
  }));
}

export const eventOperations = [
  operation({
    name: 'list_events',
    summary:
      'The event log in order: attempts, denials, retries, reviews, signatures, broadcasts, settlements, administrator acts.',
    method: 'GET',
    path: '/v1/events',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({
      after: z.coerce.number().int().min(0).default(0).describe('The last `seq` you have'),
      agent: idOf('agent').optional(),
      payment: idOf('payment').optional(),
      seals: z
        .stringbool()
        .default(false)
        .describe('Also the `rows.sealed` events: digests of changed rows, for a check of the whole chain of hashes'),
      limit: Limit,
    }),
    output: z.object({ events: z.array(EventView), head: z.object({ seq: z.int(), hash: z.string() }).nullable() }),
    errors: [],
    handler: (app, caller, input) =>
      app.store.read(async (tx) => {
        const head = await tx.get(eventHead);
        return {
          events: await eventsAfter(tx, {
            ...input,
            payment: input.payment,
            agent: caller.credential.agentId ?? input.agent,
          }),
          head: head ? { seq: Number(head.seq), hash: head.hash } : null,
        };
      }),
  }),
  operation({
    name: 'list_alerts',
    summary: 'Alerts for people: unexplained transfers, an unreachable chain, a ledger that disagrees with it.',
    method: 'GET',
    path: '/v1/alerts',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({ limit: Limit }),
    output: z.object({
      alerts: z.array(
        z.object({
          id: z.int(),
          type: z.string(),
          agent: z.string().nullable(),
          data: z.record(z.string(), z.unknown()),
          raised_at: z.string(),
          resolved_at: z.string().nullable(),
        }),
      ),
    }),
    errors: [],
    handler: async (app, _caller, { limit }) => ({
      alerts: await app.store.read(async (tx) =>
        (await tx.all(newestAlerts, { limit })).map((row) => ({
          id: Number(row.id),
          type: row.type,
          agent: row.agent_id,
          data: JSON.parse(row.body_json) as Record<string, unknown>,
          raised_at: iso(Number(row.raised_at)),
          resolved_at: isoOrNull(row.resolved_at === null ? null : Number(row.resolved_at)),
        })),
      ),
    }),
  }),
];
