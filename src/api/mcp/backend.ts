import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { App } from '../operations/app.ts';
import { costs } from '../operations/cost.ts';
import { dispatch } from '../operations/dispatch.ts';
import type { Operation } from '../operations/operation.ts';

export type Json = Record<string, unknown>;
/** RFC 9457 problem details, as in the HTTP interface. */
export type Problem = {
  code: string;
  title: string;
  detail: string;
  action: string;
  retry: string;
  details?: Record<string, unknown>;
};
export type BackendAnswer = { ok: true; answer: Json } | { ok: false; problem: Problem };

/** How a tool calls the operations: in this process, or over HTTP with an agent's key. Never throws. */
export type Backend = {
  /** The server's URL, for links. */
  base: string;
  call(operation: Operation, input: Json, idempotencyKey: string | null): Promise<BackendAnswer>;
};

/** The cost of a call is charged to the caller's limits before it runs. Throws `too_many_requests`. */
export type Charging = { charge(caller: Caller, tokens: number): void; owe(caller: Caller, tokens: number): void };

/** Calls the operations inside the server's own process, for one caller. */
export function inProcessBackend(app: App, caller: Caller, base: string, keys: Charging): Backend {
  return {
    base,
    async call(operation, input, idempotencyKey) {
      try {
        keys.charge(caller, costs[operation.cost]);
        const owe = (tokens: number): void => keys.owe(caller, tokens);
        const meta = { idempotencyKey, owe };
        return { ok: true, answer: (await dispatch(app, caller, { operation, input, meta })) as Json };
      } catch (error) {
        if (!(error instanceof BursarError)) log.error({ err: error, operation: operation.name }, 'a tool failed');
        const known = error instanceof BursarError ? error : new BursarError('internal');
        return { ok: false, problem: known.toProblem() as Problem };
      }
    },
  };
}

/** Limits the calls that run at once through all its backends; a further one gets `too_many_requests`. */
export function callLimit(maxAtOnce: number): (backend: Backend) => Backend {
  let running = 0;
  return (backend) => ({
    base: backend.base,
    async call(operation, input, idempotencyKey) {
      if (running >= maxAtOnce) {
        return { ok: false, problem: new BursarError('too_many_requests').toProblem() as Problem };
      }
      running += 1;
      try {
        return await backend.call(operation, input, idempotencyKey);
      } finally {
        running -= 1;
      }
    },
  });
}
