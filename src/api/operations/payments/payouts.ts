import { z } from 'zod';
import { appendEvent } from '../../../books/ledger/events.ts';
import { PAYMENTS_PER_BATCH } from '../../../chain/settlement/queue.ts';
import { BursarError } from '../../../core/errors/base.ts';
import type { AgentId } from '../../../core/ids/ids.ts';
import { newId } from '../../../core/ids/ids.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { idOf, Limit, Ref } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import { estimateGas } from '../../../spend/payouts/gas.ts';
import type { PayoutLine } from '../../../spend/payouts/line.ts';
import { openPayout, refuseChanged } from '../../../spend/payouts/open.ts';
import {
  findPayoutByKey,
  getPayout,
  linesAfter,
  listPayouts,
  openLines,
  type Payout,
  reopenableLines,
  setPayoutState,
} from '../../../spend/payouts/payout.ts';
import { previewLines } from '../../../spend/payouts/preview.ts';
import { type PayoutFile, readPayout } from '../../../spend/payouts/readPayout.ts';
import { repeatedLines } from '../../../spend/payouts/repeats.ts';
import { payoutEvent } from '../../../spend/payouts/runner.ts';
import { warningsOf } from '../../../spend/payouts/warnings.ts';
import type { ReadTx } from '../../../store/store.ts';
import { actOf, refuseForeign, visibleAgent } from '../act.ts';
import type { App } from '../app.ts';
import { operation, type RequestMeta } from '../operation.ts';
import { actingAgent, gateContext } from './paymentRequest.ts';
import { keyOf } from './payments.ts';
import { LineView, lineView, PayoutView, PreviewView, payoutView, previewView } from './payoutView.ts';

/** Ten thousand lines of a few hundred bytes. */
const BODY_MAX_BYTES = 4 * 1024 * 1024;
const LINES_PER_PAGE = 1_000;

const PayoutInput = z.strictObject({
  agent: Ref.optional().describe("From whose wallet; an agent's own key need not say"),
  csv: z.string().optional().describe('The text of a CSV file with a heading line: id, payee or address, amount, …'),
  lines: z
    .array(z.record(z.string(), z.unknown()))
    .optional()
    .describe('Or the lines as objects with the same names; `amount` as text, like "12.50"'),
  retry: z
    .boolean()
    .default(false)
    .describe(
      'Ask again for lines of this payout that were denied, expired or refused by the chain: they moved nothing',
    ),
});
type PayoutInput = z.output<typeof PayoutInput>;

const failures = [
  'agent_not_found',
  'payout_invalid',
  'body_too_large',
  'idempotency_conflict',
  'policy_unavailable',
] as const;

function fileOf({ csv, lines }: PayoutInput): PayoutFile {
  if (csv !== undefined && lines === undefined) return { csv };
  if (lines !== undefined && csv === undefined) return { lines };
  throw new BursarError('invalid_request', { message: 'Send either `csv` or `lines`.' });
}

/** The checked lines, and the payout that is stored under the key, if any. */
async function read(app: App, agentId: AgentId, key: string | null, input: PayoutInput) {
  const { store, chainFacts } = app;
  const known = key === null ? null : await store.read((tx) => findPayoutByKey(tx, agentId, key));
  const agent = await store.read((tx) => getAgent(tx, agentId));
  const isStored = (hash: string): boolean => known?.contentHash === hash;
  const { lines, hash } = await readPayout({ store, chain: chainFacts, agent, isStored }, fileOf(input));
  return { known, lines, hash };
}

async function visiblePayout(tx: ReadTx, caller: Caller, id: string): Promise<Payout> {
  const payout = await getPayout(tx, id);
  refuseForeign(caller, payout.agentId);
  return payout;
}

/** The lines that would be requested now. */
async function toAsk(
  tx: ReadTx,
  known: Payout | null,
  { lines, hash }: { lines: readonly PayoutLine[]; hash: string },
  retry: boolean,
): Promise<(PayoutLine & { attempt: number })[]> {
  if (!known) return lines.map((line) => ({ ...line, attempt: 1 }));
  await refuseChanged(tx, known, lines, hash);
  const again = retry ? await reopenableLines(tx, known.id) : [];
  return [...(await openLines(tx, known.id, known.total)), ...again].sort((a, b) => a.line - b.line);
}

