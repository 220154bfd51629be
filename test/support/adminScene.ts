import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { ensureBuilt } from '../../src/api/http/console/builder.ts';
import { openTab, startBrowser, type Tab } from './browser.ts';
import { person } from './person.ts';
import { startTestServer, type TestServer } from './testServer.ts';

/** Two addresses of nobody. */
export const GRACE = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
export const OTHER = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65';

export let server: TestServer;
export let browser: Browser;
/** Of an operator, Olga Ops, who says yes to every question. */
export let tab: Tab;
export let page: Page;
export let operatorId: string;

/** One server with an operator (the guardian's key) and an auditor (the treasury's), and one browser. */
export async function startAdminScene(): Promise<void> {
  const building = ensureBuilt();
  server = await startTestServer();
  expect(await building).toEqual({ ok: true });
  const named = async (name: string, role: string, roles: string[]) =>
    String(
      (await server.operator.call('create_approver', { name, address: await server.keys.address(role), roles })).id,
    );
  operatorId = await named('Olga Ops', 'guardian', ['operator']);
  await named('Aude Audit', 'treasury', ['auditor', 'operator-in-name-only']);
  browser = await startBrowser();
  tab = await openTab(browser, server, { role: 'guardian' });
  await tab.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  page = tab.page;
  page.on('dialog', (dialog) => void dialog.accept());
}

export async function endAdminScene(): Promise<void> {
  await browser?.close();
  await server?.end();
}

export const dialog = () => page.getByRole('dialog');
export const heading = (name: string) => page.getByRole('heading', { level: 1, name });
export const open = (name: string) => page.getByRole('button', { name, exact: true }).click();
/** What the page's address ends with. */
export const idHere = () => new URL(page.url()).pathname.split('/').at(-1) ?? '';

/** Goes to a page without loading the console again, and waits until all of it is there. */
export async function show(at: Page, path: string): Promise<void> {
  await at.evaluate((to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
  }, path);
  await at.getByRole('heading', { level: 1 }).waitFor();
  await expect.poll(() => at.locator('[aria-busy="true"]').count()).toBe(0);
}

type Answer = { status: number; body: Record<string, unknown> };
/** Posts with the cookie of anyone who has that key; `csrf`: in the place of the session's own. */
export async function asSession(
  role: string,
): Promise<(path: string, body: unknown, csrf?: string) => Promise<Answer>> {
  const session = await (await person(server, role)).session();
  return async (path, body, csrf = session.csrf) => {
    const answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        cookie: session.cookie,
        'x-bursar-csrf': csrf,
        'idempotency-key': `test-${path}`.replaceAll(/[^a-z0-9-]/g, '-'),
      },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
}
