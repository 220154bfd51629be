import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttp } from '../src/api/http/server.ts';
import type { Operation } from '../src/api/operations/operation.ts';
import { registry } from '../src/api/operations/registry.ts';
import { openAuthentication } from '../src/app/server/authentication.ts';
import { SESSION_MS } from '../src/control/sign-in/sessions.ts';
import { query } from '../src/store/statement.ts';
import { everyTable } from './support/everyTable.ts';
import { type Person, person } from './support/person.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let testServer: TestServer;
let olga: Person;
let vera: Person;
let auditorKey: string;
const approver = (name: string, address: string, roles: string[]) =>
  testServer.operator.call('create_approver', { name, address, roles });
const vain = { agent: '', sponsor: '' };

beforeAll(async () => {
  testServer = await startTestServer();
  olga = await person(testServer);
  vera = await person(testServer, 'guardian');
  await approver('Olga', olga.address, ['operator']);
  await approver('Vera', vera.address, ['auditor', 'finance']);
  vain.agent = (await testServer.agent('bystander', '0')).id;
  const { sponsors } = (await testServer.operator.call('list_sponsors')) as { sponsors: { id: string }[] };
  vain.sponsor = sponsors[0]?.id ?? '';
  auditorKey = String((await testServer.operator.call('create_key', { role: 'auditor', name: 'year end' })).key);
});
afterAll(() => testServer?.end());

const post = (path: string, headers: Record<string, string>, body: unknown = {}) =>
  fetch(`${testServer.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${testServer.url}${path}`, { headers });
const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;
/** With ids of things that are there, where there are any: a call that went through would find something to change. */
const pathOf = ({ path }: Operation): string =>
  path
    .replace('/agents/{id}', `/agents/${vain.agent}`)
    .replace('/sponsors/{id}', `/sponsors/${vain.sponsor}`)
    .replaceAll(/\{\w+\}/g, 'x');

const everything = () => everyTable(testServer.bursar.store);
const changing = registry.filter(({ method }) => method !== 'GET');
const reading = registry.filter(({ method }) => method === 'GET');

