import { z } from 'zod';
import { AddressText, Label, newName, Ref } from '../../../core/schemas/schemas.ts';
import {
  type Approver,
  createApprover,
  listApprovers,
  revokeApprover,
  setApproverEmail,
  setApproverRoles,
} from '../../../decide/identity/approvers.ts';
import { actOf } from '../act.ts';
import { operation } from '../operation.ts';

const ApproverView = z
  .object({
    id: z.string(),
    name: z.string(),
    address: z.string(),
    roles: z.array(z.string()),
    sponsor: z.string().nullable(),
    email: z.string().nullable(),
    status: z.enum(['active', 'revoked']),
  })
  .meta({ id: 'Approver' });
const view = (approver: Approver): z.input<typeof ApproverView> => ({
  id: approver.id,
  name: approver.name,
  address: approver.address,
  roles: approver.roles,
  sponsor: approver.sponsorId,
  email: approver.email,
  status: approver.status,
});

const roles = z.array(Label).min(1).max(20);
const Email = z.email().max(254).toLowerCase();

export const approverOperations = [
  operation({
    name: 'create_approver',
    summary: 'Name a person (an address that signs) who may answer reviews, with roles.',
    method: 'POST',
    path: '/v1/approvers',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({
      ...newName,
      address: AddressText,
      roles,
      sponsor: Ref.optional().describe('The sponsor that this person is'),
      email: Email.optional().describe('A person who signs in by OIDC with it may see reviews; the wallet still signs'),
    }),
    output: ApproverView,
    errors: ['sponsor_not_found', 'conflict', 'confusable_name'],
    handler: (app, caller, { confirm_confusable: confirmConfusable, ...input }) =>
      app.store.write(async (tx) =>
        view(
          await createApprover(tx, actOf(app, caller), {
            ...input,
            confirmConfusable,
            sponsor: input.sponsor ?? null,
            email: input.email ?? null,
          }),
        ),
      ),
  }),
  operation({
    name: 'list_approvers',
    summary: 'List approvers.',
    method: 'GET',
    path: '/v1/approvers',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({}),
    output: z.object({ approvers: z.array(ApproverView) }),
    errors: [],
    handler: async (app) => ({ approvers: await app.store.read(async (tx) => (await listApprovers(tx)).map(view)) }),
  }),
  operation({
    name: 'set_approver_roles',
    summary: 'Give an approver other roles. They apply at once: to reviews, to earlier signatures, and in the console.',
    method: 'POST',
    path: '/v1/approvers/{id}/roles',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, roles }),
    output: ApproverView,
    errors: ['approver_not_found', 'conflict'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => view(await setApproverRoles(tx, actOf(app, caller), input.id, input.roles))),
  }),
  operation({
    name: 'set_approver_email',
    summary:
      "Set an approver's e-mail address, as verified by the identity provider, or remove it (null). It applies to open sessions at once.",
    method: 'POST',
    path: '/v1/approvers/{id}/email',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, email: Email.nullable() }),
    output: ApproverView,
    errors: ['approver_not_found', 'conflict'],
    handler: (app, caller, { id, email }) =>
      app.store.write(async (tx) => view(await setApproverEmail(tx, actOf(app, caller), id, email))),
  }),
  operation({
    name: 'revoke_approver',
    summary: 'Revoke an approver; signatures that are not executed yet no longer count.',
    method: 'POST',
    path: '/v1/approvers/{id}/revoke',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref }),
    output: ApproverView,
    errors: ['approver_not_found'],
    handler: (app, caller, { id }) =>
      app.store.write(async (tx) => view(await revokeApprover(tx, actOf(app, caller), id))),
  }),
];
