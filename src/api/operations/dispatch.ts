import type { z } from 'zod';
import { appendEvent } from '../../books/ledger/events.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import { authenticate } from '../../decide/identity/credentials.ts';
import type { App } from './app.ts';
import type { Operation, RequestMeta } from './operation.ts';

/** No space: keys that Bursar makes itself have one, so the two kinds never collide. */
const KEY = /^[\x21-\x7e]{8,200}$/;

/** Returns the holder of the key. Throws `unauthenticated`. */
export async function callerOf(app: App, key: string | undefined): Promise<Caller> {
  if (key === undefined) throw new BursarError('unauthenticated');
  const credential = await app.store.read((tx) => authenticate(tx, key, app.clock()));
  return { credential, actor: credential.id };
}

/**
 * Runs one operation for a caller: scope, input parsed once, handler. Every interface (HTTP, CLI, MCP) uses it. A refused request
 * for money is recorded as an event.
 */
export async function dispatch(
  app: App,
  caller: Caller,
  { operation, input, meta }: { operation: Operation; input: unknown; meta: RequestMeta },
): Promise<unknown> {
  try {
    if (!isInScope(operation, caller)) {
      throw new BursarError('forbidden', { details: { needs: operation.scope } });
    }
    if (operation.peopleOnly && caller.credential.agentId !== null) {
      throw new BursarError('forbidden', { details: { needs: "a person's key" } });
    }
    if (operation.idempotent && !(operation.derivesKey && meta.idempotencyKey === null)) checkKey(meta);
    const parsed = operation.input.safeParse(input);
    if (!parsed.success) throw invalidRequest(parsed.error);
    return await app.policies.upToDate(async () => operation.handler(app, caller, parsed.data, meta));
  } catch (error) {
    if (operation.idempotent && error instanceof BursarError) await noteRefusal(app, operation, caller, error);
    throw error;
  }
}

/** `audit` reads everything and changes nothing. */
function isInScope({ scope, method }: Operation, { credential }: Caller): boolean {
  return credential.scopes.includes(scope) || (method === 'GET' && credential.scopes.includes('audit'));
}

function checkKey(meta: RequestMeta): void {
  if (meta.idempotencyKey === null) throw new BursarError('idempotency_key_required');
  if (!KEY.test(meta.idempotencyKey)) {
    throw new BursarError('idempotency_key_required', {
      message: 'The Idempotency-Key must be 8 to 200 printable characters without spaces.',
    });
  }
}

/** Names each field with its error, never the value: it may be a secret in the wrong field. */
export function invalidRequest(error: z.ZodError): BursarError {
  const fields = error.issues.slice(0, 20).map((issue) => ({
    field: issue.path.join('.') || (issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : '(body)'),
    problem: problemOf(issue),
  }));
  const first = fields[0];
  return new BursarError('invalid_request', {
    message: first ? `${first.field}: ${first.problem}.` : 'The request is not valid.',
    details: { fields },
  });
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `unknown: ${issue.keys.join(', ')}`;
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return isMissing ? 'is missing' : issue.message;
}

async function noteRefusal(app: App, operation: Operation, caller: Caller, error: BursarError): Promise<void> {
  try {
    await app.store.write((tx) =>
      appendEvent(
        tx,
        {
          type: 'payment.refused',
          actor: caller.actor,
          agentId: caller.credential.agentId,
          data: { operation: operation.name, code: error.code, detail: error.message },
        },
        app.clock(),
      ),
    );
  } catch {
    // The caller already learns of a full or broken disk; the refusal itself stays.
  }
}
