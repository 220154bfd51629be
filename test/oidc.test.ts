import { join } from 'node:path';
import { hashTypedData, type TypedDataDefinition } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../src/api/http/console/builder.ts';
import { OidcSettings } from '../src/control/sign-in/oidc/settings.ts';
import { faults, openTab, startBrowser } from './support/browser.ts';
import { codeOf, type OidcScene, oidcScene, ops } from './support/oidcScene.ts';
import { person } from './support/person.ts';
import { visitor } from './support/visitor.ts';

let scene: OidcScene;
beforeAll(async () => {
  const building = ensureBuilt();
  scene = await oidcScene();
  const karl = { name: 'Karl', address: '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65', email: 'karl@example.com' };
  await scene.server.operator.call('create_approver', { ...karl, roles: ['finance'] });
  expect(await building).toEqual({ ok: true });
});
beforeEach(() => scene.renew());
afterEach(() => {
  scene.provider.forgery = null;
  scene.provider.published = (document) => document;
});
afterAll(() => scene?.end());

describe('signing in by OIDC', () => {
  it('takes the browser to the provider and back to the page that it was on, with a session that can act', async () => {
    const { browser, back } = await scene.atSignIn('olga', ops);
    expect([...browser.cookies(scene.url).keys()]).toEqual(['bursar_oidc']);
    const answer = await browser.get(back);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/payments']);
    const [gone, session] = answer.headers.getSetCookie();
    expect(gone).toMatch(/^bursar_oidc=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(session).toMatch(/^bursar_session=[\w-]{43}; Max-Age=28[78]\d\d; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(await scene.me(browser)).toMatchObject({
      name: 'Olga',
      email: 'olga@example.com',
      via: 'oidc',
      approver: null,
      role: 'operator',
    });
    expect((await scene.post(browser, '/v1/workflows', { name: 'by Olga' })).status).toBe(200);
    const [made] = (await scene.events('workflow.created')).slice(-1);
    const [started] = (await scene.events('session.started')).slice(-1);
    expect(made?.actor).toMatch(/^psn_/);
    expect(started).toMatchObject({ actor: made?.actor, data: { via: 'oidc', role: 'operator', approver: null } });
  });

  it('sends PKCE, state and nonce, and keeps them from the page and from anyone who reads the cookie', async () => {
    const browser = visitor();
    const answer = await browser.get(scene.start());
    const asked = new URL(answer.headers.get('location') ?? '').searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(
      /^bursar_oidc=[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    // An encrypted JWT: header, no key of its own, nonce, ciphertext, tag.
    const parts = (/=([\w.-]+);/.exec(cookie)?.[1] ?? '').split('.').map((part) => Buffer.from(part, 'base64url'));
    expect(parts.map((part) => part.toString('latin1')).join()).not.toContain(asked.get('state'));
  });

  it.each([
    ['an auditor', ['bursar-audit', 'everybody'], 'auditor', ['read', 'audit']],
    ['a viewer', ['everybody', 'unheard of', '__proto__', 'constructor'], 'viewer', ['read']],
  ])('makes %s of the groups', async (_, groups, role, has) => {
    const { browser } = await scene.signIn('vera', { ...ops, email: 'vera@example.com', groups });
    expect(await scene.me(browser)).toMatchObject({ role, scopes: has });
    expect(await codeOf(await scene.post(browser, '/v1/workflows', { name: 'never' }))).toBe('forbidden');
  });

  it('finds groups where the points of the claim lead', async () => {
    scene.configure({ roles_claim: 'realm_access.roles' });
    const said = { ...ops, groups: [], realm_access: { roles: ['bursar-audit'] } };
    const { browser } = await scene.signIn('kim', { ...said, email: 'kim@example.com' });
    expect(await scene.me(browser)).toMatchObject({ role: 'auditor' });
  });

  it('lets an approver in by verified e-mail address, to see reviews; the address still has to sign', async () => {
    const { address } = await person(scene.server);
    const ada = await scene.server.operator.call('create_approver', {
      name: 'Ada',
      address,
      roles: ['finance'],
      email: 'ADA@example.com',
    });
    const { browser } = await scene.signIn('ada', {
      ...ops,
      groups: ['everybody'],
      email: 'Ada@Example.com',
      name: 'Ada L.',
    });
    expect(await scene.me(browser)).toMatchObject({
      role: 'approver',
      scopes: ['read', 'approve'],
      approver: { id: ada.id, address },
    });
    expect((await browser.get(`${scene.url}/v1/reviews`)).status).toBe(200);
    await scene.server.operator.call('set_approver_email', { id: 'Ada', email: null });
    expect(await scene.me(browser)).toMatchObject({ role: 'viewer', approver: null });
    expect(await codeOf(await browser.get(`${scene.url}/v1/reviews`))).toBe('forbidden');
    await scene.server.operator.call('set_approver_email', { id: 'Ada', email: 'ada@example.com' });
    expect(await scene.me(browser)).toMatchObject({ role: 'approver' });
    await scene.server.operator.call('set_approver_roles', { id: 'Ada', roles: ['auditor'] });
    expect(await scene.me(browser)).toMatchObject({ role: 'auditor', scopes: ['read', 'audit'] });
    await scene.server.operator.call('revoke_approver', { id: 'Ada' });
    expect(await scene.me(browser)).toMatchObject({ role: 'viewer', approver: null });
  });

  it('makes nobody an approval: who came by OIDC still signs with the wallet that the approver names', async () => {
    const { server } = scene;
    const { address } = await person(server, 'guardian');
    const made = { name: 'Gus', address, roles: ['finance'], email: 'gus@example.com' };
    await server.operator.call('create_approver', made);
    const agent = await server.agent('payer', '5');
    const to = { name: 'Newcomer', kind: 'contractor', address: '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65' };
    const payee = (await server.operator.call('create_payee', { ...to, categories: ['services'] })).id;
    const requested = { agent: agent.id, payee, amount: { value: '1.00', currency: 'USDC' } };
    const { id } = await server.operator.call('pay', requested, { idempotencyKey: 'reviewed-1' });
    const { browser } = await scene.signIn('gus', { ...ops, groups: [], email: 'gus@example.com' });
    const review = (await (await browser.get(`${scene.url}/v1/reviews/${id}`)).json()) as {
      approve: TypedDataDefinition;
    };
    const answer = (signature: string) =>
      scene.post(browser, `/v1/reviews/${id}`, { verdict: 'approve', approver: address, signature });
    const digest = hashTypedData(review.approve);
    expect(await codeOf(await answer('0x00'))).toBe('approval_invalid');
    expect(await codeOf(await answer(await server.keys.signDigest('executor', digest)))).toBe('approval_invalid');
    expect((await answer(await server.keys.signDigest('guardian', digest))).status).toBe(200);
    expect((await scene.events('payment.approved')).at(-1)?.actor).toMatch(/^apr_/);
  });

  it.each<[string, Record<string, unknown>, string, number]>([
    ['whom nothing names', { ...ops, email: 'x@example.com', groups: ['unheard of'] }, 'person_unknown', 403],
    ['without groups', { email: 'x@example.com', email_verified: true }, 'person_unknown', 403],
    ['with an unverified e-mail address', { ...ops, email_verified: false }, 'email_unverified', 403],
    ['whose address is verified in words only', { ...ops, email_verified: 'true' }, 'email_unverified', 403],
    [
      'whose address only looks like that of an approver',
      { ...ops, groups: [], email: '\u212Aarl@example.com' },
      'person_unknown',
      403,
    ],
    ['without an e-mail address', { groups: ['bursar-ops'] }, 'email_unverified', 403],
  ])('refuses a person %s, by a page and an event', async (name, said, code, status) => {
    const { browser, answer } = await scene.signIn(`outsider ${name}`, said);
    expect(answer.status).toBe(status);
    expect(await scene.refusal(browser, answer)).toBe(code);
    expect((await scene.events('session.refused')).at(-1)).toMatchObject({
      data: { via: 'oidc', code, from: '127.0.0.1' },
    });
    const { people } = (await scene.server.operator.call('list_people')) as { people: { subject: string }[] };
    expect(people.filter(({ subject }) => subject.startsWith('outsider'))).toEqual([]);
  });

  it('goes by groups alone where the provider verifies no e-mail addresses, and they name no approver', async () => {
    scene.configure({ require_verified_email: false });
    const { address } = await person(scene.server, 'treasury');
    await scene.server.operator.call('create_approver', {
      name: 'Tess',
      address,
      roles: ['finance'],
      email: 'tess@example.com',
    });
    const { browser } = await scene.signIn('tess', {
      groups: ['everybody'],
      email: 'tess@example.com',
      email_verified: true,
    });
    expect(await scene.me(browser)).toMatchObject({ role: 'viewer', approver: null, email: null });
  });

  it('keeps out whom an operator blocks: sessions and event streams end at once', async () => {
    const { browser } = await scene.signIn('bob', { ...ops, email: 'bob@example.com' });
    const { id } = await scene.me(browser);
    const stream = await browser.get(`${scene.url}/v1/events/stream?after=999999`);
    expect(stream.status).toBe(200);
    await scene.server.operator.call('set_person_status', { id, status: 'blocked' });
    for await (const _ of stream.body ?? []);
    expect((await browser.get(`${scene.url}/auth/me`)).status).toBe(401);
    const again = await scene.signIn('bob', { ...ops, email: 'bob@example.com' });
    expect(await scene.refusal(again.browser, again.answer)).toBe('person_blocked');
    await scene.server.operator.call('set_person_status', { id, status: 'active' });
    expect((await scene.signIn('bob', { ...ops, email: 'bob@example.com' })).answer.status).toBe(303);
  });

  it('ends what the configuration no longer gives, with its next start', async () => {
    const { browser } = await scene.signIn('olga', ops);
    scene.configure({ roles: { everybody: 'viewer' } });
    expect(await scene.me(browser)).toMatchObject({ role: 'viewer' });
    scene.configure({ roles: {} });
    expect((await browser.get(`${scene.url}/auth/me`)).status).toBe(401);
  });
});

describe('a person at the console', () => {
  it('signs in by a button, lands on the page that was asked for, and reads why somebody is not let in', async () => {
    const chromium = await startBrowser();
    try {
      const { page, wrongs } = await openTab(chromium, { ...scene.server, url: scene.url }, { width: 375 });
      scene.provider.person = { id: 'olga', said: { ...ops, groups: [] } };
      await page.goto(`${scene.url}/settings`);
      await page.getByRole('link', { name: 'Sign in with Our login' }).click();
      await page.getByText('person_unknown').waitFor();
      expect(await faults(page)).toEqual([]);
      scene.provider.person = { id: 'olga', said: ops };
      await page.goto(`${scene.url}/settings`);
      expect(await faults(page)).toEqual([]);
      await page.getByRole('link', { name: 'Sign in with Our login' }).click();
      await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
      expect(new URL(page.url()).pathname).toBe('/settings');
      await page.getByText('olga@example.com').first().waitFor();
      const people = page.getByRole('region', { name: 'People by identity provider' });
      await people.getByText('bob@example.com').first().waitFor();
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
    expect(() => scene.configure({ client_secret_file: join(scene.server.dataDir.dir, 'nothing') })).toThrow(
      'no client secret',
    );
  });
});
