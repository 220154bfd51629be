import { writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { expect } from 'vitest';
import { createHttp } from '../../src/api/http/server.ts';
import { openAuthentication } from '../../src/app/server/authentication.ts';
import { CALLBACK } from '../../src/control/sign-in/oidc/oidc.ts';
import { OidcSettings } from '../../src/control/sign-in/oidc/settings.ts';
import { eventBodies } from './eventBodies.ts';
import { CLIENT_ID, CLIENT_SECRET, startProvider, type TestProvider } from './oidcProvider.ts';
import { startTestServer, type TestServer } from './testServer.ts';
import { type Visitor, visitor } from './visitor.ts';

type Said = Record<string, unknown>;
type Event = { type: string; actor: string; data: Said };

/** What the provider says of an operator. */
export const ops = {
  groups: ['everybody', 'bursar-ops'],
  email: 'Olga@Example.com',
  email_verified: true,
  name: 'Olga',
};

export type OidcScene = {
  server: TestServer;
  provider: TestProvider;
  /** Where people are: the server's own interfaces, with the settings of `configure`. */
  url: string;
  /** The interfaces of the server again, as a start with these settings would have them. */
  configure(settings?: Partial<OidcSettings>): void;
  /** The usual interfaces again, where a test had others. */
  renew(): void;
  /** Where a person's way to the provider begins. */
  start(returnTo?: string): string;
  /** Somebody's browser, sent to the provider and back, just before it calls at the callback. */
  atSignIn(id: string, said: Said): Promise<{ browser: Visitor; back: string }>;
  signIn(id: string, said: Said): Promise<{ browser: Visitor; answer: Response }>;
  me(browser: Visitor): Promise<Said>;
  /** The code on the page of a refusal. Nobody is signed in by one. */
  refusal(browser: Visitor, answer: Response): Promise<string>;
  events(type: string): Promise<Event[]>;
  /** With the session's cookie and its CSRF header. */
  post(browser: Visitor, path: string, body?: unknown): Promise<Response>;
  end(): Promise<void>;
};

export const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;
export const isCallback = (next: URL): boolean => next.pathname === CALLBACK;

/** A whole server with a real identity provider beside it. */
export async function oidcScene(): Promise<OidcScene> {
  const testServer = await startTestServer();
  const { app, store } = testServer.bursar;
  let http: Hono;
  let isUsual = false;
  const server = serve({ fetch: (request, env) => http.fetch(request, env), hostname: '127.0.0.1', port: 0 }) as Server;
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = await startProvider(`${url}${CALLBACK}`);
  const client_secret_file = join(testServer.dataDir.dir, 'oidc-secret');
  writeFileSync(client_secret_file, `${CLIENT_SECRET}\n`);

  const configure: OidcScene['configure'] = (settings = {}) => {
    const given = {
      issuer: provider.issuer,
      client_id: CLIENT_ID,
      client_secret_file,
      name: 'Our login',
      roles: { 'bursar-ops': 'operator', 'bursar-audit': 'auditor', everybody: 'viewer' },
      scopes: ['openid', 'email', 'profile', 'groups'],
      ...settings,
    };
    isUsual = false;
    const authentication = openAuthentication(app, { ...testServer.config, oidc: OidcSettings.parse(given) });
    http = createHttp(app, authentication.people, authentication.keys);
  };
  const start: OidcScene['start'] = (returnTo = '/payments') =>
    `${url}/auth/oidc/start?${new URLSearchParams({ return_to: returnTo })}`;
  const atSignIn: OidcScene['atSignIn'] = async (id, said) => {
    provider.person = { id, said };
    const browser = visitor();
    const { next } = await browser.follow(start(), isCallback);
    provider.secrets.push(next?.searchParams.get('code') ?? 'none');
    return { browser, back: String(next) };
  };
  const me: OidcScene['me'] = async (browser) => (await (await browser.get(`${url}/auth/me`)).json()) as Said;
  const renew: OidcScene['renew'] = () => {
    if (isUsual) return;
    configure();
    isUsual = true;
  };
  renew();
  return {
    server: testServer,
    provider,
    url,
    configure,
    renew,
    start,
    atSignIn,
    me,
    signIn: async (id, said) => {
      const { browser, back } = await atSignIn(id, said);
      return { browser, answer: await browser.get(back) };
    },
    refusal: async (browser, answer) => {
      expect(browser.cookies(url).get('bursar_session')).toBeUndefined();
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
      return /<code>(\w+)<\/code>/.exec(await answer.text())?.[1] ?? 'no page';
    },
    events: (type) => eventBodies<Event>(store, type),
    post: async (browser, path, body = {}) => {
      const { csrf } = await me(browser);
      const cookie = `bursar_session=${browser.cookies(url).get('bursar_session')}`;
      const headers = { cookie, 'content-type': 'application/json', 'x-bursar-csrf': String(csrf) };
      return fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    },
    end: async () => {
      server.closeAllConnections();
      server.close();
      await provider.stop();
      await testServer.end();
    },
  };
}
