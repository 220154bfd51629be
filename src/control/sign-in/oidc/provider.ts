import * as client from 'openid-client';
import { BursarError } from '../../../core/errors/base.ts';
import type { LoginState } from './loginState.ts';
import { isSafeUrl, type OidcSettings } from './settings.ts';

const TIMEOUT_S = 10;
/** Endpoints may change; the library fetches the keys again when an unknown one signs. */
const FRESH_MS = 60 * 60_000;

/** The claims about a person: those of the ID token, and those of the userinfo endpoint. */
export type Claims = { sub: string } & Record<string, unknown>;

/** The configured provider, by discovery. Both methods throw `identity_provider_unavailable` and `identity_provider_invalid`. */
export type OidcProvider = {
  /** Returns the URL for the browser. */
  authorizationUrl(login: LoginState, redirectUri: string): Promise<URL>;
  /**
   * Checks the browser's return: state, issuer (RFC 9207), code with PKCE, then the ID token's signature by the provider's
   * published keys, issuer, audience, times and nonce. Throws `sign_in_refused` too.
   */
  claims(returned: URL, login: LoginState, needed: readonly string[]): Promise<Claims>;
};

export function openProvider(settings: OidcSettings, secret: string | null, clock: () => number): OidcProvider {
  const { issuer, client_id: clientId } = settings;
  let found: { config: Promise<client.Configuration>; atMs: number } | null = null;

  function configuration(): Promise<client.Configuration> {
    const nowMs = clock();
    if (found && nowMs - found.atMs < FRESH_MS) return found.config;
    const config = discover(issuer, clientId, secret).catch((error: unknown) => {
      found = null;
      throw told(error, 'discovery');
    });
    found = { config, atMs: nowMs };
    return config;
  }

  return {
    authorizationUrl: async (login, redirectUri) =>
      client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: settings.scopes.join(' '),
        state: login.state,
        nonce: login.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(login.verifier),
        code_challenge_method: 'S256',
      }),
    claims: async (returned, login, needed) => {
      const config = await configuration();
      try {
        const tokens = await client.authorizationCodeGrant(config, returned, {
          pkceCodeVerifier: login.verifier,
          expectedState: login.state,
          expectedNonce: login.nonce,
          idTokenExpected: true,
        });
        const own: Claims | undefined = tokens.claims();
        if (own === undefined) throw new BursarError('sign_in_refused', { message: 'There was no ID token.' });
        const isWhole = needed.every((name) => name in own);
        if (isWhole || config.serverMetadata().userinfo_endpoint === undefined) return own;
        return { ...(await client.fetchUserInfo(config, tokens.access_token, own.sub)), ...own };
      } catch (error) {
        throw told(error, 'sign-in');
      }
    },
  };
}

async function discover(issuer: string, clientId: string, secret: string | null): Promise<client.Configuration> {
  const isPlain = issuer.startsWith('http:');
  const execute = isPlain ? [client.allowInsecureRequests] : [];
  const published = await client.discovery(new URL(issuer), clientId, undefined, client.None(), {
    execute,
    timeout: TIMEOUT_S,
  });
  const metadata = published.serverMetadata();
  const { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint } = metadata;
  // The library compares the provider's issuer with the discovery URL; this compares it with the configured text exactly.
  if (metadata.issuer !== issuer) throw invalid(`It calls itself ${metadata.issuer.slice(0, 200)}, not ${issuer}.`);
  for (const [name, url] of Object.entries({ authorization_endpoint, token_endpoint, jwks_uri })) {
    if (url === undefined || !isSafeUrl(url)) throw invalid(`Its ${name} is missing or not an https URL.`);
  }
  if (userinfo_endpoint !== undefined && !isSafeUrl(userinfo_endpoint)) {
    throw invalid('Its userinfo_endpoint is not an https URL.');
  }
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const auth =
    secret === null
      ? client.None()
      : methods.includes('client_secret_basic')
        ? client.ClientSecretBasic(secret)
        : client.ClientSecretPost(secret);
  const config = new client.Configuration(metadata, clientId, secret === null ? {} : { client_secret: secret }, auth);
  config.timeout = TIMEOUT_S;
  // The ID token must have a valid signature even over TLS.
  client.enableNonRepudiationChecks(config);
  if (isPlain) client.allowInsecureRequests(config);
  return config;
}

/** A fixed reason. No part of the answer is included, because it may contain a code or a token. */
function told(error: unknown, during: 'discovery' | 'sign-in'): BursarError {
  if (error instanceof BursarError) return error;
  if (error instanceof client.AuthorizationResponseError) {
    return refused(`The identity provider said: ${word(error.error)}.`);
  }
  if (error instanceof client.ResponseBodyError) {
    if (error.status >= 500) return unavailable(`It answers with status ${error.status}.`);
    const isOurs = error.error === 'invalid_client' || error.error === 'unauthorized_client';
    const message = `The identity provider said: ${word(error.error)}.`;
    return isOurs ? invalid(message) : refused(message);
  }
  if (error instanceof client.WWWAuthenticateChallengeError) {
    return invalid(`It does not take this client's credentials (status ${error.status}).`);
  }
  if (error instanceof client.ClientError) {
    const code = error.code ?? 'unknown';
    if (code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT') return unavailable('It does not answer in time.');
    const status = error.cause instanceof Response ? error.cause.status : 0;
    if (status >= 500) return unavailable(`It answers with status ${status}.`);
    if (during === 'discovery') return invalid(`Its discovery document is not what it should be (${word(code)}).`);
    return refused(`What the identity provider answered does not hold (${word(code)}).`);
  }
  // fetch rejects with this on a network failure.
  if (error instanceof TypeError) return unavailable('It cannot be reached.');
  return refused('What the identity provider answered does not hold.');
}

const word = (text: string): string => text.replace(/[^\w.-]/g, '?').slice(0, 60);
const refused = (message: string): BursarError => new BursarError('sign_in_refused', { message });
const invalid = (message: string): BursarError => new BursarError('identity_provider_invalid', { message });
const unavailable = (message: string): BursarError => new BursarError('identity_provider_unavailable', { message });
