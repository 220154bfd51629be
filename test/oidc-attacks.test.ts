import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { query } from '../src/store/statement.ts';
import type { Forgery } from './support/oidcProvider.ts';
import { codeOf, isCallback, type OidcScene, oidcScene, ops } from './support/oidcScene.ts';
import { visitor } from './support/visitor.ts';

let scene: OidcScene;
beforeAll(async () => {
  scene = await oidcScene();
});
beforeEach(() => scene.renew());
afterEach(() => {
  scene.provider.forgery = null;
  scene.provider.published = (document) => document;
});
afterAll(() => scene?.end());

describe('an attacker of the way back', () => {
  it('gets nowhere with another state, without the cookie, or in another browser', async () => {
    const { browser, back } = await scene.atSignIn('olga', ops);
    const other = new URL(back);
    other.searchParams.set('state', 'another');
    expect(await scene.refusal(browser, await browser.get(other.href))).toBe('sign_in_refused');
    const victim = visitor();
    expect(await scene.refusal(victim, await victim.get(back))).toBe('sign_in_refused');
    await victim.get(scene.start());
    expect(await scene.refusal(victim, await victim.get(back))).toBe('sign_in_refused');
  });

  it('gets nowhere with an answer that was used, even with its cookie', async () => {
    const { browser, back } = await scene.atSignIn('olga', ops);
    const cookie = browser.cookies(scene.url).get('bursar_oidc') ?? '';
    expect((await browser.get(back)).status).toBe(303);
    const thief = visitor();
    thief.cookies(scene.url).set('bursar_oidc', cookie);
    expect(await scene.refusal(thief, await thief.get(back))).toBe('sign_in_refused');
  });

  it("gets nowhere with somebody else's code under a state of its own", async () => {
    const { back } = await scene.atSignIn('olga', ops);
    const own = await scene.atSignIn('mallory', { ...ops, groups: [] });
    const mixed = new URL(own.back);
    mixed.searchParams.set('code', new URL(back).searchParams.get('code') ?? '');
    expect(await scene.refusal(own.browser, await own.browser.get(mixed.href))).toBe('sign_in_refused');
    expect((await scene.events('session.refused')).at(-1)?.data.detail).toContain('invalid_grant');
  });

  it('gets nowhere with the answer of another provider (RFC 9207), or with an error in its place', async () => {
    const { browser, back } = await scene.atSignIn('olga', ops);
    const mixedUp = new URL(back);
    mixedUp.searchParams.set('iss', 'https://evil.example');
    expect(await scene.refusal(browser, await browser.get(mixedUp.href))).toBe('sign_in_refused');
    const second = await scene.atSignIn('olga', ops);
    const denied = new URL(second.back);
    denied.searchParams.delete('code');
    denied.searchParams.set('error', 'access_denied<script>');
    const answer = await second.browser.get(denied.href);
    expect(await answer.clone().text()).toContain('access_denied?script?');
    expect(await scene.refusal(second.browser, answer)).toBe('sign_in_refused');
  });

  const changed =
    (fields: Record<string, unknown>): Forgery =>
    ({ header, payload }, { own }) => ({ header, payload: { ...payload, ...fields }, key: own });

  it('is told from an honest provider by what the ID token says and by whose key signed it alone', async () => {
    scene.provider.forgery = changed({});
    expect((await scene.signIn('olga', ops)).answer.status).toBe(303);
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
    scene.provider.forgery = forgery;
    const { browser, answer } = await scene.signIn('olga', ops);
    expect(answer.status).toBe(401);
    expect(await scene.refusal(browser, answer)).toBe('sign_in_refused');
    expect((await scene.events('session.refused')).at(-1)?.data.detail).toContain(`(${why})`);
  });

  it('cannot fix a session: the one that the browser had ends, and a new one begins', async () => {
    const { browser } = await scene.signIn('olga', ops);
    const before = browser.cookies(scene.url).get('bursar_session') ?? '';
    scene.provider.person = { id: 'vera', said: { ...ops, email: 'vera@example.com', groups: ['everybody'] } };
    await browser.follow(scene.start(), ({ pathname }) => pathname === '/payments');
    expect(browser.cookies(scene.url).get('bursar_session')).not.toBe(before);
    expect(await scene.me(browser)).toMatchObject({ email: 'vera@example.com' });
    const old = await fetch(`${scene.url}/auth/me`, { headers: { cookie: `bursar_session=${before}` } });
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
    scene.provider.person = { id: 'olga', said: ops };
    const browser = visitor();
    const { next } = await browser.follow(scene.start(returnTo), isCallback);
    expect((await browser.get(String(next))).headers.get('location')).toBe('/');
  });

  it('cannot send people to the provider without end, nor keep others from going there', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 30 && !statuses.has(429); i += 1) {
      const many = await Promise.all(Array.from({ length: 20 }, () => visitor().get(scene.start())));
      for (const { status } of many) statuses.add(status);
    }
    expect([...statuses]).toEqual([303, 429]);
    const answer = await visitor().get(scene.start());
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answer.text()).toContain('too_many_requests');
    const elsewhere = await new Promise((resolve) =>
      request(scene.start(), { localAddress: '127.0.0.2' }, (got) => resolve(got.resume().statusCode)).end(),
    );
    expect(elsewhere).toBe(303);
    scene.configure();
  });

  it('learns no secret from events', async () => {
    const all = await scene.server.bursar.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('events').select('body'))),
    );
    const text = all.map(({ body }) => body).join('\n');
    expect(scene.provider.secrets.length).toBeGreaterThan(20);
    for (const secret of scene.provider.secrets) expect(text).not.toContain(secret);
  });
});

