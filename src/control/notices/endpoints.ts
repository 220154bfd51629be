import { randomBytes } from 'node:crypto';
import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type Id, newId } from '../../core/ids/ids.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { activeEndpoints, endNoticesTo, endpointById, newEndpoint, setRemoved } from './queries.ts';

export const endpointKinds = ['webhook', 'chat', 'email'] as const;
export type EndpointKind = (typeof endpointKinds)[number];
export type EndpointId = Id<'noticeEndpoint'>;

/** Only exceptions: events that wait for a person, that stopped something, or that contradict the books. */
export const exceptions = [
  'payment.review_requested',
  'mandate.requested',
  'alert.raised',
  'transfer.unexplained',
  'agent.status_changed',
  'policy.failed',
] as const;

/** A target of notices. `events`: event types, or `payment.*` for all of a kind. */
export type Endpoint = {
  id: EndpointId;
  kind: EndpointKind;
  target: string;
  events: string[];
  /** Standard Webhooks secret (`whsec_…`); null for other kinds. */
  secret: string | null;
  template: string | null;
  /** Permits a target inside the server's own network. */
  inside: boolean;
};

export async function addEndpoint(tx: Tx, act: Act, input: Omit<Endpoint, 'id' | 'secret'>): Promise<Endpoint> {
  const id = newId('noticeEndpoint');
  const secret = input.kind === 'webhook' ? `whsec_${randomBytes(32).toString('base64')}` : null;
  if ((input.kind === 'chat') !== (input.template !== null)) {
    throw new BursarError('invalid_request', { message: 'A chat endpoint has a template, others have none.' });
  }
  if (input.template !== null) checkTemplate(input.template);
  await tx.run(newEndpoint, {
    id,
    kind: input.kind,
    target: input.target,
    events: JSON.stringify(input.events),
    secret,
    template: input.template,
    inside: input.inside ? 1 : 0,
    at: act.atMs,
  });
  const data = { endpoint: id, kind: input.kind, events: input.events };
  await recordAct(tx, act, { type: 'notice.endpoint_added', data });
  return getEndpoint(tx, id);
}

export async function removeEndpoint(tx: Tx, act: Act, id: string): Promise<Endpoint> {
  const endpoint = await getEndpoint(tx, id);
  await tx.run(setRemoved, { id: endpoint.id });
  await tx.run(endNoticesTo, { endpoint: id });
  await recordAct(tx, act, { type: 'notice.endpoint_removed', data: { endpoint: endpoint.id } });
  return endpoint;
}

export async function getEndpoint(tx: ReadTx, id: string): Promise<Endpoint> {
  const row = await tx.get(endpointById, { id });
  if (!row) throw new BursarError('notice_endpoint_not_found', { details: { endpoint: id } });
  return toEndpoint(row);
}

export async function listEndpoints(tx: ReadTx): Promise<Endpoint[]> {
  return (await tx.all(activeEndpoints)).map(toEndpoint);
}

export function wants(endpoint: Endpoint, eventType: string): boolean {
  return endpoint.events.some((wanted) =>
    wanted.endsWith('.*') ? eventType.startsWith(wanted.slice(0, -1)) : wanted === eventType,
  );
}

/** A template is JSON with `{{text}}` and `{{link}}` in its strings. */
function checkTemplate(template: string): void {
  try {
    JSON.parse(template);
  } catch {
    throw new BursarError('invalid_request', { message: 'The template is not JSON.' });
  }
  if (!template.includes('{{text}}')) {
    throw new BursarError('invalid_request', { message: 'The template has no {{text}}.' });
  }
}

const toEndpoint = (row: RowOf<typeof endpointById>): Endpoint => ({
  id: row.id as EndpointId,
  kind: row.kind,
  target: row.target,
  events: JSON.parse(row.events_json) as string[],
  secret: row.secret,
  template: row.template,
  inside: row.inside === 1n,
});
