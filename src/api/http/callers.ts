import type { Context } from 'hono';
import type { Oidc } from '../../control/sign-in/oidc/oidc.ts';
import type { NoteRefusal } from '../../control/sign-in/refusals.ts';
import { isCsrf, type Session, type Sessions } from '../../control/sign-in/sessions.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { ApiKeyAuth } from './apiKeyAuth.ts';
import { CSRF_HEADER, type Site, sessionToken } from './signIn/site.ts';

/** The caller of a request: the holder of an API key, or the person of a session cookie. */
export type Callers = {
  /** Throws `unauthenticated`, `csrf_required`, `too_many_requests` (after too many wrong keys). Charges nothing. */
  of(c: Context): Promise<Caller>;
  /** Authenticates a request again that was accepted: cheap, and an ended key is not counted as a wrong guess. Throws as `of`. */
  still(c: Context): Promise<Caller>;
};

/** The URL at which people sign in. */
export type People = {
  sessions: Sessions;
  site: Site;
  /** Null: there is no identity provider. */
  oidc: Oidc | null;
  note: NoteRefusal;
};

/** A key takes precedence over a cookie. With a cookie, every method except GET needs the CSRF header. */
export function createCallers(keys: ApiKeyAuth, people: People | null): Callers {
  const tokenOf = (c: Context): string | undefined =>
    people && c.req.header('authorization') === undefined ? sessionToken(c, people.site) : undefined;
  return {
    of: async (c) => {
      const token = tokenOf(c);
      return people && token !== undefined
        ? await bySession(c, people.sessions, keys, token)
        : await keys.callerByKey(c);
    },
    still: async (c) => {
      const token = tokenOf(c);
      return people && token !== undefined ? (await people.sessions.resolve(token)).caller : await keys.stillByKey(c);
    },
  };
}

async function bySession(c: Context, sessions: Sessions, keys: ApiKeyAuth, token: string): Promise<Caller> {
  const { caller } = await sessionOf(c, sessions, keys, token);
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && !isCsrf(token, c.req.header(CSRF_HEADER))) {
    throw new BursarError('csrf_required');
  }
  return caller;
}

/** A cookie without a session counts as a wrong key. Throws `unauthenticated`, `too_many_requests`. */
export async function sessionOf(c: Context, sessions: Sessions, keys: ApiKeyAuth, token: string): Promise<Session> {
  try {
    return await sessions.resolve(token);
  } catch (error) {
    if (error instanceof BursarError && error.code === 'unauthenticated') keys.wasWrong(c, null);
    throw error;
  }
}
