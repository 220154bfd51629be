import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { BursarError } from '../../../core/errors/base.ts';

/** The addresses of the console: the listening host, the loopback names, and the configured public origin. */
export type Site = { host: string; origin: string | null };

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The origin that the browser shows, if it is ours. A foreign name that resolves to us (DNS rebinding) is refused: a person would
 * sign in for that name.
 */
export function originOf(c: Context, { host, origin }: Site): string {
  const asked = c.req.header('host') ?? '';
  if (origin !== null && new URL(origin).host === asked) return origin;
  const url = URL.canParse(`http://${asked}`) ? new URL(`http://${asked}`) : null;
  if (url && url.host === asked && [...LOOPBACK, host].includes(url.hostname)) return url.origin;
  throw new BursarError('sign_in_refused', {
    message: `This server is not configured for the name "${asked.slice(0, 80)}": set server.origin in config.json.`,
  });
}

export const CSRF_HEADER = 'x-bursar-csrf';

/**
 * Over TLS the cookie names have a prefix, so that browsers accept them from exactly this host (RFC 6265bis, 4.1.3): a page of a
 * sibling domain cannot plant one.
 */
const named = (name: string, isTls: boolean): string => (isTls ? `__Host-${name}` : name);
export const sessionCookie = (isTls: boolean): string => named('bursar_session', isTls);
export const loginCookie = (isTls: boolean): string => named('bursar_oidc', isTls);

export const isTls = (origin: string): boolean => origin.startsWith('https:');

/** The session's cookie, for the origin that the browser shows. */
export function sessionToken(c: Context, { origin }: Site): string | undefined {
  const isPublic = origin !== null && isTls(origin) && c.req.header('host') === new URL(origin).host;
  return getCookie(c, sessionCookie(isPublic));
}

export const attributes = (origin: string, sameSite: 'Strict' | 'Lax') =>
  ({ httpOnly: true, sameSite, path: '/', secure: isTls(origin) }) as const;
