import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { rateLimit } from '../facilitator/rateLimit.ts';
import type { App } from '../operation/app.ts';
import { invalidRequest } from '../operation/dispatch.ts';
import { countAttempts } from '../session/attempts.ts';
import { consoleRole } from '../session/roles.ts';
import { csrfOf, isCsrf, SESSION_MS, type Sessions } from '../session/sessions.ts';
import { addressOf, COOKIE, CSRF_HEADER, refuseAfter } from './callers.ts';

const BODY_MAX_BYTES = 32 * 1024;
const NONCES = { perSecond: 2, burst: 60 };
const FAILED_SIGN_INS = { max: 20, windowMs: 5 * 60_000 };
const STATEMENT = 'Sign in to Bursar. This moves no money.';

const SignIn = z.strictObject({ message: z.string().max(4_000), signature: z.string().max(16_386) });

/** Where people reach the console: the listening host, the loopback names, and the configured public origin. */
export type Site = { host: string; origin: string | null };

/** `/auth`: sign-in with Ethereum (EIP-4361), and the session cookie. */
export function sessionRoutes(app: App, sessions: Sessions, site: Site): Hono {
  const http = new Hono();
  const nonces = rateLimit(NONCES);
  const failures = countAttempts(FAILED_SIGN_INS);

  http.use('*', async (c, next) => {
    c.header('cache-control', 'no-store');
    await next();
  });
  http.get('/nonce', (c) => {
    refuseAfter(nonces.take(addressOf(c), app.clock()), 'Too many nonces for this address.');
    const origin = originOf(c, site);
    const { chainId } = app.chainFacts;
    return c.json({
      nonce: sessions.nonce(),
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
    // JSON from a foreign page needs a preflight that we never grant; this also stops old forms with a text body.
    if (!/^application\/json\b/.test(c.req.header('content-type') ?? '')) throw new BursarError('invalid_json');
    if (c.req.header('sec-fetch-site') === 'cross-site') throw new BursarError('forbidden');
    const [address, nowMs] = [addressOf(c), app.clock()];
    refuseAfter(failures.waitSeconds(address, nowMs), 'Too many failed sign-ins from this address.');
    const body: unknown = await c.req.json().catch(() => {
      throw new BursarError('invalid_json');
    });
    const parsed = SignIn.safeParse(body);
    if (!parsed.success) throw invalidRequest(parsed.error);
    const origin = originOf(c, site);
    try {
      const token = await sessions.signIn({ ...parsed.data, origin, before: getCookie(c, COOKIE) ?? null });
      setCookie(c, COOKIE, token, { ...attributes(origin), maxAge: SESSION_MS / 1000 });
      return c.json(me(app, sessions, token));
    } catch (error) {
      if (error instanceof BursarError && error.code === 'sign_in_refused') failures.failed(address, nowMs);
      throw error;
    }
  });
  http.get('/me', (c) => {
    const token = getCookie(c, COOKIE);
    if (token === undefined) throw new BursarError('unauthenticated', { message: 'Nobody is signed in.' });
    return c.json(me(app, sessions, token));
  });
  http.post('/logout', async (c) => {
    const token = getCookie(c, COOKIE);
    if (token === undefined) throw new BursarError('unauthenticated', { message: 'Nobody is signed in.' });
    if (!isCsrf(token, c.req.header(CSRF_HEADER))) throw new BursarError('csrf_required');
    await sessions.end(token);
    deleteCookie(c, COOKIE, attributes(originOf(c, site)));
    return c.json({ signed_out: true });
  });
  return http;
}

function me(app: App, sessions: Sessions, token: string): Record<string, unknown> {
  const { approver, caller, expiresAtMs } = sessions.resolve(token);
  const { id, name, address, roles, sponsorId } = approver;
  const { chainId, network, token: usdc } = app.chainFacts;
  return {
    approver: { id, name, address, roles, sponsor: sponsorId },
    role: consoleRole(approver),
    scopes: caller.credential.scopes,
    csrf: csrfOf(token),
    expires_at: new Date(expiresAtMs).toISOString(),
    chain: { id: chainId, network, usdc },
    version: app.version,
  };
}

const attributes = (origin: string) =>
  ({ httpOnly: true, sameSite: 'Strict', path: '/', secure: origin.startsWith('https:') }) as const;

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The origin that the browser shows, if it is ours. A foreign name that resolves to us (DNS rebinding) is refused: a person would
 * sign in for that name.
 */
function originOf(c: Context, { host, origin }: Site): string {
  const asked = c.req.header('host') ?? '';
  if (origin !== null && new URL(origin).host === asked) return origin;
  const url = URL.canParse(`http://${asked}`) ? new URL(`http://${asked}`) : null;
  if (url && url.host === asked && [...LOOPBACK, host].includes(url.hostname)) return url.origin;
  throw new BursarError('sign_in_refused', {
    message: `This server is not configured for the name "${asked.slice(0, 80)}": set server.origin in config.json.`,
  });
}
