import type { Hex } from 'viem';
import { z } from 'zod';
import { verifySignature } from '../../../chain/contracts/approval.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { newId } from '../../../core/ids/ids.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { toJson } from '../../../core/money/json.ts';
import {
  AddressText,
  Amount,
  AmountView,
  amountView,
  Host,
  idOf,
  iso,
  Label,
  Ref,
  safeText,
  Time,
} from '../../../core/schemas/schemas.ts';
import { checkCadence } from '../../../core/time/cadence.ts';
import { getPayee } from '../../../decide/identity/payees.ts';
import { type MandateTerms, worstCase } from '../../../decide/mandates/mandate.ts';
import {
  endMandate,
  getMandate,
  listMandates,
  type Mandate,
  mandateUse,
  requestMandate,
  signMandate,
} from '../../../decide/mandates/mandates.ts';
import { mandateTypedData } from '../../../decide/mandates/typedData.ts';
import type { ReadTx } from '../../../store/store.ts';
import { actOf, refuseForeign, visibleAgent } from '../act.ts';
import { operation } from '../operation.ts';
import { actingAgent } from './paymentRequest.ts';

const YEAR_MS = 366 * 86_400_000;

const MandateView = z
  .object({
    id: z.string(),
    agent: z.string(),
    status: z.enum(['requested', 'active', 'declined', 'revoked']),
    payees: z.array(z.string()),
    categories: z.array(z.string()),
    hosts: z.array(z.string()),
    per_payment: AmountView,
    total: AmountView,
    count: z.int().nullable(),
    cadence: z.object({ rrule: z.string(), zone: z.string() }).nullable(),
    not_before: z.string(),
    expires_at: z.string(),
    reason: z.string(),
    worst_case: AmountView.describe('The most money that can move under it'),
    used: z.object({ total: AmountView, count: z.int() }),
    signers: z.array(z.object({ approver: z.string(), name: z.string(), at: z.string() })),
    requested_at: z.string(),
  })
  .meta({ id: 'Mandate' });

async function view(tx: ReadTx, mandate: Mandate): Promise<z.input<typeof MandateView>> {
  const { terms } = mandate;
  const use = await mandateUse(tx, mandate.id);
  return {
    id: mandate.id,
    agent: mandate.agentId,
    status: mandate.status,
    payees: terms.payees,
    categories: terms.categories,
    hosts: terms.hosts,
    per_payment: amountView(terms.perPayment),
    total: amountView(terms.total),
    count: terms.count,
    cadence: terms.cadence,
    not_before: iso(terms.notBeforeMs),
    expires_at: iso(terms.expiresAtMs),
    reason: mandate.reason,
    worst_case: amountView(worstCase(terms)),
    used: { total: amountView(use.total), count: use.count },
    signers: mandate.signers.map(({ approver, name, signedAtMs }) => ({ approver, name, at: iso(signedAtMs) })),
    requested_at: iso(mandate.requestedAtMs),
  };
}

