import { z } from 'zod';
import { AmountView, amountView, iso, Limit, Time } from '../../../core/schemas/schemas.ts';
import { isCounted } from '../../../decide/payments/recountMeters.ts';
import { operation } from '../operation.ts';
import { decisionsBefore } from './queries.ts';

export const decisionOperations = [
  operation({
    name: 'list_decisions',
    summary:
      'Decisions, newest first, with the exact texts of input and result, so that they can be repeated. `next_cursor` is the `cursor` of the next page.',
    method: 'GET',
    path: '/v1/decisions',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({
      since: Time.optional().describe('Decided at this time or later'),
      cursor: z.coerce.number().int().min(1).optional(),
      limit: Limit,
    }),
    output: z.object({
      decisions: z.array(
        z.object({
          seq: z.int(),
          payment: z.string(),
          agent: z.string(),
          amount: AmountView,
          hash: z.string(),
          policy_digest: z.string(),
          at: z.string(),
          first: z.boolean().describe('False: decided again after people had signed'),
          input: z.string(),
          result: z.string(),
          counted: z.boolean().describe('Meters counted the payment from its first decision on: it was not denied'),
          released_at: z
            .string()
            .nullable()
            .describe('When the payment was given up and left its meters again; null where it holds or moved money'),
          settled_at: z.string().nullable().describe('The time of the block that moved the money'),
          refund_of: z.string().nullable().describe('On a refund, the payment that it gives back'),
        }),
      ),
      next_cursor: z.int().nullable(),
    }),
    errors: [],
    handler: (app, _caller, { since, cursor, limit }) =>
      app.store.read(async (tx) => {
        const rows = await tx.all(decisionsBefore, { before: cursor ?? Number.MAX_SAFE_INTEGER, limit });
        // They are stored in the order of time, so the first older one ends the list.
        const sinceMs = since === undefined ? 0 : Date.parse(since);
        const wanted = rows.filter((row) => Number(row.decided_at) >= sinceMs);
        return {
          decisions: wanted.map((row) => ({
            seq: Number(row.seq),
            payment: row.payment_id,
            agent: row.agent_id,
            amount: amountView(row.amount_micro),
            hash: row.hash,
            policy_digest: row.policy_digest,
            at: iso(Number(row.decided_at)),
            first: row.is_first === 1n,
            input: row.input_json,
            result: row.result_json,
            counted: row.state !== 'denied',
            // A state that gave the money back has no way out, so nothing was written after it.
            released_at: row.state !== 'denied' && !isCounted(row.state) ? iso(Number(row.updated_at)) : null,
            settled_at: row.settled_at === null ? null : iso(Number(row.settled_at)),
            refund_of: row.refund_of,
          })),
          next_cursor: wanted.length === limit ? Number(wanted.at(-1)?.seq) : null,
        };
      }),
  }),
];
