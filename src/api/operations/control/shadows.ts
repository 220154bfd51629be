import { z } from 'zod';
import { AmountView, amountView, Digest, iso, Limit, ReasonView, ReviewView } from '../../../core/schemas/schemas.ts';
import {
  findShadow,
  listDifferences,
  type ShadowView,
  summaryOf,
} from '../../../decide/policy-versions/differences.ts';
import { shadowEnds } from '../../../decide/policy-versions/shadow.ts';
import { actOf } from '../act.ts';
import { operation } from '../operation.ts';

const Effect = z.enum(['allow', 'deny', 'review']);
const RunView = z
  .object({
    digest: z.string(),
    started_by: z.string(),
    started_at: z.string(),
    ended: z.object({ reason: z.enum(shadowEnds), by: z.string(), at: z.string() }).nullable(),
  })
  .meta({ id: 'ShadowRun' });
const SaidView = z
  .object({ effect: Effect, reasons: z.array(ReasonView), review: ReviewView.nullable() })
  .meta({ id: 'ShadowVerdict' });
const SummaryView = z
  .object({
    decided: z.int(),
    same: z.int().describe('The same effect for the same reasons'),
    other_reasons: z.int().describe('The same effect, for other reasons or by other people'),
    changes: z.array(z.object({ active: Effect, shadow: Effect, count: z.int(), amount: AmountView })),
  })
  .meta({ id: 'ShadowSummary' });

const runView = ({ digest, startedBy, startedAtMs, ended }: ShadowView): z.input<typeof RunView> => ({
  digest,
  started_by: startedBy,
  started_at: iso(startedAtMs),
  ended: ended && { reason: ended.reason, by: ended.by, at: iso(ended.atMs) },
});
const saidView = (
  said: Awaited<ReturnType<typeof listDifferences>>[number]['active'],
  atMs: number,
): z.input<typeof SaidView> => ({
  effect: said.effect,
  reasons: said.reasons,
  review: said.review && {
    quorum: said.review.quorum,
    roles: [...said.review.roles],
    expires_at: iso(atMs + said.review.expiresInMs),
  },
});

export const shadowOperations = [
  operation({
    name: 'shadow_policy',
    summary:
      'Ask a loaded policy next to the active one, from the next payment on; it decides nothing. Null ends it. One at a time.',
    method: 'POST',
    path: '/v1/policies/shadow',
    scope: 'policy',
    cost: 'heavy',
    input: z.strictObject({ digest: Digest.nullable() }),
    output: z.object({ digest: z.string().nullable() }),
    errors: ['policy_not_found', 'policy_unavailable', 'policy_already_active', 'conflict'],
    handler: async (app, caller, { digest }) => {
      const act = actOf(app, caller);
      await (digest === null ? app.policies.endShadow(act) : app.policies.startShadow(digest, act));
      return { digest };
    },
  }),
  operation({
    name: 'policy_differences',
    summary:
      'Where a candidate in shadow would have decided otherwise, newest first, and the sums of it. `next_cursor` is the `cursor` of the next page.',
    method: 'GET',
    path: '/v1/policies/differences',
    scope: 'read',
    cost: 'heavy',
    peopleOnly: true,
    input: z.strictObject({
      digest: Digest.optional().describe('An earlier candidate; default: the newest one'),
      cursor: z.coerce.number().int().min(1).optional(),
      limit: Limit,
    }),
    output: z.object({
      shadow: RunView.nullable(),
      summary: SummaryView,
      differences: z.array(
        z.object({
          seq: z.int(),
          payment: z.string(),
          agent: z.string(),
          at: z.string(),
          amount: AmountView,
          active_digest: z.string(),
          active: SaidView,
          shadow: SaidView,
          failure: z.string().nullable().describe('The error of the candidate, if it failed'),
        }),
      ),
      next_cursor: z.int().nullable(),
    }),
    errors: [],
    handler: (app, _caller, { digest, cursor, limit }) =>
      app.store.read(async (tx) => {
        const run = await findShadow(tx, digest ?? null);
        if (!run) {
          return {
            shadow: null,
            summary: { decided: 0, same: 0, other_reasons: 0, changes: [] },
            differences: [],
            next_cursor: null,
          };
        }
        const { otherReasons, changes, ...counts } = await summaryOf(tx, run.seq);
        const page = await listDifferences(tx, run.seq, { before: cursor, limit });
        return {
          shadow: runView(run),
          summary: {
            ...counts,
            other_reasons: otherReasons,
            changes: changes.map(({ amountMicro, ...change }) => ({ ...change, amount: amountView(amountMicro) })),
          },
          differences: page.map((each) => ({
            seq: each.seq,
            payment: each.paymentId,
            agent: each.agentId,
            at: iso(each.atMs),
            amount: amountView(each.amountMicro),
            active_digest: each.activeDigest,
            active: saidView(each.active, each.atMs),
            shadow: saidView(each.shadow, each.atMs),
            failure: each.failure,
          })),
          next_cursor: page.length === limit ? (page.at(-1)?.seq ?? null) : null,
        };
      }),
  }),
];
