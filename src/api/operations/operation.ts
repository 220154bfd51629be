import type { z } from 'zod';
import type { ErrorCode } from '../../core/errors/catalogue.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { Scope } from '../../decide/identity/credentials.ts';
import type { App } from './app.ts';
import type { Cost } from './cost.ts';

/** What comes with a request beside its input. */
export type RequestMeta = {
  idempotencyKey: string | null;
  /** Charges the caller what this very request has cost beyond the operation's class, in tokens. */
  owe?: (tokens: number) => void;
};

/**
 * One thing that Bursar does, told once: HTTP route, OpenAPI, CLI command and SDK method are made from it. Path parameters
 * (`{id}`), query (GET) and body (the rest) together are the input.
 */
export type Operation<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = {
  name: string;
  summary: string;
  method: 'GET' | 'POST';
  path: `/v1/${string}`;
  /** What the key must hold. */
  scope: Scope;
  /** The class of what a request costs the server: see `cost.ts`. */
  cost: Cost;
  /** Organisation-wide: an agent's key does not see it, whatever its scopes. */
  peopleOnly?: boolean;
  input: I;
  output: O;
  /** Beyond those that every operation can answer with. */
  errors: readonly ErrorCode[];
  /** Moves money: an Idempotency-Key is required. */
  idempotent?: boolean;
  /** Of an idempotent one: without a key it follows from the request itself (see `derivedKey.ts`). */
  derivesKey?: boolean;
  /** The largest body over HTTP. Default 64 KiB. */
  bodyMaxBytes?: number;
  handler: (app: App, caller: Caller, input: z.output<I>, meta: RequestMeta) => Promise<z.input<O>> | z.input<O>;
};

/** Types an operation; the registry holds them all. */
export function operation<I extends z.ZodType, O extends z.ZodType>(definition: Operation<I, O>): Operation<I, O> {
  return definition;
}
