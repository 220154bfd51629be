import { isIP } from 'node:net';
import { z } from 'zod';
import {
  addEndpoint,
  type Endpoint,
  endpointKinds,
  exceptions,
  listEndpoints,
  removeEndpoint,
} from '../../../control/notices/endpoints.ts';
import { redeliver } from '../../../control/notices/outbox.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { bareHost, isMetadataHost, isPublicAddress } from '../../../core/net/publicAddress.ts';
import { idOf, iso, isoOrNull, Limit } from '../../../core/schemas/schemas.ts';
import { actOf } from '../act.ts';
import { operation } from '../operation.ts';
import { newestNotices, newestNoticesIn } from './queries.ts';

const EndpointView = z
  .object({
    id: z.string(),
    kind: z.enum(endpointKinds),
    target: z.string(),
    events: z.array(z.string()),
    inside: z.boolean(),
  })
  .meta({ id: 'NoticeEndpoint' });
const view = ({ id, kind, target, events, inside }: Endpoint): z.input<typeof EndpointView> => ({
  id,
  kind,
  target,
  events,
  inside,
});

export const noticeOperations = [
  operation({
    name: 'add_notice_endpoint',
    summary:
      'Tell people where they are: a signed webhook (Standard Webhooks), a chat webhook by a template, or e-mail.',
    method: 'POST',
    path: '/v1/notices/endpoints',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      kind: z.enum(endpointKinds),
      target: z.union([z.url({ protocol: /^https?$/ }).max(2048), z.email().max(254)]),
      events: z
        .array(z.string().regex(/^[a-z0-9_]+\.([a-z_]+|\*)$/, 'is not an event type, or payment.*'))
        .min(1)
        .max(50)
        .default([...exceptions]),
      inside: z
        .boolean()
        .default(false)
        .describe('The target is inside your network: it may have a private address, though never a metadata one'),
      template: z.string().max(8_192).optional().describe('chat: JSON with {{text}} and {{link}} in its strings'),
    }),
    output: EndpointView.extend({
      secret: z.string().nullable().describe('webhook: shown once; verify signatures with it'),
    }),
    errors: [],
    handler: (app, caller, input) => {
      if ((input.kind === 'email') !== !input.target.startsWith('http')) {
        throw new BursarError('invalid_request', { message: 'The target of e-mail is an address, of others a URL.' });
      }
      if (input.kind !== 'email') refuseInside(new URL(input.target), input.inside);
      return app.store.write(async (tx) => {
        const endpoint = await addEndpoint(tx, actOf(app, caller), { ...input, template: input.template ?? null });
        return { ...view(endpoint), secret: endpoint.secret };
      });
    },
  }),
  operation({
    name: 'list_notice_endpoints',
    summary: 'List where people are told.',
    method: 'GET',
    path: '/v1/notices/endpoints',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({}),
    output: z.object({ endpoints: z.array(EndpointView) }),
    errors: [],
    handler: async (app) => ({ endpoints: await app.store.read(async (tx) => (await listEndpoints(tx)).map(view)) }),
  }),
  operation({
    name: 'remove_notice_endpoint',
    summary: 'Tell nobody there any more.',
    method: 'POST',
    path: '/v1/notices/endpoints/{id}/remove',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: idOf('noticeEndpoint') }),
    output: EndpointView,
    errors: ['notice_endpoint_not_found'],
    handler: (app, caller, { id }) =>
      app.store.write(async (tx) => view(await removeEndpoint(tx, actOf(app, caller), id))),
  }),
  operation({
    name: 'list_notices',
    summary: 'What was sent, waits to be sent, or is dead after all attempts; newest first.',
    method: 'GET',
    path: '/v1/notices',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({ state: z.enum(['pending', 'delivered', 'dead']).optional(), limit: Limit }),
    output: z.object({
      notices: z.array(
        z.object({
          id: z.string(),
          endpoint: z.string(),
          event: z.int(),
          state: z.enum(['pending', 'delivered', 'dead']),
          attempts: z.int(),
          next_at: z.string(),
          delivered_at: z.string().nullable(),
          last_error: z.string().nullable(),
        }),
      ),
    }),
    errors: [],
    handler: async (app, _caller, { state, limit }) => ({
      notices: await app.store.read(async (tx) =>
        (state ? await tx.all(newestNoticesIn, { state, limit }) : await tx.all(newestNotices, { limit })).map(
          (row) => ({
            id: row.id,
            endpoint: row.endpoint_id,
            event: Number(row.event_seq),
            state: row.state,
            attempts: Number(row.attempts),
            next_at: iso(Number(row.next_at)),
            delivered_at: isoOrNull(row.delivered_at === null ? null : Number(row.delivered_at)),
            last_error: row.last_error,
          }),
        ),
      ),
    }),
  }),
  operation({
    name: 'redeliver_notice',
    summary: 'Send a notice again, dead or delivered.',
    method: 'POST',
    path: '/v1/notices/{id}/redeliver',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: idOf('notice') }),
    output: z.object({ id: z.string() }),
    errors: ['not_found'],
    handler: async (app, _caller, { id }) => {
      if (!(await app.store.write((tx) => redeliver(tx, id, app.clock())))) throw new BursarError('not_found');
      return { id };
    },
  }),
];

/**
 * Delivery checks the target of a name each time; a target that is forbidden now is refused at once, not by the first failing
 * notice.
 */
function refuseInside({ hostname }: URL, mayBeInside: boolean): void {
  const host = bareHost(hostname);
  if (isMetadataHost(host)) {
    throw new BursarError('invalid_request', { message: `${host} is a metadata address: nothing is ever sent there.` });
  }
  const isLocal = /^(.+\.)?localhost$/.test(host) || (isIP(host) !== 0 && !isPublicAddress(host));
  if (isLocal && !mayBeInside) {
    throw new BursarError('invalid_request', {
      message: `${host} is not a public address. If it is inside your network, say so: inside (--inside).`,
    });
  }
}