export const payoutOperations = [
  operation({
    name: 'preview_payout',
    summary:
      'Show how the policy would decide the lines of a payout now, in order, and their cost. Writes nothing but an event. With the Idempotency-Key of a payout: its remaining lines.',
    method: 'POST',
    path: '/v1/payouts/preview',
    scope: 'pay',
    cost: 'heavy',
    input: PayoutInput,
    output: PreviewView,
    errors: failures,
    bodyMaxBytes: BODY_MAX_BYTES,
    handler: async (app, caller, input, meta: RequestMeta) => {
      const agentId = await actingAgent(app, caller, input.agent);
      const { known, lines, hash } = await read(app, agentId, meta.idempotencyKey, input);
      const asked = await app.store.read((tx) => toAsk(tx, known, { lines, hash }, input.retry));
      const payout = { id: known?.id ?? newId('batch'), agentId };
      const context = gateContext(app, caller);
      const previewed = await previewLines(app.store, payout, asked, context);
      const gas = await estimateGas(app.chain, previewed, PAYMENTS_PER_BATCH);
      const { policy, atMs } = context;
      const agent = await app.store.read((tx) => getAgent(tx, agentId));
      const warnings = [
        ...(await repeatedLines(app.store, { agentId, payoutId: payout.id }, lines, atMs)),
        ...(await warningsOf(app.chain, app.addresses.executor, agent, { lines: previewed, gas })),
      ];
      const view = previewView({ known, lines, previewed, gas, warnings, policyDigest: policy.digest, atMs });
      await app.store.write(async (tx) => {
        const { total, done, allowed, review, denied } = view;
        const data = {
          key: meta.idempotencyKey,
          total,
          done,
          allowed,
          review,
          denied,
          amount: view.total_amount.value,
        };
        const fields = {
          type: 'payout.previewed',
          actor: caller.actor,
          agentId,
          policyDigest: policy.digest,
          data,
        } as const;
        await appendEvent(tx, fields, atMs);
      });
      return view;
    },
  }),
  operation({
    name: 'create_payout',
    summary:
      'Pay up to 10,000 lines from one wallet. The whole file is checked first; then each line is decided separately, and the authorized ones settle in batches. The same file and key again continue it, and pay no line twice.',
    method: 'POST',
    path: '/v1/payouts',
    scope: 'pay',
    cost: 'heavy',
    input: PayoutInput,
    output: PayoutView.extend({ replayed: z.boolean().describe('The payout existed already') }),
    errors: failures,
    idempotent: true,
    bodyMaxBytes: BODY_MAX_BYTES,
    handler: async (app, caller, input, meta) => {
      const agentId = await actingAgent(app, caller, input.agent);
      const idempotencyKey = keyOf(meta);
      const { lines, hash } = await read(app, agentId, idempotencyKey, input);
      app.policies.active();
      const requested = { agentId, idempotencyKey, askedBy: caller.actor, lines, hash, retry: input.retry };
      const { payout, replayed } = await app.store.write((tx) => openPayout(tx, requested, app.clock()));
      app.wake();
      return { ...(await app.store.read((tx) => payoutView(tx, payout))), replayed };
    },
  }),
  operation({
    name: 'list_payouts',
    summary: 'List payouts, newest first. `cursor` is the last id of the page before.',
    method: 'GET',
    path: '/v1/payouts',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ agent: idOf('agent').optional(), cursor: idOf('batch').optional(), limit: Limit }),
    output: z.object({ payouts: z.array(PayoutView), next_cursor: z.string().nullable() }),
    errors: [],
    handler: (app, caller, { agent, cursor, limit }) =>
      app.store.read(async (tx) => {
        const payouts = await listPayouts(tx, visibleAgent(caller, agent), cursor, limit);
        return {
          payouts: await mapInOrder(payouts, (payout) => payoutView(tx, payout)),
          next_cursor: payouts.length === limit ? (payouts.at(-1)?.id ?? null) : null,
        };
      }),
  }),
  operation({
    name: 'get_payout',
    summary: 'The progress of a payout: the number of lines that are authorized, in review, denied, settled, failed.',
    method: 'GET',
    path: '/v1/payouts/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: idOf('batch') }),
    output: PayoutView,
    errors: ['payout_not_found'],
    handler: (app, caller, { id }) => app.store.read(async (tx) => payoutView(tx, await visiblePayout(tx, caller, id))),
  }),
  operation({
    name: 'list_payout_lines',
    summary: 'The lines of a payout with the result of each, in the order of the file.',
    method: 'GET',
    path: '/v1/payouts/{id}/lines',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({
      id: idOf('batch'),
      after: z.coerce.number().int().min(0).default(0).describe('The line after which the page begins'),
      limit: z.coerce.number().int().min(1).max(LINES_PER_PAGE).default(200),
    }),
    output: z.object({ lines: z.array(LineView), next_after: z.int().nullable() }),
    errors: ['payout_not_found'],
    handler: (app, caller, { id, after, limit }) =>
      app.store.read(async (tx) => {
        const lines = await linesAfter(tx, (await visiblePayout(tx, caller, id)).id, after, limit);
        return {
          lines: await mapInOrder(lines, (line) => lineView(tx, line)),
          next_after: lines.length === limit ? (lines.at(-1)?.line ?? null) : null,
        };
      }),
  }),
  operation({
    name: 'stop_payout',
    summary: 'Stop deciding lines. Authorized ones settle; the same file and key sent again continue it.',
    method: 'POST',
    path: '/v1/payouts/{id}/stop',
    scope: 'pay',
    cost: 'light',
    input: z.strictObject({ id: idOf('batch') }),
    output: PayoutView,
    errors: ['payout_not_found', 'invalid_transition'],
    handler: (app, caller, { id }) =>
      app.store.write(async (tx) => {
        const payout = await visiblePayout(tx, caller, id);
        if (payout.state !== 'deciding')
          throw new BursarError('invalid_transition', { details: { state: payout.state } });
        const { actor, atMs } = actOf(app, caller);
        await setPayoutState(tx, payout.id, { state: 'stopped', askedBy: payout.askedBy }, atMs);
        await appendEvent(tx, payoutEvent('payout.stopped', payout, actor, { reason: 'asked' }), atMs);
        return payoutView(tx, await getPayout(tx, payout.id));
      }),
  }),
];
