import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

/** What the provider says of a person. */
export type Said = Record<string, unknown>;
export type IdToken = { header: Record<string, unknown>; payload: Record<string, unknown> };
/** What a provider that lies gives in place of its ID token: changed, and signed with a key of the forger's choice. */
export type Forgery = (
  token: IdToken,
  keys: { own: KeyObject; foreign: KeyObject },
) => IdToken & { key: KeyObject | null };

export type TestProvider = {
  issuer: string;
  /** Who sits at the browser. */
  person: { id: string; said: Said };
  /** Null: it tells the truth. */
  forgery: Forgery | null;
  /** Changes the discovery document. */
  published: (document: Record<string, unknown>) => Record<string, unknown>;
  /** Codes, tokens and the client's secret: what nobody else may see. */
  secrets: string[];
  /** Takes no connection until it is told to go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
};

export const CLIENT_ID = 'bursar';
export const CLIENT_SECRET = 'the-secret-of-the-client-0123456789';

const CLAIMS = {
  openid: ['sub'],
  email: ['email', 'email_verified'],
  profile: ['name'],
  groups: ['groups', 'realm_access'],
};

/** `oidc-provider` on loopback: a certified implementation, with people who are signed in already and consent to everything. */
export async function startProvider(redirectUri: string): Promise<TestProvider> {
  const [own, foreign] = [rsa(), rsa()];
  const server = createServer();
  const port = await listen(server, 0);
  const issuer = `http://127.0.0.1:${port}`;
  const test: TestProvider = {
    issuer,
    person: { id: 'nobody', said: {} },
    forgery: null,
    published: (document) => document,
    secrets: [CLIENT_SECRET],
    pause: () => close(server),
    resume: async () => void (await listen(server, port)),
    stop: () => close(server),
  };
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [redirectUri],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    jwks: { keys: [{ ...own.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }] },
    pkce: { required: () => true },
    claims: CLAIMS,
    scopes: Object.keys(CLAIMS),
    cookies: { keys: ['only of this test'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...test.person.said }) }),
    // Every visit is a new sign-in there, by anyone who sits at the browser.
    ttl: { Session: 1, Interaction: 60, Grant: 60, AccessToken: 60, IdToken: 60, AuthorizationCode: 60 },
  });
  provider.use(async (ctx, next) => {
    await next();
    const body = ctx.body as Record<string, unknown> | undefined;
    if (ctx.path === '/.well-known/openid-configuration' && body) ctx.body = test.published({ ...body });
    if (ctx.path !== '/token' || typeof body?.id_token !== 'string') return;
    test.secrets.push(String(body.id_token), String(body.access_token));
    if (test.forgery) ctx.body = { ...body, id_token: forged(body.id_token, test.forgery, { own, foreign }) };
  });
  const callback = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return callback(request, response);
    interact(provider, test.person.id, request, response).catch(() => response.writeHead(500).end());
  });
  return test;
}

async function interact(provider: Provider, id: string, request: IncomingMessage, response: ServerResponse) {
  const { prompt, params, grantId } = await provider.interactionDetails(request, response);
  const merge = { mergeWithLastSubmission: prompt.name !== 'login' };
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: id, remember: false } }, merge);
  }
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const grant = known ?? new provider.Grant({ accountId: id, clientId: String(params.client_id) });
  grant.addOIDCScope(String(params.scope));
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, merge);
}

function forged(token: string, forgery: Forgery, keys: { own: KeyObject; foreign: KeyObject }): string {
  const [header, payload] = token.split('.').slice(0, 2).map(parsed);
  const made = forgery({ header: header ?? {}, payload: payload ?? {} }, keys);
  const text = [made.header, made.payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${made.key === null ? '' : sign('sha256', Buffer.from(text), made.key).toString('base64url')}`;
}

const parsed = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
const rsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

type Listens = ReturnType<typeof createServer>;
const listen = (server: Listens, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
const close = (server: Listens): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