describe('a provider that fails', () => {
  // What was discovered of the honest one is forgotten.
  beforeEach(() => scene.configure());

  it('is told of by a page, before and after the way there, and nothing is half done', async () => {
    const { browser, back } = await scene.atSignIn('dora', { ...ops, email: 'dora@example.com' });
    await scene.provider.pause();
    const answer = await browser.get(back);
    expect(answer.status).toBe(503);
    expect(await scene.refusal(browser, answer)).toBe('identity_provider_unavailable');
    scene.configure();
    const first = await browser.get(scene.start());
    expect(first.status).toBe(503);
    expect(await scene.refusal(browser, first)).toBe('identity_provider_unavailable');
    const { people } = (await scene.server.operator.call('list_people')) as { people: { subject: string }[] };
    expect(people.some(({ subject }) => subject === 'dora')).toBe(false);
    await scene.provider.resume();
    expect((await scene.signIn('dora', { ...ops, email: 'dora@example.com' })).answer.status).toBe(303);
  });

  it.each<[string, (document: Record<string, unknown>) => Record<string, unknown>]>([
    ['calls itself something else', (document) => ({ ...document, issuer: 'https://other.example' })],
    ['differs by a stroke', (document) => ({ ...document, issuer: `${document.issuer}/` })],
    ['takes codes in the clear elsewhere', (document) => ({ ...document, token_endpoint: 'http://192.0.2.1/token' })],
    ['publishes no keys', ({ jwks_uri: _, ...document }) => document],
    ['sends people to a script', (document) => ({ ...document, authorization_endpoint: 'javascript:alert(1)' })],
  ])('is refused where it %s', async (_, published) => {
    scene.provider.published = published;
    const browser = visitor();
    const answer = await browser.get(scene.start());
    expect(answer.status).toBe(502);
    expect(await scene.refusal(browser, answer)).toBe('identity_provider_invalid');
  });

  it('is told as a problem to who asks for no page', async () => {
    scene.provider.published = () => ({});
    const answer = await fetch(scene.start(), { redirect: 'manual' });
    expect([answer.status, await codeOf(answer)]).toEqual([502, 'identity_provider_invalid']);
  });

  it('is told that the client is not known there', async () => {
    const path = join(scene.server.dataDir.dir, 'another-secret');
    writeFileSync(path, 'another');
    scene.configure({ client_secret_file: path });
    const { browser, answer } = await scene.signIn('olga', ops);
    expect((await scene.events('session.refused')).at(-1)?.data.detail).toContain('status 401');
    expect(await scene.refusal(browser, answer)).toBe('identity_provider_invalid');
  });
});
