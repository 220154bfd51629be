import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiKeyAuth } from '../src/api/http/apiKeyAuth.ts';
import { ensureBuilt } from '../src/api/http/console/builder.ts';
import { sessionRoutes } from '../src/api/http/signIn/sessionRoutes.ts';
import { refusalLog } from '../src/control/sign-in/refusals.ts';
import { openSessions, SESSION_MS } from '../src/control/sign-in/sessions.ts';
import { cookieOf, type Person, person } from './support/person.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let finance: Person;
beforeAll(async () => {
  server = await startTestServer();
  finance = await person(server);
  await server.operator.call('create_approver', { name: 'Finance', address: finance.address, roles: ['finance'] });
});
afterAll(() => server?.end());

const get = (path: string, headers: Record<string, string>) => fetch(`${server.url}${path}`, { headers });
const post = (path: string, headers: Record<string, string>, body: unknown = {}) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;

describe('signing in with an approver wallet', () => {
  it('gives a session by a cookie that scripts and other sites do not get, and says who it is', async () => {
    const answer = await finance.signIn();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('set-cookie')).toMatch(/^bursar_session=[\w-]{43}; .*HttpOnly; SameSite=Strict$/);
    expect(await answer.json()).toMatchObject({
      approver: { name: 'Finance', address: finance.address },
      role: 'approver',
      scopes: ['read', 'approve'],
      chain: { id: 31_337 },
    });
    const me = await get('/auth/me', { cookie: cookieOf(answer) });
    expect(me.headers.get('cache-control')).toBe('no-store');
    expect((await get('/v1/payments', { cookie: cookieOf(answer) })).status).toBe(200);
    expect(await codeOf(await get('/v1/keys', { cookie: cookieOf(answer) }))).toBe('forbidden');
  });

  it('is refused for a nonce that was used, made up, or made by another server', async () => {
    const message = await finance.message();
    expect((await finance.signIn(message)).status).toBe(200);
    expect(await codeOf(await finance.signIn(message))).toBe('sign_in_refused');
    const madeUp = await finance.message({ nonce: randomBytes(38).toString('hex') });
    expect(await codeOf(await finance.signIn(madeUp))).toBe('sign_in_refused');
  });

  it.each([
    ['another domain', { domain: 'bursar.example' }],
    ['another URI', { uri: 'https://bursar.example' }],
    ['another chain', { chainId: 1 }],
    ['a time that is over', { expirationTime: new Date(Date.now() - 1_000) }],
    ['a time to come', { notBefore: new Date(Date.now() + 60_000) }],
  ])('is refused for %s', async (_, changed) => {
    expect(await codeOf(await finance.signIn(await finance.message(changed)))).toBe('sign_in_refused');
  });

  it('is refused under a foreign name, as DNS rebinding would give it', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve) =>
      request(`${server.url}/auth/nonce`, { headers: { host: 'evil.example' } }, (answer) =>
        resolve(answer.resume().statusCode),
      ).end(),
    );
    expect(status).toBe(401);
  });

  it('sends the cookie over TLS only where the configured origin is one', async () => {
    const { app, store, chain } = server.bursar;
    const sessions = openSessions({ store, chain, chainId: 31_337, clock: Date.now });
    const origin = 'https://bursar.example';
    const site = { host: '127.0.0.1', origin };
    const note = refusalLog(store, Date.now);
    const routes = sessionRoutes(app, { sessions, site, oidc: null, note }, openApiKeyAuth(app));
    const message = await finance.message({ nonce: await sessions.nonce(), domain: 'bursar.example', uri: origin });
    const answer = await routes.request('/siwe', {
      method: 'POST',
      headers: { host: 'bursar.example', 'content-type': 'application/json' },
      body: JSON.stringify({ message, signature: await finance.sign(message) }),
    });
    expect(answer.headers.get('set-cookie')).toMatch(
      /^__Host-bursar_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
  });

  it('is refused with the signature of another wallet, and for an address that approves nothing', async () => {
    const outsider = await person(server, 'treasury');
    expect(await codeOf(await outsider.signIn())).toBe('sign_in_refused');
    const message = await finance.message();
    const signature = await outsider.sign(message);
    expect(await codeOf(await post('/auth/siwe', {}, { message, signature }))).toBe('sign_in_refused');
  });
});

