import { writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../src/console/builder.ts';
import { createHttp } from '../src/http/server.ts';
import { openDoors } from '../src/server/doors.ts';
import { CALLBACK } from '../src/session/oidc.ts';
import { OidcSettings } from '../src/session/oidcSettings.ts';
import { faults, openTab, startBrowser } from './support/browser.ts';
import { startOffice, type TestOffice } from './support/office.ts';
import { CLIENT_ID, CLIENT_SECRET, type Forgery, startProvider, type TestProvider } from './support/oidcProvider.ts';
import { person } from './support/person.ts';
import { type Visitor, visitor } from './support/visitor.ts';

let office: TestOffice;
let provider: TestProvider;
let http: Hono;
let server: Server;
let url: string;

const ops = { groups: ['everybody', 'bursar-ops'], email: 'Olga@Example.com', email_verified: true, name: 'Olga' };
const roles = { 'bursar-ops': 'operator', 'bursar-audit': 'auditor', everybody: 'viewer' } as const;
const scopes = ['openid', 'email', 'profile', 'groups'];

/** The doors of the office, as it would have them with these settings. */
function configure(settings: Partial<OidcSettings> = {}): void {
  const client_secret_file = join(office.home.dir, 'oidc-secret');
  writeFileSync(client_secret_file, `${CLIENT_SECRET}\n`);
  const given = {
    issuer: provider.issuer,
    client_id: CLIENT_ID,
    client_secret_file,
    name: 'Our login',
    roles,
    scopes,
    ...settings,
  };
  const doors = openDoors(office.office.app, { ...office.config, oidc: OidcSettings.parse(given) });
  http = createHttp(office.office.app, doors.people, doors.keys);
}

beforeAll(async () => {
  const building = ensureBuilt();
  office = await startOffice();
  expect(await building).toEqual({ ok: true });
  server = serve({ fetch: (request, env) => http.fetch(request, env), hostname: '127.0.0.1', port: 0 }) as Server;
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider = await startProvider(`${url}${CALLBACK}`);
});
beforeEach(() => configure());
afterEach(() => {
  provider.forgery = null;
  provider.published = (document) => document;
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await provider?.stop();
  await office?.end();
});

const isCallback = (next: URL): boolean => next.pathname === CALLBACK;
const start = (returnTo = '/payments'): string =>
  `${url}/auth/oidc/start?${new URLSearchParams({ return_to: returnTo })}`;

/** Somebody's browser, sent to the provider and back, just before it calls at the callback. */
async function atTheDoor(id: string, said: Record<string, unknown>): Promise<{ browser: Visitor; back: string }> {
  provider.person = { id, said };
  const browser = visitor();
  const { next } = await browser.follow(start(), isCallback);
  provider.secrets.push(next?.searchParams.get('code') ?? 'none');
  return { browser, back: String(next) };
}
async function signIn(id: string, said: Record<string, unknown>): Promise<{ browser: Visitor; answer: Response }> {
  const { browser, back } = await atTheDoor(id, said);
  return { browser, answer: await browser.get(back) };
}
async function me(browser: Visitor): Promise<Record<string, unknown>> {
  return (await (await browser.get(`${url}/auth/me`)).json()) as Record<string, unknown>;
}
/** The code on the page of a refusal. Nobody is signed in by one. */
async function refusal(browser: Visitor, answer: Response): Promise<string> {
  expect(browser.cookies(url).get('bursar_session')).toBeUndefined();
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  return /<code>(\w+)<\/code>/.exec(await answer.text())?.[1] ?? 'no page';
}
type Event = { type: string; actor: string; data: Record<string, unknown> };
async function events(type: string): Promise<Event[]> {
  const sql = 'SELECT body FROM events WHERE type = ? ORDER BY seq';
  return office.office.store.read((tx) =>
    tx.all<{ body: string }>(sql, type).map(({ body }) => JSON.parse(body) as Event),
  );
}
async function post(browser: Visitor, path: string, body: unknown = {}): Promise<Response> {
  const { csrf } = await me(browser);
  const cookie = `bursar_session=${browser.cookies(url).get('bursar_session')}`;
  const headers = { cookie, 'content-type': 'application/json', 'x-bursar-csrf': String(csrf) };
  return fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}
const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;

describe('signing in by OIDC', () => {
  it('takes the browser to the provider and back to the page that it was on, with a session that can act', async () => {
    const { browser, back } = await atTheDoor('olga', ops);
    expect([...browser.cookies(url).keys()]).toEqual(['bursar_oidc']);
    const answer = await browser.get(back);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/payments']);
    const [gone, session] = answer.headers.getSetCookie();
    expect(gone).toMatch(/^bursar_oidc=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(session).toMatch(/^bursar_session=[\w-]{43}; Max-Age=28[78]\d\d; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(await me(browser)).toMatchObject({
      name: 'Olga',
      email: 'olga@example.com',
      via: 'oidc',
      approver: null,
      role: 'operator',
    });
    expect((await post(browser, '/v1/workflows', { name: 'by Olga' })).status).toBe(200);
    const [made] = (await events('workflow.created')).slice(-1);
    const [started] = (await events('session.started')).slice(-1);
    expect(made?.actor).toMatch(/^psn_/);
    expect(started).toMatchObject({ actor: made?.actor, data: { via: 'oidc', role: 'operator', approver: null } });
  });

  it('sends PKCE, state and nonce, and keeps them from the page and from whoever reads the cookie', async () => {
    const browser = visitor();
    const answer = await browser.get(start());
    const asked = new URL(answer.headers.get('location') ?? '').searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^bursar_oidc=[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(Buffer.from(/=([\w-]+)/.exec(cookie)?.[1] ?? '', 'base64url').toString('latin1')).not.toContain(
      asked.get('state'),
    );
  });

  it.each([
    ['an auditor', ['bursar-audit', 'everybody'], 'auditor', ['read']],
    ['a viewer', ['everybody', 'unheard of', '__proto__', 'constructor'], 'viewer', ['read']],
  ])('makes %s of the groups', async (_, groups, role, has) => {
    const { browser } = await signIn('vera', { ...ops, email: 'vera@example.com', groups });
    expect(await me(browser)).toMatchObject({ role, scopes: has });
    expect(await codeOf(await post(browser, '/v1/workflows', { name: 'never' }))).toBe('forbidden');
  });

  it('finds groups where the points of the claim lead', async () => {
    configure({ roles_claim: 'realm_access.roles' });
    const said = { ...ops, groups: [], realm_access: { roles: ['bursar-audit'] } };
    const { browser } = await signIn('kim', { ...said, email: 'kim@example.com' });
    expect(await me(browser)).toMatchObject({ role: 'auditor' });
  });

  it('lets an approver in by verified e-mail address, to see reviews; the address still has to sign', async () => {
    const { address } = await person(office);
    const ada = await office.operator.call('create_approver', {
      name: 'Ada',
      address,
      roles: ['finance'],
      email: 'ADA@example.com',
    });
    const { browser } = await signIn('ada', {
      ...ops,
      groups: ['everybody'],
      email: 'Ada@Example.com',
      name: 'Ada L.',
    });
    expect(await me(browser)).toMatchObject({
      role: 'approver',
      scopes: ['read', 'approve'],
      approver: { id: ada.id, address },
    });
    expect((await browser.get(`${url}/v1/reviews`)).status).toBe(200);
    await office.operator.call('set_approver_email', { id: 'Ada', email: null });
    expect(await me(browser)).toMatchObject({ role: 'viewer', approver: null });
    expect(await codeOf(await browser.get(`${url}/v1/reviews`))).toBe('forbidden');
    await office.operator.call('set_approver_email', { id: 'Ada', email: 'ada@example.com' });
    expect(await me(browser)).toMatchObject({ role: 'approver' });
    await office.operator.call('set_approver_roles', { id: 'Ada', roles: ['auditor'] });
    expect(await me(browser)).toMatchObject({ role: 'auditor', scopes: ['read'] });
    await office.operator.call('revoke_approver', { id: 'Ada' });
    expect(await me(browser)).toMatchObject({ role: 'viewer', approver: null });
  });

  it.each<[string, Record<string, unknown>, string, number]>([
    ['whom nothing names', { ...ops, email: 'x@example.com', groups: ['unheard of'] }, 'person_unknown', 403],
    ['without groups', { email: 'x@example.com', email_verified: true }, 'person_unknown', 403],
    ['with an unverified e-mail address', { ...ops, email_verified: false }, 'email_unverified', 403],
    ['whose address is verified in words only', { ...ops, email_verified: 'true' }, 'email_unverified', 403],
    ['without an e-mail address', { groups: ['bursar-ops'] }, 'email_unverified', 403],
  ])('refuses a person %s, by a page and an event', async (name, said, code, status) => {
    const { browser, answer } = await signIn(`stranger ${name}`, said);
    expect(answer.status).toBe(status);
    expect(await refusal(browser, answer)).toBe(code);
    expect((await events('session.refused')).at(-1)).toMatchObject({ data: { via: 'oidc', code, from: '127.0.0.1' } });
    const { people } = (await office.operator.call('list_people')) as { people: { subject: string }[] };
    expect(people.filter(({ subject }) => subject.startsWith('stranger'))).toEqual([]);
  });

  it('goes by groups alone where the provider verifies no e-mail addresses, and they name no approver', async () => {
    configure({ require_verified_email: false });
    const { address } = await person(office, 'treasury');
    await office.operator.call('create_approver', {
      name: 'Tess',
      address,
      roles: ['finance'],
      email: 'tess@example.com',
    });
    const { browser } = await signIn('tess', {
      groups: ['everybody'],
      email: 'tess@example.com',
      email_verified: true,
    });
    expect(await me(browser)).toMatchObject({ role: 'viewer', approver: null, email: null });
  });

  it('keeps out whom an operator blocks: sessions and event streams end at once', async () => {
    const { browser } = await signIn('bob', { ...ops, email: 'bob@example.com' });
    const { id } = await me(browser);
    const stream = await browser.get(`${url}/v1/events/stream?after=999999`);
    expect(stream.status).toBe(200);
    await office.operator.call('set_person_status', { id, status: 'blocked' });
    for await (const _ of stream.body ?? []);
    expect((await browser.get(`${url}/auth/me`)).status).toBe(401);
    const again = await signIn('bob', { ...ops, email: 'bob@example.com' });
    expect(await refusal(again.browser, again.answer)).toBe('person_blocked');
    await office.operator.call('set_person_status', { id, status: 'active' });
    expect((await signIn('bob', { ...ops, email: 'bob@example.com' })).answer.status).toBe(303);
  });

  it('ends what the configuration no longer gives, with its next start', async () => {
    const { browser } = await signIn('olga', ops);
    configure({ roles: { everybody: 'viewer' } });
    expect(await me(browser)).toMatchObject({ role: 'viewer' });
    configure({ roles: {} });
    expect((await browser.get(`${url}/auth/me`)).status).toBe(401);
  });
});

describe('an attacker of the way back', () => {
  it('gets nowhere with another state, without the cookie, or in another browser', async () => {
    const { browser, back } = await atTheDoor('olga', ops);
    const other = new URL(back);
    other.searchParams.set('state', 'another');
    expect(await refusal(browser, await browser.get(other.href))).toBe('sign_in_refused');
    const victim = visitor();
    expect(await refusal(victim, await victim.get(back))).toBe('sign_in_refused');
    await victim.get(start());
    expect(await refusal(victim, await victim.get(back))).toBe('sign_in_refused');
  });

  it('gets nowhere with an answer that was used, even with its cookie', async () => {
    const { browser, back } = await atTheDoor('olga', ops);
    const cookie = browser.cookies(url).get('bursar_oidc') ?? '';
    expect((await browser.get(back)).status).toBe(303);
    const thief = visitor();
    thief.cookies(url).set('bursar_oidc', cookie);
    expect(await refusal(thief, await thief.get(back))).toBe('sign_in_refused');
  });

  it("gets nowhere with somebody else's code under a state of its own", async () => {
    const { back } = await atTheDoor('olga', ops);
    const own = await atTheDoor('mallory', { ...ops, groups: [] });
    const mixed = new URL(own.back);
    mixed.searchParams.set('code', new URL(back).searchParams.get('code') ?? '');
    expect(await refusal(own.browser, await own.browser.get(mixed.href))).toBe('sign_in_refused');
    expect((await events('session.refused')).at(-1)?.data.detail).toContain('invalid_grant');
  });

  it('gets nowhere with the answer of another provider (RFC 9207), or with an error in its place', async () => {
    const { browser, back } = await atTheDoor('olga', ops);
    const mixedUp = new URL(back);
    mixedUp.searchParams.set('iss', 'https://evil.example');
    expect(await refusal(browser, await browser.get(mixedUp.href))).toBe('sign_in_refused');
    const second = await atTheDoor('olga', ops);
    const denied = new URL(second.back);
    denied.searchParams.delete('code');
    denied.searchParams.set('error', 'access_denied<script>');
    const answer = await second.browser.get(denied.href);
    expect(await answer.clone().text()).toContain('access_denied?script?');
    expect(await refusal(second.browser, answer)).toBe('sign_in_refused');
  });

  const changed =
    (fields: Record<string, unknown>): Forgery =>
    ({ header, payload }, { own }) => ({ header, payload: { ...payload, ...fields }, key: own });

  it('is told from an honest provider by what the ID token says and by whose key signed it alone', async () => {
    provider.forgery = changed({});
    expect((await signIn('olga', ops)).answer.status).toBe(303);
  });

  it.each<[string, Forgery, string]>([
    ['with another nonce', changed({ nonce: 'another' }), 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'],
    ['for another audience', changed({ aud: 'another' }), 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'],
    ['of another issuer', changed({ iss: 'https://x.example' }), 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'],
    [
      'that expired an hour ago',
      changed({ exp: Math.floor(Date.now() / 1000) - 3_600 }),
      'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
    ],
    [
      'signed by another key',
      ({ header, payload }, { foreign }) => ({ header, payload, key: foreign }),
      'OAUTH_INVALID_RESPONSE',
    ],
    [
      'signed by nobody',
      ({ header, payload }) => ({ header: { ...header, alg: 'none' }, payload, key: null }),
      'OAUTH_INVALID_RESPONSE',
    ],
  ])('gets nowhere with an ID token %s', async (_, forgery, why) => {
    provider.forgery = forgery;
    const { browser, answer } = await signIn('olga', ops);
    expect(answer.status).toBe(401);
    expect(await refusal(browser, answer)).toBe('sign_in_refused');
    expect((await events('session.refused')).at(-1)?.data.detail).toContain(`(${why})`);
  });

  it('cannot fix a session: the one that the browser had ends, and a new one begins', async () => {
    const { browser } = await signIn('olga', ops);
    const before = browser.cookies(url).get('bursar_session') ?? '';
    provider.person = { id: 'vera', said: { ...ops, email: 'vera@example.com', groups: ['everybody'] } };
    await browser.follow(start(), ({ pathname }) => pathname === '/payments');
    expect(browser.cookies(url).get('bursar_session')).not.toBe(before);
    expect(await me(browser)).toMatchObject({ email: 'vera@example.com' });
    const old = await fetch(`${url}/auth/me`, { headers: { cookie: `bursar_session=${before}` } });
    expect(old.status).toBe(401);
  });

  it.each([
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/.//evil.example',
    '/auth/oidc/start',
    '/\t/evil.example',
  ])('cannot have the browser sent to %s', async (returnTo) => {
    provider.person = { id: 'olga', said: ops };
    const browser = visitor();
    const { next } = await browser.follow(start(returnTo), isCallback);
    expect((await browser.get(String(next))).headers.get('location')).toBe('/');
  });

  it('learns no secret from events', async () => {
    const all = office.office.store.read((tx) => tx.all<{ body: string }>('SELECT body FROM events'));
    const text = all.map(({ body }) => body).join('\n');
    expect(provider.secrets.length).toBeGreaterThan(20);
    for (const secret of provider.secrets) expect(text).not.toContain(secret);
  });
});

describe('a provider that fails', () => {
  it('is told of by a page, before and after the way there, and nothing is half done', async () => {
    const { browser, back } = await atTheDoor('dora', { ...ops, email: 'dora@example.com' });
    await provider.pause();
    const answer = await browser.get(back);
    expect(answer.status).toBe(503);
    expect(await refusal(browser, answer)).toBe('identity_provider_unavailable');
    configure();
    const first = await browser.get(start());
    expect(first.status).toBe(503);
    expect(await refusal(browser, first)).toBe('identity_provider_unavailable');
    const { people } = (await office.operator.call('list_people')) as { people: { subject: string }[] };
    expect(people.some(({ subject }) => subject === 'dora')).toBe(false);
    await provider.resume();
    expect((await signIn('dora', { ...ops, email: 'dora@example.com' })).answer.status).toBe(303);
  });

  it.each<[string, (document: Record<string, unknown>) => Record<string, unknown>]>([
    ['calls itself something else', (document) => ({ ...document, issuer: 'https://other.example' })],
    ['differs by a stroke', (document) => ({ ...document, issuer: `${document.issuer}/` })],
    ['takes codes in the clear elsewhere', (document) => ({ ...document, token_endpoint: 'http://192.0.2.1/token' })],
    ['publishes no keys', ({ jwks_uri: _, ...document }) => document],
    ['sends people to a script', (document) => ({ ...document, authorization_endpoint: 'javascript:alert(1)' })],
  ])('is refused where it %s', async (_, published) => {
    provider.published = published;
    const browser = visitor();
    const answer = await browser.get(start());
    expect(answer.status).toBe(502);
    expect(await refusal(browser, answer)).toBe('identity_provider_invalid');
  });

  it('is told as a problem to who asks for no page', async () => {
    provider.published = () => ({});
    const answer = await fetch(start(), { redirect: 'manual' });
    expect([answer.status, await codeOf(answer)]).toEqual([502, 'identity_provider_invalid']);
  });

  it('is told that the client is not known there', async () => {
    const path = join(office.home.dir, 'another-secret');
    writeFileSync(path, 'another');
    configure({ client_secret_file: path });
    const { browser, answer } = await signIn('olga', ops);
    expect((await events('session.refused')).at(-1)?.data.detail).toContain('status 401');
    expect(await refusal(browser, answer)).toBe('identity_provider_invalid');
  });
});

describe('a person at the console', () => {
  it('signs in by a button, lands on the page that was asked for, and reads why somebody is not let in', async () => {
    const chromium = await startBrowser();
    try {
      const { page, wrongs } = await openTab(chromium, { ...office, url }, { width: 375 });
      provider.person = { id: 'olga', said: { ...ops, groups: [] } };
      await page.goto(`${url}/settings`);
      await page.getByRole('link', { name: 'Sign in with Our login' }).click();
      await page.getByText('person_unknown').waitFor();
      expect(await faults(page)).toEqual([]);
      provider.person = { id: 'olga', said: ops };
      await page.goto(`${url}/settings`);
      expect(await faults(page)).toEqual([]);
      await page.getByRole('link', { name: 'Sign in with Our login' }).click();
      await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
      expect(new URL(page.url()).pathname).toBe('/settings');
      await page.getByText('olga@example.com').first().waitFor();
      expect(await faults(page)).toEqual([]);
      expect(wrongs).toEqual([]);
    } finally {
      await chromium.close();
    }
  });
});

describe('the configuration', () => {
  it.each([
    'http://login.example',
    'http://127.0.0.1.evil.example',
    'ftp://login.example',
    'https://a:b@login.example',
    'login',
  ])('does not take %s as an issuer', (issuer) => {
    expect(OidcSettings.safeParse({ issuer, client_id: 'x' }).success).toBe(false);
  });

  it('gives no group the role of an approver', () => {
    const given = { issuer: 'https://login.example', client_id: 'x', roles: { finance: 'approver' } };
    expect(OidcSettings.safeParse(given).success).toBe(false);
  });

  it('names a client secret that cannot be read', () => {
    expect(() => configure({ client_secret_file: join(office.home.dir, 'nothing') })).toThrow('no client secret');
  });
});
