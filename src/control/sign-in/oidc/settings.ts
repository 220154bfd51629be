import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Environment } from '../../../core/environment/environment.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { groupRoles } from '../../../decide/identity/people.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** What goes over the wire to a provider is a secret: TLS, or this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.includes(hostname));
}

/** `oidc` in config.json: an identity provider beside sign-in with Ethereum. No secret in it. */
export const OidcSettings = z.strictObject({
  /** Exactly as the provider's discovery document names itself. */
  issuer: z.string().max(500).refine(isSafeUrl, 'is not an https URL (http is for loopback alone)'),
  client_id: z.string().min(1).max(300),
  /** A file with the client's secret; `BURSAR_OIDC_CLIENT_SECRET` overrules. Neither: a public client, by PKCE alone. */
  client_secret_file: z.string().min(1).optional(),
  /** What the button of the sign-in page calls it. */
  name: z.string().min(1).max(40).default('single sign-on'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
    .max(20)
    .default(['openid', 'email', 'profile']),
  /** The claim that lists a person's groups; points lead into it, as in `realm_access.roles`. */
  roles_claim: z.string().min(1).max(200).default('groups'),
  /** Group to role. A person with none of them gets in only as an approver, by e-mail address. */
  roles: z.record(z.string().min(1).max(300), z.enum(groupRoles)).default({}),
  /** False for providers that verify none: then groups alone decide, and no e-mail address names an approver. */
  require_verified_email: z.boolean().default(true),
  /** What the provider says of a person is heard again after so long. */
  session_minutes: z.int().min(5).max(720).default(480),
});
export type OidcSettings = z.infer<typeof OidcSettings>;

/** Null: there is none. Throws `not_configured` where the file cannot be read or is empty. */
export function clientSecret(
  { client_secret_file: path }: OidcSettings,
  environment: Pick<Environment, 'BURSAR_OIDC_CLIENT_SECRET'>,
): string | null {
  const given = environment.BURSAR_OIDC_CLIENT_SECRET;
  if (given !== undefined) return given;
  if (path === undefined) return null;
  let text = '';
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch {
    // Told below, as an empty one is.
  }
  if (text === '') throw new BursarError('not_configured', { message: `${path} holds no client secret.` });
  return text;
}