describe('a session', () => {
  it('is a new one at each sign-in, and a planted cookie is worth nothing', async () => {
    const planted = `bursar_session=${randomBytes(32).toString('base64url')}`;
    const answer = await finance.signIn(undefined, { cookie: planted });
    expect(cookieOf(answer)).not.toBe(planted);
    expect((await get('/auth/me', { cookie: planted })).status).toBe(401);
    const again = await finance.signIn(undefined, { cookie: cookieOf(answer) });
    expect((await get('/auth/me', { cookie: cookieOf(answer) })).status).toBe(401);
    expect((await get('/auth/me', { cookie: cookieOf(again) })).status).toBe(200);
  });

  it('changes nothing without its own CSRF header', async () => {
    const [one, other] = [await finance.session(), await finance.session()];
    expect(await codeOf(await post('/v1/ledger/check', { cookie: one.cookie }))).toBe('csrf_required');
    const stolen = { cookie: one.cookie, 'x-bursar-csrf': other.csrf };
    expect(await codeOf(await post('/v1/ledger/check', stolen))).toBe('csrf_required');
    const good = { cookie: one.cookie, 'x-bursar-csrf': one.csrf };
    expect((await post('/v1/ledger/check', good)).status).toBe(200);
    expect(await codeOf(await post('/auth/logout', { cookie: one.cookie }))).toBe('csrf_required');
    expect((await post('/auth/siwe', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  });

  it('ends at sign-out, and its start and end are events of the approver', async () => {
    const { cookie, csrf } = await finance.session();
    expect((await post('/auth/logout', { cookie, 'x-bursar-csrf': csrf })).status).toBe(200);
    expect((await get('/auth/me', { cookie })).status).toBe(401);
    const { events } = (await server.operator.call('list_events', { limit: 200 })) as {
      events: { type: string; actor: string }[];
    };
    const ended = events.filter(({ type }) => type === 'session.ended').at(-1);
    expect(ended?.actor).toMatch(/^apr_/);
    expect(events.some(({ type, actor }) => type === 'session.started' && actor === ended?.actor)).toBe(true);
  });

  it('is over after its time', async () => {
    const { store, chain } = server.bursar;
    let now = Date.now();
    const sessions = openSessions({ store, chain, chainId: 31_337, clock: () => now });
    const { host, origin } = new URL(server.url);
    const message = await finance.message({ nonce: await sessions.nonce(), domain: host, uri: origin });
    const token = await sessions.signIn({ message, signature: await finance.sign(message), origin, before: null });
    now += SESSION_MS - 1;
    expect((await sessions.resolve(token)).approver?.name).toBe('Finance');
    now += 1;
    await expect(() => sessions.resolve(token)).rejects.toThrow('no such session');
  });

  it('ends with its approver, also where it listens to events', async () => {
    const auditor = await person(server, 'guardian');
    const made = await server.operator.call('create_approver', {
      name: 'Auditor',
      address: auditor.address,
      roles: ['auditor', 'finance'],
    });
    const { cookie, csrf } = await auditor.session();
    expect((await get('/v1/reviews', { cookie })).status).toBe(200);
    const stream = await get('/v1/events/stream', { cookie });
    expect(stream.status).toBe(200);
    await server.operator.call('revoke_approver', { id: made.id });
    for await (const _ of stream.body ?? []);
    expect((await get('/auth/me', { cookie })).status).toBe(401);
    expect((await post('/v1/ledger/check', { cookie, 'x-bursar-csrf': csrf })).status).toBe(401);
    expect(await codeOf(await auditor.signIn())).toBe('sign_in_refused');
  });
});

describe('brute force', () => {
  it('of keys is slowed down, and does not lock out those who have one', async () => {
    const wrong = () =>
      get('/v1/payments', { authorization: `Bearer bursar_op_${randomBytes(32).toString('base64url')}` });
    const statuses = new Set<number>();
    for (let i = 0; i < 40; i += 1) statuses.add((await wrong()).status);
    expect([...statuses]).toEqual([401, 429]);
    expect(Number((await wrong()).headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await server.operator.call('list_payments')).payments).toEqual([]);
  });

  it('of sign-ins is slowed down', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 25; i += 1) {
      statuses.push((await post('/auth/siwe', {}, { message: 'no message', signature: '0x' })).status);
    }
    expect(statuses.at(-1)).toBe(429);
  });
});

describe('the page of the console', () => {
  it('shadows no other route', async () => {
    expect(await ensureBuilt()).toEqual({ ok: true });
    const html = { headers: { accept: 'text/html' } };
    for (const path of ['/v1/nothing', '/auth/nothing', '/x402/nothing', '/assets/nothing.js']) {
      expect((await fetch(server.url + path, html)).status, path).toBe(404);
    }
    const answer = await fetch(`${server.url}/payments/pay_1`, html);
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect((await fetch(`${server.url}/payments`)).status).toBe(404);
  });
});
