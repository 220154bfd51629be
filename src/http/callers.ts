import type { Context } from 'hono';
import { BursarError } from '../errors/base.ts';
import { rateLimit } from '../facilitator/rateLimit.ts';
import type { App } from '../operation/app.ts';
import type { Caller } from '../operation/operation.ts';
import type { Oidc } from '../session/oidc/oidc.ts';
import type { NoteRefusal } from '../session/refusals.ts';
import { isCsrf, type Session, type Sessions } from '../session/sessions.ts';
import { type KeyDoor, refuseAfter } from './keyDoor.ts';
import { CSRF_HEADER, type Site, sessionToken } from './signIn/site.ts';

/** Far above what one server decides in a second; only a caller that has lost its way meets it. */
const PER_KEY = { perSecond: 2_000, burst: 10_000 };

/** Who sends a request: the holder of an API key, or the person behind a session cookie. */
export type Callers = (c: Context) => Caller;

/** Where people sign in. */
export type People = {
  sessions: Sessions;
  site: Site;
  /** Null: there is no identity provider. */
  oidc: Oidc | null;
  note: NoteRefusal;
};

/**
 * A key wins over a cookie. With a cookie, everything that is not a GET needs the CSRF header. Throws `unauthenticated`,
 * `csrf_required`, `too_many_requests`.
 */
export function createCallers(app: App, keys: KeyDoor, people: People | null): Callers {
  const perKey = rateLimit(PER_KEY);
  return (c) => {
    const hasKey = c.req.header('authorization') !== undefined;
    const token = people && !hasKey ? sessionToken(c, people.site) : undefined;
    const caller = people && token !== undefined ? bySession(c, people.sessions, keys, token) : keys.callerByKey(c);
    refuseAfter(perKey.take(caller.credential.id, app.clock()), 'Too many requests with this key.');
    return caller;
  };
}

function bySession(c: Context, sessions: Sessions, keys: KeyDoor, token: string): Caller {
  const { caller } = sessionOf(c, sessions, keys, token);
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && !isCsrf(token, c.req.header(CSRF_HEADER))) {
    throw new BursarError('csrf_required');
  }
  return caller;
}

/** A cookie of no session counts as a wrong key. Throws `unauthenticated`, `too_many_requests`. */
export function sessionOf(c: Context, sessions: Sessions, keys: KeyDoor, token: string): Session {
  try {
    return sessions.resolve(token);
  } catch (error) {
    if (error instanceof BursarError && error.code === 'unauthenticated') keys.wasWrong(c, null);
    throw error;
  }
}