describe('an operation that changes something', () => {
  it('is there to be tested', () => {
    expect(changing.length).toBeGreaterThan(40);
    expect(reading.length).toBeGreaterThan(30);
  });

  it('is refused with a cookie alone, with a made-up CSRF value, and with that of another session, whatever it is', async () => {
    const [one, other] = [await olga.session(), await olga.session()];
    const before = await everything();
    const wrong: Record<string, string>[] = [
      {},
      { 'x-bursar-csrf': 'made-up' },
      { 'x-bursar-csrf': other.csrf },
      { 'x-bursar-csrf': '' },
    ];
    const passed: string[] = [];
    for (const operation of changing) {
      for (const headers of wrong) {
        const idempotent = { 'idempotency-key': `attack-${operation.name}` };
        const answer = await post(pathOf(operation), { cookie: one.cookie, ...headers, ...idempotent });
        const code = await codeOf(answer);
        if (answer.status !== 403 || code !== 'csrf_required')
          passed.push(`${operation.name}: ${answer.status} ${code}`);
      }
    }
    expect(passed).toEqual([]);
    expect(await everything()).toEqual(before);
    // The same call with the right value is not refused for that.
    const good = { cookie: one.cookie, 'x-bursar-csrf': one.csrf };
    expect((await post('/v1/workflows', good, { name: 'made by Olga' })).status).toBe(200);
    expect(await everything()).not.toEqual(before);
  });

  it('cannot be sent by a page of another site: not as JSON, not as a form, not by asking first', async () => {
    const { cookie } = await olga.session();
    const from = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const body = JSON.stringify({ name: 'planted' });
    const before = await everything();
    expect(await codeOf(await post('/v1/workflows', from, body))).toBe('csrf_required');
    expect(await codeOf(await post('/v1/workflows', { ...from, 'content-type': 'text/plain' }, body))).toBe(
      'csrf_required',
    );
    const form = { ...from, 'content-type': 'application/x-www-form-urlencoded' };
    expect(await codeOf(await post('/v1/workflows', form, `${body}=`))).toBe('csrf_required');
    for (const path of ['/v1/workflows', '/auth/siwe', '/auth/me', '/auth/logout', '/mcp']) {
      const asked = await fetch(testServer.url + path, {
        method: 'OPTIONS',
        headers: {
          ...from,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-bursar-csrf',
        },
      });
      expect(asked.headers.get('access-control-allow-origin'), path).toBeNull();
      expect((await get(path, from)).headers.get('access-control-allow-origin'), path).toBeNull();
    }
    expect(await codeOf(await post('/auth/logout', from))).toBe('csrf_required');
    expect(await everything()).toEqual(before);
  });

  it('is not for an auditor, by session or by key, whatever it is', async () => {
    const { cookie, csrf } = await vera.session();
    const before = await everything();
    const passed: string[] = [];
    for (const operation of changing) {
      for (const headers of [{ cookie, 'x-bursar-csrf': csrf }, { authorization: `Bearer ${auditorKey}` }]) {
        const answer = await post(pathOf(operation), { ...headers, 'idempotency-key': `audit-${operation.name}` });
        const code = await codeOf(answer);
        if (answer.status !== 403 || code !== 'forbidden') passed.push(operation.name);
      }
    }
    // It reads the chain and the books, and leaves an event that somebody did.
    expect(new Set(passed)).toEqual(new Set(['check_ledger']));
    expect({ ...(await everything()), events: '' }).toEqual({ ...before, events: '' });
  });

  it('reads all there is as an auditor, by session or by key', async () => {
    const { cookie } = await vera.session();
    const refused: string[] = [];
    for (const operation of reading) {
      for (const headers of [{ cookie }, { authorization: `Bearer ${auditorKey}` }]) {
        const answer = await get(pathOf(operation), headers);
        if (answer.status === 403) refused.push(operation.name);
        await answer.arrayBuffer();
      }
    }
    expect(refused).toEqual([]);
  });

  it('hides behind no GET: reading leaves everything as it is', async () => {
    const { cookie } = await olga.session();
    const before = await everything();
    for (const operation of reading) {
      const answer = await get(pathOf(operation), { cookie });
      expect(answer.status, operation.name).not.toBe(403);
      await answer.arrayBuffer();
    }
    expect(await everything()).toEqual(before);
  });
});

