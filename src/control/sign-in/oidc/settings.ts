import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Environment } from '../../../core/environment/environment.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { groupRoles } from '../../../decide/identity/people.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Secrets are sent to a provider: only TLS or this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.includes(hostname));
}

/** `oidc` in config.json: an identity provider in addition to sign-in with Ethereum. It has no secret. */
export const OidcSettings = z.strictObject({
  /** Exactly the issuer in the provider's discovery document. */
  issuer: z.string().max(500).refine(isSafeUrl, 'is not an https URL (http is for loopback alone)'),
  client_id: z.string().min(1).max(300),
  /**
   * A file with the client's secret; `BURSAR_OIDC_CLIENT_SECRET` takes precedence. Without both: a public client, by PKCE alone.
   */
  client_secret_file: z.string().min(1).optional(),
  /** The provider's name on the button of the sign-in page. */
  name: z.string().min(1).max(40).default('single sign-on'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
    .max(20)
    .default(['openid', 'email', 'profile']),
  /** The claim that lists a person's groups; dots are a path, as in `realm_access.roles`. */
  roles_claim: z.string().min(1).max(200).default('groups'),
  /** Group to role. A person without any of these groups can sign in only as an approver, by e-mail address. */
  roles: z.record(z.string().min(1).max(300), z.enum(groupRoles)).default({}),
  /** False for providers that verify no addresses: then only groups decide, and no e-mail address names an approver. */
  require_verified_email: z.boolean().default(true),
  /** The time after which the provider must confirm the person again. */
  session_minutes: z.int().min(5).max(720).default(480),
});
export type OidcSettings = z.infer<typeof OidcSettings>;

/** Null if there is none. Throws `not_configured` if the file cannot be read or is empty. */
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
    // Reported below, like an empty file.
  }
  if (text === '') throw new BursarError('not_configured', { message: `${path} holds no client secret.` });
  return text;
}
