import { z } from 'zod';
import { AddressText, Host, iso, isoOrNull, Label, newName, Ref } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import { type Payee, payeeKinds } from '../../../decide/identity/identity.ts';
import {
  addPayeeAddress,
  createPayee,
  getPayee,
  listPayees,
  retirePayeeAddress,
  updatePayee,
  verifyPayeeAddress,
} from '../../../decide/identity/payees.ts';
import { actOf } from '../act.ts';
import { operation } from '../operation.ts';

const PayeeView = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(payeeKinds),
    status: z.enum(['active', 'blocked']),
    agent: z.string().nullable(),
    categories: z.array(z.string()),
    hosts: z.array(z.string()),
    addresses: z.array(
      z.object({
        address: z.string(),
        first_seen_at: z.string(),
        verified_at: z.string().nullable(),
        changed_at: z.string().nullable(),
        retired_at: z.string().nullable(),
      }),
    ),
    first_seen_at: z.string(),
  })
  .meta({ id: 'Payee' });
const view = (payee: Payee): z.input<typeof PayeeView> => ({
  id: payee.id,
  name: payee.name,
  kind: payee.kind,
  status: payee.status,
  agent: payee.agentId,
  categories: payee.categories,
  hosts: payee.hosts,
  addresses: payee.addresses.map((each) => ({
    address: each.address,
    first_seen_at: iso(each.firstSeenAtMs),
    verified_at: isoOrNull(each.verifiedAtMs),
    changed_at: isoOrNull(each.changedAtMs),
    retired_at: isoOrNull(each.retiredAtMs),
  })),
  first_seen_at: iso(payee.firstSeenAtMs),
});

/** Hosts that differ only in case are equal. */
const once = <T>(list: T[]): T[] => [...new Set(list)];
const categories = z.array(Label).max(20);
const hosts = z.array(Host).max(50);

export const payeeOperations = [
  operation({
    name: 'create_payee',
    summary: 'Create a payee. Its first category is the one under which its payments count unless they say another.',
    method: 'POST',
    path: '/v1/payees',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      ...newName,
      kind: z.enum(payeeKinds),
      agent: Ref.optional().describe('The agent of this Bursar that it is; its wallet becomes the address'),
      categories: categories.default([]),
      hosts: hosts.default([]),
      address: AddressText.optional(),
      verified: z.boolean().default(false).describe('A person has checked the address outside Bursar'),
    }),
    output: PayeeView,
    errors: ['agent_not_found', 'conflict', 'confusable_name'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => {
        const agent = input.agent === undefined ? null : await getAgent(tx, input.agent);
        const address = input.address ?? agent?.wallet?.address;
        const verified = input.verified || (agent !== null && address === agent.wallet?.address);
        const payee = await createPayee(tx, actOf(app, caller), {
          name: input.name,
          confirmConfusable: input.confirm_confusable,
          kind: input.kind,
          agentId: agent?.id ?? null,
          categories: once(input.categories),
          hosts: once(input.hosts),
          addresses: address === undefined ? [] : [{ address, verified }],
        });
        return view(payee);
      }),
  }),
  operation({
    name: 'list_payees',
    summary: 'List payees.',
    method: 'GET',
    path: '/v1/payees',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({}),
    output: z.object({ payees: z.array(PayeeView) }),
    errors: [],
    handler: async (app) => ({ payees: await app.store.read(async (tx) => (await listPayees(tx)).map(view)) }),
  }),
  operation({
    name: 'get_payee',
    summary: 'Read a payee.',
    method: 'GET',
    path: '/v1/payees/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: Ref }),
    output: PayeeView,
    errors: ['payee_not_found'],
    handler: (app, _caller, { id }) => app.store.read(async (tx) => view(await getPayee(tx, id))),
  }),
  operation({
    name: 'update_payee',
    summary: 'Block or unblock a payee, or set its categories or hosts.',
    method: 'POST',
    path: '/v1/payees/{id}',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      id: Ref,
      status: z.enum(['active', 'blocked']).optional(),
      categories: categories.optional(),
      hosts: hosts.optional(),
    }),
    output: PayeeView,
    errors: ['payee_not_found', 'conflict'],
    handler: (app, caller, { id, status, categories: c, hosts: h }) =>
      app.store.write(async (tx) =>
        view(
          await updatePayee(tx, actOf(app, caller), id, {
            ...(status ? { status } : {}),
            ...(c ? { categories: once(c) } : {}),
            ...(h ? { hosts: once(h) } : {}),
          }),
        ),
      ),
  }),
  operation({
    name: 'add_payee_address',
    summary:
      'Give a payee an address. By default it replaces the old one: a changed destination, which the policy sees.',
    method: 'POST',
    path: '/v1/payees/{id}/addresses',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      id: Ref,
      address: AddressText,
      verified: z.boolean().default(false),
      replaces: z.boolean().default(true),
    }),
    output: PayeeView,
    errors: ['payee_not_found', 'conflict'],
    handler: (app, caller, { id, ...input }) =>
      app.store.write(async (tx) => view(await addPayeeAddress(tx, actOf(app, caller), id, input))),
  }),
  operation({
    name: 'verify_payee_address',
    summary: "Record that a person has verified, outside Bursar, that an address is the payee's.",
    method: 'POST',
    path: '/v1/payees/{id}/verify',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, address: AddressText }),
    output: PayeeView,
    errors: ['payee_not_found', 'payee_address_missing'],
    handler: (app, caller, { id, address }) =>
      app.store.write(async (tx) => view(await verifyPayeeAddress(tx, actOf(app, caller), id, address))),
  }),
  operation({
    name: 'retire_payee_address',
    summary: 'Retire an address of a payee without a replacement. The policy sees it as retired.',
    method: 'POST',
    path: '/v1/payees/{id}/retire',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, address: AddressText }),
    output: PayeeView,
    errors: ['payee_not_found', 'payee_address_missing'],
    handler: (app, caller, { id, address }) =>
      app.store.write(async (tx) => view(await retirePayeeAddress(tx, actOf(app, caller), id, address))),
  }),
];
