import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, setCookie } from 'hono/cookie';
import { parseSiweMessage } from 'viem/siwe';
import { z } from 'zod';
import { csrfOf, isCsrf, SESSION_MS, type Session } from '../../../control/sign-in/sessions.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { countAttempts } from '../../../core/limits/attempts.ts';
import { rateLimit } from '../../../core/limits/rateLimit.ts';
import { readJson } from '../../../core/text/json.ts';
import type { App } from '../../operations/app.ts';
import { invalidRequest } from '../../operations/dispatch.ts';
import { type ApiKeyAuth, refuseAfter } from '../apiKeyAuth.ts';
import { type People, sessionOf } from '../callers.ts';
import { oidcRoutes } from './oidcRoutes.ts';
import { attributes, CSRF_HEADER, isTls, originOf, sessionCookie, sessionToken } from './site.ts';

const BODY_MAX_BYTES = 32 * 1024;
/** The limit on nonces, and on redirects to the identity provider. */
const STARTS = { perSecond: 2, burst: 60 };
const FAILED_SIGN_INS = { max: 20, windowMs: 5 * 60_000 };
const STATEMENT = 'Sign in to Bursar. This moves no money.';

const SignIn = z.strictObject({ message: z.string().max(4_000), signature: z.string().max(16_386) });

/** `/auth`: sign-in with Ethereum (EIP-4361) or by OIDC, and the session cookie. */
export function sessionRoutes(app: App, people: People, keys: ApiKeyAuth): Hono {
  const { sessions, site, oidc, note } = people;
  const { addressOf } = keys;
  const http = new Hono();
  const starts = rateLimit(STARTS);
  const failures = countAttempts(FAILED_SIGN_INS);

  http.use('*', async (c, next) => {
    c.header('cache-control', 'no-store');
    await next();
  });
  http.get('/methods', (c) => c.json({ ethereum: true, oidc: oidc && { name: oidc.name } }));
  http.get('/nonce', async (c) => {
    refuseAfter(starts.take(addressOf(c), app.clock()), 'Too many nonces for this address.');
    const origin = originOf(c, site);
    const { chainId } = app.chainFacts;
    return c.json({
      nonce: await sessions.nonce(),
      domain: new URL(origin).host,
      uri: origin,
      chain_id: chainId,
      statement: STATEMENT,
    });
  });
  const limit = bodyLimit({
    maxSize: BODY_MAX_BYTES,
    onError: () => {
      throw new BursarError('body_too_large', { message: 'The body is larger than 32 KiB.' });
    },
  });
  http.post('/siwe', limit, async (c) => {
    // JSON from a foreign page needs a preflight that is never granted; this also blocks old forms with a text body.
    if (!/^application\/json\b/.test(c.req.header('content-type') ?? '')) throw new BursarError('invalid_json');
    if (c.req.header('sec-fetch-site') === 'cross-site') throw new BursarError('forbidden');
    const [from, nowMs] = [addressOf(c), app.clock()];
    const parsed = SignIn.safeParse(readJson(await c.req.arrayBuffer()));
    if (!parsed.success) throw invalidRequest(parsed.error);
    const origin = originOf(c, site);
    // A valid signature passes regardless of earlier failures from its address: nobody can lock another person out.
    const wait = failures.waitSeconds(from, nowMs);
    try {
      const before = sessionToken(c, site) ?? null;
      const token = await sessions.signIn({ ...parsed.data, origin, before, isCheapOnly: wait > 0 });
      setCookie(c, sessionCookie(isTls(origin)), token, { ...attributes(origin, 'Strict'), maxAge: SESSION_MS / 1000 });
      return c.json(me(app, token, await sessions.resolve(token)));
    } catch (error) {
      if (!(error instanceof BursarError)) throw error;
      if (error.code === 'sign_in_refused' || error.code === 'too_many_requests') {
        refuseAfter(wait, 'Too many failed sign-ins from this address.');
        failures.failed(from, nowMs);
        const { address = null } = parseSiweMessage(parsed.data.message);
        await note({ type: 'session.refused', data: { via: 'ethereum', from, address, detail: error.message } });
      }
      throw error;
    }
  });
  http.get('/me', async (c) => {
    const token = sessionToken(c, site);
    if (token === undefined) throw new BursarError('unauthenticated', { message: 'Nobody is signed in.' });
    return c.json(me(app, token, await sessionOf(c, sessions, keys, token)));
  });
  http.post('/logout', async (c) => {
    const token = sessionToken(c, site);
    if (token === undefined) throw new BursarError('unauthenticated', { message: 'Nobody is signed in.' });
    if (!isCsrf(token, c.req.header(CSRF_HEADER))) throw new BursarError('csrf_required');
    await sessions.end(token);
    const origin = originOf(c, site);
    deleteCookie(c, sessionCookie(isTls(origin)), attributes(origin, 'Strict'));
    return c.json({ signed_out: true });
  });
  if (oidc) http.route('/oidc', oidcRoutes(app, { ...people, oidc, starts, addressOf }));
  return http;
}

function me(app: App, token: string, session: Session): Record<string, unknown> {
  const { approver, person, role, caller, expiresAtMs } = session;
  const { chainId, network, token: usdc } = app.chainFacts;
  const { id, name, scopes } = caller.credential;
  return {
    id,
    name,
    email: person?.email ?? approver?.email ?? null,
    via: person ? 'oidc' : 'ethereum',
    approver: approver && {
      id: approver.id,
      name: approver.name,
      address: approver.address,
      roles: approver.roles,
      sponsor: approver.sponsorId,
    },
    role,
    scopes,
    csrf: csrfOf(token),
    expires_at: new Date(expiresAtMs).toISOString(),
    chain: { id: chainId, network, usdc },
    version: app.version,
  };
}
