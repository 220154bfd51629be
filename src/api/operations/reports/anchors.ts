import { z } from 'zod';
import type { StoredAnchor } from '../../../books/transparency/anchorRows.ts';
import type { Head } from '../../../books/transparency/heads.ts';
import { InclusionDocument } from '../../../books/transparency/proof.ts';
import type { EventLog } from '../../../chain/anchors/eventLog.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { idOf, iso, Limit } from '../../../core/schemas/schemas.ts';
import { refuseForeign } from '../act.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';
import { agentOfEvent, agentOfEventsOf } from './queries.ts';

const HeadView = z
  .object({
    size: z.int().describe('Events that the head covers'),
    root: z.string().describe('RFC 6962 root in hex'),
    checkpoint: z.string().describe('C2SP tlog-checkpoint: the signed note'),
    signed_at: z.string(),
  })
  .meta({ id: 'LogHead' });
const AnchorView = z
  .object({
    size: z.int(),
    root: z.string(),
    registry: z.string(),
    sender: z.string(),
    state: z.enum(['queued', 'pending', 'mined', 'final', 'failed']),
    reason: z.string().nullable(),
    requested_by: z.string(),
    queued_at: z.string(),
    estimated_gas: z.string(),
    estimated_wei: z.string(),
    gas_used: z.string().nullable(),
    cost_wei: z.string().nullable(),
    tx_hash: z.string().nullable(),
    block: z.string().nullable(),
  })
  .meta({ id: 'Anchor' });
const Size = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const headView = ({ size, root, note, signedAtMs }: Head): z.input<typeof HeadView> => ({
  size,
  root,
  checkpoint: note,
  signed_at: iso(signedAtMs),
});
const anchorView = (anchor: StoredAnchor): z.input<typeof AnchorView> => ({
  size: anchor.size,
  root: anchor.root,
  registry: anchor.registry,
  sender: anchor.sender,
  state: anchor.state,
  reason: anchor.reason,
  requested_by: anchor.requestedBy,
  queued_at: iso(anchor.queuedAtMs),
  estimated_gas: anchor.estimatedGas.toString(),
  estimated_wei: anchor.estimatedWei.toString(),
  gas_used: anchor.gasUsed?.toString() ?? null,
  cost_wei: anchor.costWei?.toString() ?? null,
  tx_hash: anchor.txHash,
  block: anchor.block?.toString() ?? null,
});

function logOf({ eventLog }: App): EventLog {
  if (eventLog) return eventLog;
  throw new BursarError('not_configured', {
    message: 'No key signs the heads of the event log: the keystore has no `log`, and BURSAR_KEY_LOG is not set.',
  });
}

