import { z } from 'zod';
import { idOf, iso, isoOrNull, Limit } from '../../../core/schemas/schemas.ts';
import type { ReadTx } from '../../../store/store.ts';
import { operation } from '../operation.ts';

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

export function eventsAfter(
  tx: ReadTx,
  filter: {
    after: number;
    upTo?: number;
    agent?: string | undefined;
    payment?: string | undefined;
    limit: number;
    seals?: boolean;
  },
): EventView[] {
  const where = ['seq > ?', ...(filter.seals ? [] : ["type <> 'rows.sealed'"])];
  const values: (string | number)[] = [filter.after];
  if (filter.upTo !== undefined) {
    where.push('seq <= ?');
    values.push(filter.upTo);
  }
  if (filter.agent) {
    where.push('agent_id = ?');
    values.push(filter.agent);
  }
  if (filter.payment) {
    where.push('payment_id = ?');
    values.push(filter.payment);
  }
  return tx
    .all<{ body: string; hash: string }>(
      `SELECT body, hash FROM events WHERE ${where.join(' AND ')} ORDER BY seq LIMIT ?`,
      ...values,
      filter.limit,
    )
    .map((row) => ({ ...(JSON.parse(row.body) as Omit<EventView, 'hash'>), hash: row.hash }));
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
        .describe(
          'Also the `rows.sealed` events: digests of changed rows, for anyone who follows the whole chain of hashes',
        ),
      limit: Limit,
    }),
    output: z.object({ events: z.array(EventView), head: z.object({ seq: z.int(), hash: z.string() }).nullable() }),
    errors: [],
    handler: (app, caller, input) =>
      app.store.read((tx) => {
        const head = tx.get<{ seq: bigint; hash: string }>('SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1');
        return {
          events: eventsAfter(tx, {
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
    summary: 'What a person must look at: unexplained transfers, an unreachable chain, a ledger that disagrees.',
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
    handler: (app, _caller, { limit }) => ({
      alerts: app.store.read((tx) =>
        tx
          .all<{
            id: bigint;
            type: string;
            agent_id: string | null;
            body_json: string;
            raised_at: bigint;
            resolved_at: bigint | null;
          }>('SELECT * FROM alerts ORDER BY id DESC LIMIT ?', limit)
          .map((row) => ({
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
