import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../src/api/client/client.ts';
import { ensureBuilt } from '../src/api/http/console/builder.ts';
import { readBundle, writeBundle } from '../src/decide/policy/bundle.ts';
import { faults, openTab, photograph, startBrowser, type Tab } from './support/browser.ts';
import { starterWith, stricterBundle } from './support/stricterPolicy.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let browser: Browser;
let operator: Tab;
let buyer: Client;
let strict: string;
const paid: string[] = [];

const usdc = (value: string) => ({ value, currency: 'USDC' });
const signIn = (page: Page) => page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
const versions = (page: Page) => page.getByRole('table', { name: 'Versions' });
const stateOf = (page: Page, digest: string, state: string) =>
  versions(page).getByRole('row').filter({ hasText: digest }).getByText(state, { exact: true });
const open = (page: Page, label: string, digest: string) =>
  page.getByRole('button', { name: new RegExp(`^${label}: ${digest.slice(7, 19)}`) }).click();

beforeAll(async () => {
  const building = ensureBuilt();
  server = await startTestServer();
  expect(await building).toEqual({ ok: true });
  buyer = (await server.agent('buyer', '100')).client;
  await server.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: '0x000000000000000000000000000000000000dEaD',
    verified: true,
  });
  for (const [role, name] of [
    ['guardian', 'operator'],
    ['treasury', 'auditor'],
  ] as const) {
    await server.operator.call('create_approver', { name, address: await server.keys.address(role), roles: [name] });
  }
  pay = async (amount) => {
    const { id } = await buyer.call(
      'pay',
      { payee: 'Grace', amount: usdc(amount) },
      { idempotencyKey: `shadowed-${paid.length}` },
    );
    paid.push(String(id));
  };
  browser = await startBrowser();
  operator = await openTab(browser, server, { role: 'guardian' });
  await operator.page.goto('/policies');
  await signIn(operator.page);
});
let pay: (amount: string) => Promise<void>;
afterAll(async () => {
  await browser?.close();
  await server?.end();
});

async function load(page: Page, bundle: string, note: string): Promise<void> {
  await page.getByRole('button', { name: 'Load a bundle' }).click();
  const file = { name: 'bundle.json', mimeType: 'application/json', buffer: Buffer.from(bundle) };
  await page.getByLabel('Bundle file').setInputFiles(file);
  await page.getByLabel('Note').fill(note);
  await page.getByRole('button', { name: 'Load it' }).click();
}

