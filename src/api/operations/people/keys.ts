import { z } from 'zod';
import { BursarError } from '../../../core/errors/base.ts';
import { idOf, iso, isoOrNull, Name, Ref, Time } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import {
  type Credential,
  createCredential,
  listCredentials,
  revokeCredential,
  roles,
  rotateCredential,
  scopes,
} from '../../../decide/identity/credentials.ts';
import { actOf } from '../act.ts';
import { operation } from '../operation.ts';

const KeyView = z
  .object({
    id: z.string(),
    role: z.enum(roles),
    agent: z.string().nullable(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    created_at: z.string(),
    expires_at: z.string().nullable(),
    revoked_at: z.string().nullable(),
  })
  .meta({ id: 'ApiKey' });
const NewKeyView = KeyView.extend({ key: z.string().describe('Shown once; only its hash is stored') }).meta({
  id: 'NewApiKey',
});

const view = (credential: Credential): z.input<typeof KeyView> => ({
  id: credential.id,
  role: credential.role,
  agent: credential.agentId,
  name: credential.name,
  scopes: credential.scopes,
  created_at: iso(credential.createdAtMs),
  expires_at: isoOrNull(credential.expiresAtMs),
  revoked_at: isoOrNull(credential.revokedAtMs),
});

/** Ten minutes to install the new key. */
const ROTATION_GRACE_SECONDS = 600;

export const keyOperations = [
  operation({
    name: 'create_key',
    summary: 'Create an API key for an agent, an operator or an auditor. It is shown once.',
    method: 'POST',
    path: '/v1/keys',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      role: z.enum(roles).optional().describe('With an agent it is agent'),
      agent: Ref.optional(),
      name: Name.optional().describe("Without one: the agent's name, or the role"),
      scopes: z.array(z.enum(scopes)).min(1).max(scopes.length).optional(),
      expires_at: Time.optional(),
    }),
    output: NewKeyView,
    errors: ['agent_not_found'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => {
        const role = input.role ?? (input.agent === undefined ? undefined : 'agent');
        if (role === undefined) throw new BursarError('invalid_request', { message: 'role: is missing.' });
        if ((role === 'agent') !== (input.agent !== undefined)) {
          throw new BursarError('invalid_request', {
            message: 'A key of role agent names its agent, others name none.',
          });
        }
        const agent = input.agent === undefined ? null : await getAgent(tx, input.agent);
        const { credential, key } = await createCredential(tx, actOf(app, caller), {
          role,
          agentId: agent?.id ?? null,
          name: input.name ?? agent?.name ?? role,
          scopes: input.scopes,
          expiresAtMs: input.expires_at === undefined ? null : Date.parse(input.expires_at),
        });
        return { ...view(credential), key };
      }),
  }),
  operation({
    name: 'list_keys',
    summary: 'List API keys, without their secrets.',
    method: 'GET',
    path: '/v1/keys',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({}),
    output: z.object({ keys: z.array(KeyView) }),
    errors: [],
    handler: async (app) => ({ keys: await app.store.read(async (tx) => (await listCredentials(tx)).map(view)) }),
  }),
  operation({
    name: 'rotate_key',
    summary: 'Replace a key by a new one; the old one ends after a grace period.',
    method: 'POST',
    path: '/v1/keys/{id}/rotate',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      id: idOf('credential'),
      grace_seconds: z.int().min(0).max(86_400).default(ROTATION_GRACE_SECONDS),
    }),
    output: NewKeyView,
    errors: ['conflict'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => {
        const { credential, key } = await rotateCredential(
          tx,
          actOf(app, caller),
          input.id,
          input.grace_seconds * 1000,
        );
        return { ...view(credential), key };
      }),
  }),
  operation({
    name: 'revoke_key',
    summary: 'End a key at once.',
    method: 'POST',
    path: '/v1/keys/{id}/revoke',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: idOf('credential') }),
    output: KeyView,
    errors: [],
    handler: (app, caller, { id }) =>
      app.store.write(async (tx) => view(await revokeCredential(tx, actOf(app, caller), id))),
  }),
];
