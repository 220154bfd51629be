import { randomBytes } from 'node:crypto';
import { BursarError } from '../../../core/errors/base.ts';
import type { SharedOnce } from '../once.ts';
import { createLoginStates } from './loginState.ts';
import { type Claims, openProvider } from './provider.ts';
import type { OidcSettings } from './settings.ts';

/** The person whom the provider authenticated. `email` only if it may name an approver. */
export type Vouched = { issuer: string; subject: string; name: string; email: string | null; groups: string[] };

export type Oidc = {
  /** The provider's name on the button. */
  name: string;
  /**
   * The authorization code flow with PKCE (RFC 9700): returns the URL for the browser, and the cookie that it keeps until it
   * returns.
   */
  begin(origin: string, returnTo: string | undefined): Promise<{ url: string; sealed: string }>;
  /**
   * Completes the flow at `returned` with the cookie. Throws `sign_in_refused`, `email_unverified`,
   * `identity_provider_unavailable`, `identity_provider_invalid`.
   */
  finish(returned: URL, sealed: string | undefined): Promise<{ who: Vouched; returnTo: string }>;
};

export const CALLBACK = '/auth/oidc/callback';

export function openOidc(
  settings: OidcSettings,
  secret: string | null,
  { clock, once }: { clock: () => number; once: SharedOnce },
): Oidc {
  const provider = openProvider(settings, secret, clock);
  const logins = createLoginStates(once);
  const random = (): string => randomBytes(32).toString('base64url');
  return {
    name: settings.name,
    begin: async (origin, asked) => {
      const returnTo = pathWithin(origin, asked);
      const login = { state: random(), nonce: random(), verifier: random(), returnTo, origin };
      const url = await provider.authorizationUrl(login, `${origin}${CALLBACK}`);
      return { url: url.href, sealed: await logins.seal(login) };
    },
    finish: async (returned, sealed) => {
      const login = await logins.take(sealed, returned.searchParams.get('state') ?? undefined);
      if (login === null || login.origin !== returned.origin) {
        const message = 'This sign-in was not started in this browser, or too long ago, or is used.';
        throw new BursarError('sign_in_refused', { message });
      }
      const claims = await provider.claims(returned, login, ['email', 'email_verified', settings.roles_claim]);
      return { who: vouched(claims, settings), returnTo: login.returnTo };
    },
  };
}

/** Returns a page of this console, or its start page: never another site, whatever the link says (RFC 9700, 4.11). */
export function pathWithin(origin: string, asked: string | undefined): string {
  if (asked === undefined || asked.length > 500 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(asked)) return '/';
  if (!URL.canParse(asked, origin)) return '/';
  const { origin: there, pathname, search } = new URL(asked, origin);
  // Dots in a path resolve to other paths, also to `//`.
  if (there !== origin || pathname.startsWith('//') || /^\/(auth|v1|x402|mcp|i)(\/|$)/.test(pathname)) return '/';
  return `${pathname}${search}`;
}

/** Throws `email_unverified`. */
function vouched(claims: Claims, settings: OidcSettings): Vouched {
  // Exactly true: another value may mean that the provider did not verify the address.
  const email = claims.email_verified === true ? addressIn(claims.email) : null;
  if (email === null && settings.require_verified_email) throw new BursarError('email_unverified');
  return {
    issuer: settings.issuer,
    subject: claims.sub,
    name: nameOf(claims, email),
    email: settings.require_verified_email ? email : null,
    groups: groupsIn(claims, settings.roles_claim),
  };
}

/** Lower-cases only ASCII: `toLowerCase` turns the Kelvin sign into k, which may be another person's address. */
function addressIn(email: unknown): string | null {
  if (typeof email !== 'string' || email.length > 254 || !email.includes('@')) return null;
  return email.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Names are shown and logged: no control, invisible or markup characters. */
function nameOf(claims: Claims, email: string | null): string {
  for (const text of [claims.name, claims.preferred_username, email, claims.sub]) {
    const name = typeof text === 'string' ? text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>]/gu, '').trim() : '';
    if (name !== '') return name.slice(0, 80);
  }
  return 'unnamed';
}

const GROUPS_MAX = 2_000;

/** Reads the claim of exactly that name (some are URLs), else follows the dots as a path. */
function groupsIn(claims: Claims, path: string): string[] {
  let value: unknown = claims;
  if (Object.hasOwn(claims, path)) value = claims[path];
  else {
    for (const step of path.split('.')) {
      value =
        typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? Reflect.get(value, step) : null;
    }
  }
  const listed: unknown[] = Array.isArray(value) ? value : [value];
  return listed.slice(0, GROUPS_MAX).filter((group) => typeof group === 'string');
}
