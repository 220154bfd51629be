import type { z } from 'zod';
import type { ErrorCode } from '../../core/errors/catalogue.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { Scope } from '../../decide/identity/credentials.ts';
import type { App } from './app.ts';
import type { Cost } from './cost.ts';

/** The context of a request, besides its input. */
export type RequestMeta = {
  idempotencyKey: string | null;
  /** Charges the caller the cost of this request beyond the operation's class, in tokens. */
  owe?: (tokens: number) => void;
};

/**
 * One operation of Bursar, defined once: HTTP route, OpenAPI, CLI command and SDK method are made from it. Path parameters
 * (`{id}`), query (GET) and body (others) together are the input.
 */
export type Operation<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = {
  name: string;
  summary: string;
  method: 'GET' | 'POST';
  path: `/v1/${string}`;
  /** The scope that the key needs. */
  scope: Scope;
  /** The cost class of a request: see `cost.ts`. */
  cost: Cost;
  /** Organisation-wide: agent keys cannot call it. */
  peopleOnly?: boolean;
  input: I;
  output: O;
  /** In addition to the errors of every operation. */
  errors: readonly ErrorCode[];
  /** Moves money: an Idempotency-Key is required. */
  idempotent?: boolean;
  /** For an idempotent one: without a key, it is derived from the request (see `derivedKey.ts`). */
  derivesKey?: boolean;
  /** The largest body over HTTP. Default 64 KiB. */
  bodyMaxBytes?: number;
  handler: (app: App, caller: Caller, input: z.output<I>, meta: RequestMeta) => Promise<z.input<O>> | z.input<O>;
};

/** Types an operation; the registry lists them all. */
export function operation<I extends z.ZodType, O extends z.ZodType>(definition: Operation<I, O>): Operation<I, O> {
  return definition;
}