describe('the policies page', () => {
  it('takes a bundle from a file, and says why not where it is none', async () => {
    const { page } = operator;
    await page.getByRole('button', { name: 'Load a bundle' }).click();
    await page.getByRole('button', { name: 'Load it' }).click();
    await page.getByRole('alert').getByText('Choose the file').waitFor();
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await load(page, '{"hello": 1}', 'nothing');
    await page.getByRole('alert').waitFor();
    await page.keyboard.press('Escape');
    strict = readBundle(await stricterBundle()).digest;
    await load(page, await stricterBundle(), 'a lower cap');
    await stateOf(page, strict, 'loaded').waitFor();
    await page.getByText('No candidate has run in shadow yet.').waitFor();
  });

  it('starts a shadow after showing what differs, and then what it would have decided', async () => {
    const { page } = operator;
    await open(page, 'Try in shadow', strict);
    const dialog = page.getByRole('dialog');
    await dialog.getByText('The compiled rules are identical').waitFor();
    await dialog.getByText(/^\+ .*limit: "40\.00"/).waitFor();
    expect(await faults(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Start the shadow' }).click();
    await stateOf(page, strict, 'in shadow').waitFor();
    for (const amount of ['3', '45']) await pay(amount);
    const row = page
      .getByRole('table', { name: 'Differences' })
      .getByRole('row')
      .filter({ hasText: paid[1] ?? '' });
    await row.getByText('payment_cap').waitFor();
    await page.getByText('2 decided, 1 identical').waitFor();
    const sums = page.getByRole('table', { name: 'What would change' }).getByRole('row').nth(1);
    expect(await sums.getByRole('cell').allTextContents()).toEqual(['review', 'deny', '1', '45.00 USDC']);
    await photograph(page, 'policies-shadow');
    await row.getByRole('link', { name: paid[1] ?? '' }).click();
    await page.getByRole('heading', { level: 1, name: 'Payment' }).waitFor();
    await page.goBack();
    await stateOf(page, strict, 'in shadow').waitFor();
  });

  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [375, 'light'],
    [375, 'dark'],
  ] as const)('has no faults at %d px in %s', async (width, colorScheme) => {
    const { page } = operator;
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await page.getByRole('table', { name: 'Differences' }).waitFor();
    expect(await faults(page)).toEqual([]);
    await open(page, 'Activate', strict);
    await page.getByRole('dialog').getByText('The compiled rules are identical').waitFor();
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('is nothing that the agent hears of', async () => {
    const { events } = await buyer.call('list_events', { limit: 200 });
    const types = (events as { type: string }[]).map(({ type }) => type);
    expect(types).toContain('payment.review_requested');
    expect(types.filter((type) => type.startsWith('policy.'))).toEqual([]);
    for (const [name, input] of [
      ['policy_differences', {}],
      ['list_decisions', {}],
      ['shadow_policy', { digest: null }],
    ] as const) {
      await expect(buyer.call(name, input), name).rejects.toMatchObject({ code: 'forbidden' });
    }
  });

  it('shows an auditor everything and offers nothing', async () => {
    const { page, close, wrongs } = await openTab(browser, server, { role: 'treasury' });
    await page.goto('/policies');
    await signIn(page);
    await page.getByRole('table', { name: 'Differences' }).getByText('payment_cap').waitFor();
    await page.getByRole('region', { name: 'Changes of data.yaml' }).waitFor();
    expect(await page.getByRole('button', { name: /Load|Activate|shadow|Roll/ }).count()).toBe(0);
    expect(await faults(page)).toEqual([]);
    expect(wrongs).toEqual([]);
    await close();
  });

  it('activates the candidate with its differences in view, and rolls back to what was before', async () => {
    const { page } = operator;
    const before = String((await server.operator.call('get_active_policy', {})).digest);
    await open(page, 'Activate', strict);
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('table', { name: 'What would change' }).waitFor();
    await dialog.getByRole('button', { name: 'Activate it' }).click();
    await stateOf(page, strict, 'active').waitFor();
    await page.getByText('Ended: it was activated').waitFor();
    await open(page, 'Roll back', strict);
    await dialog.getByText(before).waitFor();
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await stateOf(page, before, 'active').waitFor();
    expect(await server.operator.call('get_active_policy', {})).toMatchObject({ digest: before });
  });

  it('ends a shadow on request', async () => {
    const { page } = operator;
    await open(page, 'Try in shadow', strict);
    await page.getByRole('button', { name: 'Start the shadow' }).click();
    await open(page, 'End shadow', strict);
    await page.getByRole('dialog').getByRole('button', { name: 'End the shadow' }).click();
    await page.getByText('Ended: ended by an operator').waitFor();
  });

  it('is not taken in by a bundle that shows one thing and does another', async () => {
    const { page } = operator;
    const { bundle } = readBundle(await starterWith('limit: "50.00"', 'limit: "50.00" # \u202eon esle'));
    const text = writeBundle({ ...bundle, wasm: wasmWithNote(bundle.wasm) });
    const { digest } = readBundle(text);
    await load(page, text, 'trust me');
    await open(page, 'Activate', digest);
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('alert').getByText('The compiled rules differ, but their sources do not.').waitFor();
    await dialog.getByText('# \ufffdon esle').waitFor();
    expect(operator.wrongs).toEqual([]);
  });
});

/** The same module with a custom section at its end: it runs alike, and its bytes differ. */
function wasmWithNote(base64: string): string {
  const section = Buffer.from([0, 5, 4, ...Buffer.from('note')]);
  return Buffer.concat([Buffer.from(base64, 'base64'), section]).toString('base64');
}
