import { randomBytes } from 'node:crypto';
import { BursarError } from '../../../core/errors/base.ts';
import { createLoginStates } from './loginState.ts';
import { type Claims, openProvider } from './provider.ts';
import type { OidcSettings } from './settings.ts';

/** Whom the provider vouches for. `email` only if it may name an approver. */
export type Vouched = { issuer: string; subject: string; name: string; email: string | null; groups: string[] };

export type Oidc = {
  /** What the button calls the provider. */
  name: string;
  /** The authorization code flow with PKCE (RFC 9700): where to send the browser, and what it keeps in a cookie until it returns. */
  begin(origin: string, returnTo: string | undefined): Promise<{ url: string; sealed: string }>;
  /**
   * The browser is back at `returned` with its cookie. Throws `sign_in_refused`, `email_unverified`,
   * `identity_provider_unavailable`, `identity_provider_invalid`.
   */
  finish(returned: URL, sealed: string | undefined): Promise<{ who: Vouched; returnTo: string }>;
};

export const CALLBACK = '/auth/oidc/callback';

export function openOidc(settings: OidcSettings, secret: string | null, clock: () => number): Oidc {
  const provider = openProvider(settings, secret, clock);
  const logins = createLoginStates();
  const random = (): string => randomBytes(32).toString('base64url');
  return {
    name: settings.name,
    begin: async (origin, asked) => {
      const returnTo = pathWithin(origin, asked);
      const login = { state: random(), nonce: random(), verifier: random(), returnTo, origin };
      const url = await provider.authorizationUrl(login, `${origin}${CALLBACK}`);
      return { url: url.href, sealed: await logins.seal(login, clock()) };
    },
    finish: async (returned, sealed) => {
      const login = await logins.take(sealed, returned.searchParams.get('state') ?? undefined, clock());
      if (login === null || login.origin !== returned.origin) {
        const message = 'This sign-in was not started in this browser, or too long ago, or is used.';
        throw new BursarError('sign_in_refused', { message });
      }
      const claims = await provider.claims(returned, login, ['email', 'email_verified', settings.roles_claim]);
      return { who: vouched(claims, settings), returnTo: login.returnTo };
    },
  };
}

/** A page of this console, or its start: never another site, whatever a link says (RFC 9700, 4.11). */
export function pathWithin(origin: string, asked: string | undefined): string {
  if (asked === undefined || asked.length > 500 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(asked)) return '/';
  if (!URL.canParse(asked, origin)) return '/';
  const { origin: there, pathname, search } = new URL(asked, origin);
  // Dots in a path resolve to others, also to `//`.
  if (there !== origin || pathname.startsWith('//') || /^\/(auth|v1|x402|mcp|i)(\/|$)/.test(pathname)) return '/';
  return `${pathname}${search}`;
}

/** Throws `email_unverified`. */
function vouched(claims: Claims, settings: OidcSettings): Vouched {
  // Exactly true: what a provider says in other words it may not have checked.
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

/** Lower case of ASCII alone: `toLowerCase` makes a k of the Kelvin sign, and so another person's address. */
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

/** The claim of that very name (some are URLs), else where its points lead. */
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
