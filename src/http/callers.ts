import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { BursarError } from '../errors/base.ts';
import { rateLimit } from '../facilitator/rateLimit.ts';
import type { App } from '../operation/app.ts';
import { callerOf } from '../operation/dispatch.ts';
import type { Caller } from '../operation/operation.ts';
import { countAttempts } from '../session/attempts.ts';
import { isCsrf, type Sessions } from '../session/sessions.ts';

export const COOKIE = 'bursar_session';
export const CSRF_HEADER = 'x-bursar-csrf';
/** Far above what one server decides in a second; only a caller that has lost its way meets it. */
const PER_KEY = { perSecond: 2_000, burst: 10_000 };
const WRONG_KEYS = { max: 30, windowMs: 60_000 };

/** Who sends a request: the holder of an API key, or the person behind a session cookie. */
export type Callers = (c: Context) => Caller;

/**
 * A key wins over a cookie. With a cookie, everything that is not a GET needs the CSRF header. Throws `unauthenticated`,
 * `csrf_required`, `too_many_requests`.
 *
 * Good keys pass whatever came from their address before: 256 random bits are not guessed, and one agent with a wrong key must
 * not lock out the others on its machine. The limit on wrong ones bounds noise and work.
 */
export function createCallers(app: App, sessions: Sessions | null): Callers {
  const perKey = rateLimit(PER_KEY);
  const wrongKeys = countAttempts(WRONG_KEYS);

  function byKey(c: Context, key: string): Caller {
    try {
      return callerOf(app, key);
    } catch (error) {
      if (!(error instanceof BursarError) || error.code !== 'unauthenticated') throw error;
      const [address, nowMs] = [addressOf(c), app.clock()];
      refuseAfter(wrongKeys.waitSeconds(address, nowMs), 'Too many wrong keys from this address.');
      wrongKeys.failed(address, nowMs);
      throw error;
    }
  }
  return (c) => {
    const authorization = c.req.header('authorization');
    const token = sessions && authorization === undefined ? getCookie(c, COOKIE) : undefined;
    const caller =
      sessions && token !== undefined ? bySession(c, sessions, token) : byKeyOrNone(bearer(authorization), byKey, c);
    refuseAfter(perKey.take(caller.credential.id, app.clock()), 'Too many requests with this key.');
    return caller;
  };
}

function byKeyOrNone(key: string | undefined, byKey: (c: Context, key: string) => Caller, c: Context): Caller {
  if (key === undefined) throw new BursarError('unauthenticated');
  return byKey(c, key);
}

function bySession(c: Context, sessions: Sessions, token: string): Caller {
  const { caller } = sessions.resolve(token);
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && !isCsrf(token, c.req.header(CSRF_HEADER))) {
    throw new BursarError('csrf_required');
  }
  return caller;
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]+)$/.exec(authorization ?? '')?.[1];
}

/** The other end of the connection; behind a reverse proxy that is the proxy, which then limits by itself. */
export function addressOf(c: Context): string {
  const bindings = c.env as Partial<HttpBindings> | undefined;
  return bindings?.incoming?.socket.remoteAddress ?? 'unknown';
}

export function refuseAfter(seconds: number, message: string): void {
  if (seconds > 0) throw new BursarError('too_many_requests', { message, details: { retry_after_seconds: seconds } });
}