describe('a session', () => {
  it('has no more than its person, from the moment on that the person has less', async () => {
    const { cookie, csrf } = await olga.session();
    const act = () => post('/v1/workflows', { cookie, 'x-bursar-csrf': csrf }, { name: `work ${Math.random()}` });
    expect((await act()).status).toBe(200);
    await testServer.operator.call('set_approver_roles', { id: 'Olga', roles: ['auditor', 'finance'] });
    expect(await codeOf(await act())).toBe('forbidden');
    expect(((await (await get('/auth/me', { cookie })).json()) as { role: string }).role).toBe('auditor');
    await testServer.operator.call('set_approver_roles', { id: 'Olga', roles: ['operator'] });
    expect((await act()).status).toBe(200);
  });

  it('is dead on the server after sign-out, with its CSRF value and its event stream', async () => {
    const { cookie, csrf } = await olga.session();
    const other = await olga.session();
    const stream = await get('/v1/events/stream?after=999999', { cookie });
    expect(stream.status).toBe(200);
    expect((await post('/auth/logout', { cookie, 'x-bursar-csrf': csrf })).status).toBe(200);
    for await (const _ of stream.body ?? []);
    expect(await codeOf(await post('/v1/workflows', { cookie, 'x-bursar-csrf': csrf }))).toBe('unauthenticated');
    expect((await get('/auth/me', { cookie: other.cookie })).status).toBe(200);
  });

  it('ends its event stream when its time is over', async () => {
    const { cookie } = await olga.session();
    const stream = await get('/v1/events/stream?after=999999', { cookie });
    await testServer.bursar.store.write((tx) =>
      tx.run(query((db) => db.updateTable('sessions').set((eb) => ({ expires_at: eb('created_at', '+', 1n) })))),
    );
    for await (const _ of stream.body ?? []);
    expect((await get('/auth/me', { cookie })).status).toBe(401);
  });

  it('is not opened by what the database holds of it', async () => {
    const { cookie } = await olga.session();
    const { store } = testServer.bursar;
    const rows = await store.read((tx) => tx.all(query((db) => db.selectFrom('sessions').select('token_hash'))));
    for (const { token_hash } of rows) {
      expect(cookie).not.toContain(token_hash);
      expect((await get('/auth/me', { cookie: `bursar_session=${token_hash}` })).status).toBe(401);
    }
  });

  it('under a TLS name has a cookie that no sibling domain can plant', async () => {
    const origin = 'https://bursar.example';
    const { config, bursar } = testServer;
    const { people, keys } = openAuthentication(bursar.app, { ...config, server: { ...config.server, origin } });
    const http = createHttp(bursar.app, people, keys);
    const host = 'bursar.example';
    const asked = (await (await http.request('/auth/nonce', { headers: { host } })).json()) as { nonce: string };
    const message = await olga.message({ nonce: asked.nonce, domain: host, uri: origin });
    const answer = await http.request('/auth/siwe', {
      method: 'POST',
      headers: { host, 'content-type': 'application/json' },
      body: JSON.stringify({ message, signature: await olga.sign(message) }),
    });
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    expect(answer.headers.get('set-cookie')).toBe(
      `${cookie}; Max-Age=${SESSION_MS / 1000}; Path=/; HttpOnly; Secure; SameSite=Strict`,
    );
    expect(cookie).toMatch(/^__Host-bursar_session=/);
    const status = async (sent: string, to = host) =>
      (await http.request('/auth/me', { headers: { host: to, cookie: sent } })).status;
    expect(await status(cookie)).toBe(200);
    expect(await status(cookie.replace('__Host-', ''))).toBe(401);
    expect(await status(cookie, '127.0.0.1:8402')).toBe(401);
  });
});

describe('a name that is not ours', () => {
  const nonceFor = (host: string, headers = {}): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request(`${testServer.url}/auth/nonce`, { headers: { ...headers, host } }, (answer) =>
        resolve(answer.resume().statusCode),
      );
      asked.once('error', reject);
      asked.end();
    });

  it.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'localhost/evil',
    '[::ffff:127.0.0.1]',
    'localhost:1:2',
    '0x7f.1',
  ])('is refused in the Host header: %s', async (host) => {
    expect([400, 401]).toContain(await nonceFor(host));
  });

  it('is not taken from a header that a proxy would send', async () => {
    const forwarded = {
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
      'x-forwarded-proto': 'https',
    };
    const asked = (await (await get('/auth/nonce', forwarded)).json()) as { domain: string; uri: string };
    expect(asked).toMatchObject({ domain: new URL(testServer.url).host, uri: testServer.url });
  });
});

describe('a message of sign-in', () => {
  const HOUR_MS = 3_600_000;
  it.each([
    ['an hour fast', HOUR_MS, 200],
    ['an hour slow', -HOUR_MS, 200],
    ['two hours fast', 2 * HOUR_MS, 401],
    ['two hours slow', -2 * HOUR_MS, 401],
  ])('by a clock that is %s', async (_, off, status) => {
    const message = await olga.message({ issuedAt: new Date(Date.now() + off) });
    expect((await olga.signIn(message)).status).toBe(status);
  });

  it.each([
    ['is another version', (text: string) => text.replace('Version: 1', 'Version: 2')],
    ['names a port beside', (text: string) => text.replace(/^127\.0\.0\.1:\d+/, '127.0.0.1:1')],
    ['names another person', (text: string) => text.replace(/0x[0-9a-fA-F]{40}/, vera.address)],
    ['is changed after it was signed', (text: string) => text.replace('This moves no money.', 'This moves money.')],
  ])('is refused that %s', async (_, changed) => {
    const message = await olga.message();
    const signature = await olga.sign(message);
    expect(await codeOf(await post('/auth/siwe', {}, { message: changed(message), signature }))).toBe(
      'sign_in_refused',
    );
  });
});
