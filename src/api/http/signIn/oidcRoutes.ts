import { type Context, Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { LOGIN_MS } from '../../../control/sign-in/oidc/loginState.ts';
import { CALLBACK, type Oidc } from '../../../control/sign-in/oidc/oidc.ts';
import { BursarError } from '../../../core/errors/base.ts';
import type { RateLimit } from '../../../core/limits/rateLimit.ts';
import type { App } from '../../operations/app.ts';
import { type ApiKeyAuth, refuseAfter } from '../apiKeyAuth.ts';
import type { People } from '../callers.ts';
import { pageHeaders, signInPage } from './refusalPage.ts';
import { attributes, isTls, loginCookie, originOf, sessionCookie, sessionToken } from './site.ts';

/** Longer than any provider's code, state and issuer. */
const QUERY_MAX = 8_000;

type Options = People & { oidc: Oidc; starts: RateLimit; addressOf: ApiKeyAuth['addressOf'] };

/**
 * `/auth/oidc/start` sends the browser to the identity provider; it returns to `/auth/oidc/callback`. These are pages for people,
 * so a refusal is a page too. The state is in a Lax cookie, which the browser sends when another site redirects it back.
 */
export function oidcRoutes(app: App, options: Options): Hono {
  const { oidc, sessions, site, starts, addressOf, note } = options;
  const http = new Hono();

  http.get('/start', async (c) => {
    try {
      refuseAfter(starts.take(addressOf(c), app.clock()), 'Too many sign-ins from this address.');
      const origin = originOf(c, site);
      const { url, sealed } = await oidc.begin(origin, c.req.query('return_to'));
      const kept = { ...attributes(origin, 'Lax'), maxAge: LOGIN_MS / 1000 };
      setCookie(c, loginCookie(isTls(origin)), sealed, kept);
      return c.redirect(url, 303);
    } catch (error) {
      return refusal(c, error);
    }
  });

  http.get('/callback', async (c) => {
    let vouched: Record<string, unknown> = {};
    try {
      const origin = originOf(c, site);
      const name = loginCookie(isTls(origin));
      const sealed = getCookie(c, name);
      deleteCookie(c, name, attributes(origin, 'Lax'));
      const { search } = new URL(c.req.url);
      if (search.length > QUERY_MAX) throw new BursarError('sign_in_refused', { message: 'The answer is too long.' });
      // Built from the checked host name, not from the request's own claim.
      const { who, returnTo } = await oidc.finish(new URL(`${CALLBACK}${search}`, origin), sealed);
      vouched = { issuer: who.issuer, subject: who.subject, name: who.name, email: who.email };
      const token = await sessions.signInVouched(who, { before: sessionToken(c, site) ?? null });
      const maxAge = Math.floor(((await sessions.resolve(token)).expiresAtMs - app.clock()) / 1000);
      setCookie(c, sessionCookie(isTls(origin)), token, { ...attributes(origin, 'Strict'), maxAge });
      return c.redirect(returnTo, 303);
    } catch (error) {
      if (error instanceof BursarError) {
        const data = { via: 'oidc', from: addressOf(c), code: error.code, detail: error.message, ...vouched };
        await note({ type: 'session.refused', data });
      }
      return refusal(c, error);
    }
  });
  return http;
}

/** A page for people; a client that does not accept HTML gets the problem as on every route. */
function refusal(c: Context, error: unknown): Response {
  if (!(error instanceof BursarError) || !/\btext\/html\b/.test(c.req.header('accept') ?? '')) throw error;
  if (error.code === 'too_many_requests') c.header('retry-after', String(error.details.retry_after_seconds ?? 1));
  return c.body(signInPage(error), error.status as 401, pageHeaders);
}
