import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { invalidRequest } from '../operations/dispatch.ts';
import type { Operation } from '../operations/operation.ts';
import { derivedKey } from '../operations/payments/derivedKey.ts';
import type { Json } from './backend.ts';

/** The workflow and run of every call that names none. */
export type CallDefaults = { workflow?: string | undefined; run?: string | undefined };

const Own = z.looseObject({
  again: z.int().min(1).max(1_000_000).default(1),
  idempotency_key: z.string().optional(),
});

/**
 * Returns the operation's input and its idempotency key. Without a key from the caller, it is derived from the request, so that a
 * model that repeats a call does not pay twice: by the operation if it can (`again` among its fields), else here. Throws
 * `invalid_request`.
 */
export function keyed(operation: Operation, args: Json, defaults: CallDefaults): { input: Json; key: string | null } {
  if (!operation.idempotent) return { input: args, key: null };
  const own = Own.safeParse(args);
  if (!own.success) throw invalidRequest(own.error);
  const { again, idempotency_key: given, ...input } = own.data;
  const derives = fieldsOf(operation).has('again');
  if (given !== undefined) return { input: derives && 'again' in args ? { again, ...input } : input, key: given };
  if (derives) return { input: { again, ...input }, key: null };
  const derived = derivedKey({
    workflow: defaults.workflow ?? null,
    run: defaults.run ?? null,
    method: operation.method,
    url: operation.path,
    bodySha256: sha256(canonical(parsedOr(operation, input))),
    again,
  });
  return { input, key: `mcp-${sha256(derived)}` };
}

export function fieldsOf(operation: Operation): Set<string> {
  return new Set('shape' in operation.input ? Object.keys(operation.input.shape as object) : []);
}

/** In the parsed form of the operation, so that "0.50" equals "0.5"; invalid input stays unchanged. */
function parsedOr(operation: Operation, input: Json): unknown {
  try {
    const parsed = operation.input.safeParse(input);
    return parsed.success ? parsed.data : input;
  } catch (error) {
    if (error instanceof BursarError) return input;
    throw error;
  }
}

/** Independent of the order of the fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