export const anchorOperations = [
  operation({
    name: 'get_log',
    summary: 'The event log as a transparency log: its name, its public key, its size, and the newest signed head.',
    method: 'GET',
    path: '/v1/log',
    scope: 'read',
    peopleOnly: true,
    cost: 'light',
    input: z.strictObject({}),
    output: z.object({
      origin: z.string(),
      verifier_key: z.string(),
      size: z.int(),
      head: HeadView.nullable(),
      file: z.string().nullable().describe('The file of heads outside the database'),
    }),
    errors: ['not_configured'],
    handler: async (app) => {
      const { origin, verifierKey, size, head, file } = await logOf(app).state();
      return { origin, verifier_key: verifierKey, size, head: head ? headView(head) : null, file };
    },
  }),
  operation({
    name: 'anchor_cost',
    summary: 'The current cost of anchoring the head of the event log on the chain, and the payer of it.',
    method: 'GET',
    path: '/v1/log/anchors/cost',
    scope: 'read',
    peopleOnly: true,
    cost: 'heavy',
    input: z.strictObject({}),
    output: z.object({
      size: z.int(),
      root: z.string(),
      registry: z.string(),
      sender: z.string(),
      gas: z.string(),
      cost_wei: z.string(),
      balance_wei: z.string().describe('What the sender has for gas'),
      latest: z.object({ size: z.int(), at: z.string() }).nullable().describe("The sender's last anchor"),
    }),
    errors: ['not_configured', 'conflict', 'chain_unavailable', 'chain_mismatch'],
    handler: async (app) => {
      const { size, root, registry, sender, gas, costWei, balanceWei, latest } = await logOf(app).cost();
      return {
        size,
        root,
        registry,
        sender,
        gas: gas.toString(),
        cost_wei: costWei.toString(),
        balance_wei: balanceWei.toString(),
        latest: latest && { size: latest.size, at: iso(latest.timeS * 1_000) },
      };
    },
  }),
  operation({
    name: 'anchor',
    summary:
      'Sign the head of the event log now, write it to the file outside the database, and put it on the chain. Needs no gas without `on_chain`.',
    method: 'POST',
    path: '/v1/log/anchors',
    scope: 'admin',
    peopleOnly: true,
    cost: 'medium',
    input: z.strictObject({
      on_chain: z.boolean().default(true).describe('false: sign it and write the file, without a transaction'),
    }),
    output: z.object({
      head: HeadView,
      anchor: AnchorView.nullable(),
      not_sent: z
        .object({ reason: z.string(), call: z.object({ to: z.string(), data: z.string() }).nullable() })
        .nullable()
        .describe("Why no transaction was queued, and the call that the registry's owner can make"),
    }),
    errors: ['not_configured', 'conflict', 'log_inconsistent', 'storage_failed'],
    handler: async (app, caller, input) => {
      const { head, anchor, notSent } = await logOf(app).anchor(caller.actor, input.on_chain);
      return { head: headView(head), anchor: anchor ? anchorView(anchor) : null, not_sent: notSent };
    },
  }),
  operation({
    name: 'list_anchors',
    summary: 'Signed heads, newest first, with the cost of those that are on the chain.',
    method: 'GET',
    path: '/v1/log/anchors',
    scope: 'read',
    peopleOnly: true,
    cost: 'medium',
    input: z.strictObject({ limit: Limit }),
    output: z.object({ heads: z.array(HeadView), anchors: z.array(AnchorView) }),
    errors: ['not_configured'],
    handler: async (app, _caller, { limit }) => {
      const log = logOf(app);
      return { heads: (await log.heads(limit)).map(headView), anchors: (await log.list(limit)).map(anchorView) };
    },
  }),
  operation({
    name: 'prove',
    summary:
      'Proof that an event, or all events of a payment, are in the log under a signed head: C2SP tlog-proofs, and where on the chain the head stands.',
    method: 'GET',
    path: '/v1/log/proof',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({
      payment: idOf('payment').optional(),
      event: Size.optional().describe('Its `seq`'),
    }),
    output: InclusionDocument,
    errors: ['not_configured', 'not_found', 'conflict'],
    handler: async (app, caller, { payment, event }) => {
      if ((payment === undefined) === (event === undefined)) {
        throw new BursarError('invalid_request', { message: 'Name a payment or an event, one of the two.' });
      }
      const wanted = payment === undefined ? { event: event as number } : { payment };
      const agent = await app.store.read(async (tx) =>
        payment === undefined
          ? await tx.get(agentOfEvent, { seq: event as number })
          : await tx.get(agentOfEventsOf, { payment }),
      );
      if (!agent) throw new BursarError('not_found');
      refuseForeign(caller, agent.agent_id ?? '');
      return logOf(app).prove(wanted);
    },
  }),
  operation({
    name: 'export_log',
    summary:
      'The bodies of all events in order, byte for byte as they are hashed into the tree: for an audit of the whole log.',
    method: 'GET',
    path: '/v1/log/entries',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({
      after: z.coerce.number().int().min(0).default(0).describe('The last `seq` you have'),
      limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
    }),
    output: z.object({ entries: z.array(z.string()), size: z.int().describe('Events in the log') }),
    errors: ['not_configured'],
    handler: async (app, _caller, { after, limit }) => {
      const log = logOf(app);
      return { entries: await log.entries(after, limit), size: (await log.state()).size };
    },
  }),
  operation({
    name: 'prove_consistency',
    summary: 'Proof that the log of `to` events begins with the log of `from` events: the hashes of RFC 6962, 2.1.2.',
    method: 'GET',
    path: '/v1/log/consistency',
    scope: 'read',
    peopleOnly: true,
    cost: 'medium',
    input: z.strictObject({ from: Size, to: Size }),
    output: z.object({ from: z.int(), to: z.int(), hashes: z.array(z.string().describe('Base64')) }),
    errors: ['not_configured', 'not_found'],
    handler: async (app, _caller, { from, to }) => {
      const log = logOf(app);
      if (from > to || to > (await log.state()).size) {
        throw new BursarError('not_found', { message: `The log has ${(await log.state()).size} events.` });
      }
      return { from, to, hashes: await log.consistency(from, to) };
    },
  }),
];