export const mandateOperations = [
  operation({
    name: 'request_mandate',
    summary:
      'Request a mandate, a standing and bounded pre-approval: payees, categories or hosts, caps, cadence, validity. It allows nothing until approvers sign.',
    method: 'POST',
    path: '/v1/mandates',
    scope: 'pay',
    cost: 'light',
    input: z.strictObject({
      agent: Ref.optional(),
      payees: z.array(Ref).max(50).default([]),
      categories: z.array(Label).max(20).default([]),
      hosts: z.array(Host).max(50).default([]),
      per_payment: Amount,
      total: Amount,
      count: z.int().min(1).max(100_000).optional(),
      cadence: z
        .strictObject({
          rrule: z.string().max(200).describe('RFC 5545, as FREQ=MONTHLY;BYMONTHDAY=1'),
          zone: z.string().max(60).default('UTC'),
        })
        .optional()
        .describe('At most one payment from each occurrence to the next'),
      not_before: Time.optional(),
      expires_at: Time,
      reason: safeText(500).describe('The reason, for the approver'),
    }),
    output: MandateView,
    errors: ['agent_not_found', 'payee_not_found', 'conflict'],
    handler: async (app, caller, input) => {
      const agent = await actingAgent(app, caller, input.agent);
      // Slow refusals come before other requests have to wait.
      if (input.cadence) checkCadence({ ...input.cadence, startsAtMs: app.clock() });
      return app.store.write(async (tx) => {
        const act = actOf(app, caller);
        const terms: MandateTerms = {
          agent,
          payees: await mapInOrder(input.payees, async (ref) => (await getPayee(tx, ref)).id),
          categories: input.categories,
          hosts: input.hosts,
          perPayment: input.per_payment,
          total: input.total,
          count: input.count ?? null,
          cadence: input.cadence ?? null,
          notBeforeMs: input.not_before === undefined ? act.atMs : Date.parse(input.not_before),
          expiresAtMs: Date.parse(input.expires_at),
        };
        if (terms.expiresAtMs > act.atMs + 2 * YEAR_MS) {
          throw new BursarError('invalid_request', { message: 'A mandate lasts two years at most.' });
        }
        return view(tx, await requestMandate(tx, act, { id: newId('mandate'), terms, reason: input.reason }));
      });
    },
  }),
  operation({
    name: 'list_mandates',
    summary: 'List mandates with their use so far.',
    method: 'GET',
    path: '/v1/mandates',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ agent: idOf('agent').optional() }),
    output: z.object({ mandates: z.array(MandateView) }),
    errors: [],
    handler: (app, caller, { agent }) =>
      app.store.read(async (tx) => ({
        mandates: await mapInOrder(await listMandates(tx, visibleAgent(caller, agent)), (mandate) => view(tx, mandate)),
      })),
  }),
  operation({
    name: 'get_mandate',
    summary: 'A mandate with its worst case in money and the EIP-712 data that an approver signs.',
    method: 'GET',
    path: '/v1/mandates/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: idOf('mandate') }),
    output: z.object({ mandate: MandateView, typed_data: z.record(z.string(), z.unknown()) }),
    errors: ['mandate_not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => {
        const mandate = await getMandate(tx, id);
        refuseForeign(caller, mandate.agentId);
        const typedData = mandateTypedData(mandate.id, mandate.terms, app.chainFacts.chainId);
        return {
          mandate: await view(tx, mandate),
          typed_data: JSON.parse(toJson(typedData)) as Record<string, unknown>,
        };
      }),
  }),
  operation({
    name: 'sign_mandate',
    summary: "Submit an approver's EIP-712 signature of a mandate. The first one makes it active.",
    method: 'POST',
    path: '/v1/mandates/{id}/sign',
    scope: 'approve',
    cost: 'medium',
    input: z.strictObject({
      id: idOf('mandate'),
      approver: AddressText,
      signature: z
        .string()
        .max(16_386)
        .regex(/^0x([0-9a-fA-F]{2})+$/, 'is not hex'),
    }),
    output: MandateView,
    errors: ['mandate_not_found', 'approver_not_found', 'approval_invalid', 'conflict', 'chain_unavailable'],
    handler: async (app, caller, input) => {
      // Built from the stored terms alone, so what a caller shows a person equals what is stored.
      const stored = await app.store.read((tx) => getMandate(tx, input.id));
      const typedData = mandateTypedData(stored.id, stored.terms, app.chainFacts.chainId);
      const check = await verifySignature(app.chain, input.approver, typedData, input.signature as Hex);
      if (!check.valid) throw new BursarError('approval_invalid', { details: { why: check.why } });
      return app.store.write(async (tx) => {
        const signed = {
          approverAddress: input.approver,
          signature: check.signature,
          typedDataJson: toJson(typedData),
        };
        return view(tx, await signMandate(tx, actOf(app, caller), input.id, signed));
      });
    },
  }),
  operation({
    name: 'end_mandate',
    summary: 'Decline a requested mandate, or revoke an active one. Takes effect at once.',
    method: 'POST',
    path: '/v1/mandates/{id}/end',
    scope: 'approve',
    cost: 'light',
    input: z.strictObject({ id: idOf('mandate') }),
    output: MandateView,
    errors: ['mandate_not_found', 'conflict'],
    handler: (app, caller, { id }) =>
      app.store.write(async (tx) => view(tx, await endMandate(tx, actOf(app, caller), id))),
  }),
];
