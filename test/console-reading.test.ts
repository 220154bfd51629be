import { readFileSync, rmSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../src/api/http/console/builder.ts';
import { type Launched, launch } from '../src/app/server/localLaunch.ts';
import { query } from '../src/store/statement.ts';
import { openTab, startBrowser, type Tab } from './support/browser.ts';
import { go, meetTrouble, unseenFocus } from './support/consolePages.ts';
import { copyPayment, idAt } from './support/copies.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

const MANY = 5_000;
const DAY_MS = 86_400_000;

let server: TestServer;
let again: Launched | null = null;
let browser: Browser;
let tab: Tab;
let first: { id: string };

beforeAll(async () => {
  const building = ensureBuilt();
  server = await startTestServer();
  expect(await building).toEqual({ ok: true });
  await server.operator.call('create_approver', {
    name: 'Ada',
    address: await server.keys.address('approver'),
    roles: ['finance'],
  });
  browser = await startBrowser();
  tab = await openTab(browser, server);
  await tab.page.goto('/');
  await tab.page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
  await tab.page.getByText('Live', { exact: true }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  // It runs in the directory that the first server removes at its end.
  await again?.stop();
  await server?.end();
  if (again) rmSync(again.dataDir.dir, { recursive: true, force: true });
});

const rows = (label: string) => tab.page.getByRole('table', { name: label }).locator('tbody tr');

describe('pages without anything', () => {
  it.each([
    ['/', 'There was no spending in this period.'],
    ['/payments', 'There are no payments yet.'],
    ['/reviews', 'No payment is waiting for approval.'],
    ['/mandates', 'No agent has asked for a mandate.'],
    ['/ledger', 'The ledger is empty.'],
    ['/report', 'No payment was requested in these weeks.'],
    ['/nothing-here', 'There is no such page.'],
  ])('%s says: %s', async (path, sentence) => {
    await go(tab.page, path);
    await tab.page.getByText(sentence).waitFor();
  });
});

describe('figures', () => {
  it('of the overview are those of the payments, by agent, category and payee, as a table too', async () => {
    const { operator } = server;
    for (const [name, category] of [
      ['Paper mill', 'data'],
      ['Ink works', 'services'],
    ] as const) {
      const address = `0x${name.length.toString(16).padStart(40, 'a')}`;
      await operator.call('create_payee', { name, kind: 'merchant', categories: [category], address, verified: true });
    }
    const agents = [await server.agent('alpha', '50'), await server.agent('beta', '50')];
    const wanted = [
      [0, 'Paper mill', '1.25'],
      [0, 'Ink works', '2.5'],
      [1, 'Paper mill', '4.000001'],
    ] as const;
    for (const [who, payee, value] of wanted) {
      const made = (await agents[who]?.client.call(
        'pay',
        { payee, amount: { value, currency: 'USDC' } },
        { idempotencyKey: `figure-${who}-${value}` },
      )) as { id: string };
      first ??= made;
      await server.until(made.id, ['settled', 'final']);
    }
    await agents[1]?.client.call(
      'pay',
      { payee: 'Ink works', amount: { value: '75', currency: 'USDC' } },
      { idempotencyKey: 'figure-too-much' },
    );
    await go(tab.page, '/?days=1&by=agent');
    const figure = (name: string) =>
      tab.page.locator('.figure', { has: tab.page.getByText(name, { exact: true }) }).locator('dd');
    await expect.poll(() => figure('Spend').textContent()).toBe('7.750001 USDC');
    expect(await figure('Balance now').textContent()).toBe('92.249999 USDC');
    expect(await figure('Denied').textContent()).toBe('1 of 4');
    expect(await figure('Sent to review').textContent()).toBe('0.0 % 0 of 4');
    const sums: Record<string, string[]> = {
      agent: ['alpha 3.75 USDC', 'beta 4.000001 USDC'],
      category: ['data 5.250001 USDC', 'services 2.50 USDC'],
      payee: ['Ink works 2.50 USDC', 'Paper mill 5.250001 USDC'],
    };
    for (const [by, expected] of Object.entries(sums)) {
      await tab.page.locator('label').getByText(by, { exact: true }).click();
      const details = tab.page.locator('details', { has: tab.page.getByText('As a table') });
      await expect
        .poll(async () => {
          const told = await details.locator('tbody tr').evaluateAll((all) =>
            all.map((row) =>
              [...row.querySelectorAll('td')]
                .slice(1)
                .map((cell) => cell.textContent)
                .join(' '),
            ),
          );
          return told.sort();
        })
        .toEqual(expected);
      await expect
        .poll(async () => (await tab.page.locator('.legend li').allTextContents()).sort())
        .toEqual(expected.map((text) => text.replace(/ (?=[\d.]+ USDC$)/, ': ')));
      expect(await tab.page.locator('.chart .recharts-bar-rectangle path').count()).toBe(2);
    }
    expect(new URL(tab.page.url()).search).toBe('?days=1&by=payee');
  });
});

describe('many payments', () => {
  it(`are paged through, found by filters that the address carries, and quick to show (${MANY} of them)`, async () => {
    const now = Date.now();
    await server.bursar.store.write((tx) =>
      copyPayment(
        tx,
        first.id,
        Array.from({ length: MANY }, (_, n) => ({
          id: idAt(now - 20 * DAY_MS + n * 60_000, n),
          created_at: now - 20 * DAY_MS + n * 60_000,
          state: n % 10 === 0 ? 'denied' : 'final',
          amount_micro: 1_000_000 + n,
          memo: n === 4_321 ? 'the needle' : 'hay',
          tx_hash: null,
          log_index: null,
        })),
      ),
    );
    const { page } = tab;
    await go(page, '/payments?kind=payout&max_amount=1.2');
    await expect.poll(() => rows('Payments').count()).toBe(50);
    const seen = new Set<string>();
    let pages = 0;
    for (;;) {
      const ids = await rows('Payments')
        .locator('a')
        .evaluateAll((links) => links.map((a) => a.getAttribute('href')));
      for (const id of ids) seen.add(String(id));
      pages += 1;
      const older = page.getByRole('button', { name: 'Older' });
      if ((await older.count()) === 0 || pages === 20) break;
      await older.click();
      await page.waitForFunction((old) => !document.querySelector(`.rows a[href="${old}"]`), ids[0]);
      await rows('Payments').first().waitFor();
    }
    expect([pages, seen.size]).toEqual([20, 1_000]);
    await page.goBack();
    await expect.poll(() => new URL(page.url()).searchParams.get('max_amount')).toBe('1.2');
    await page.getByRole('button', { name: 'Newest' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.has('cursor')).toBe(false);

    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Search').fill('needle');
    await page.getByLabel('Search').press('Enter');
    await expect.poll(() => rows('Payments').count()).toBe(1);
    await page.getByRole('cell', { name: '1.004321 USDC' }).waitFor();
    await page.getByLabel('State').selectOption('denied');
    await page.getByText('No payments match these filters.').waitFor();
    expect(new URL(page.url()).search).toBe('?q=needle&state=denied');
    await page.goBack();
    await expect.poll(() => rows('Payments').count()).toBe(1);
    expect(await page.getByLabel('State').inputValue()).toBe('');
    const day = new Date(now - 19.5 * DAY_MS).toLocaleDateString('sv');
    await page.goto(`/payments?state=denied&from=${day}&to=${day}&min_amount=1.000001`);
    await expect.poll(() => rows('Payments').count()).toBe(50);
    expect(await page.getByLabel('From').inputValue()).toBe(day);
    const states = await rows('Payments').locator('.state').allTextContents();
    expect(new Set(states)).toEqual(new Set(['denied']));
    await page.getByLabel('Minimum amount, USDC').fill('a lot');
    await page.getByLabel('Minimum amount, USDC').press('Enter');
    await page.getByRole('alert').waitFor();
  });
});

describe('the pilot report', () => {
  it('opens in a spreadsheet as text, whatever a workflow is called, with weeks of the chosen clock', async () => {
    const names = ['=HYPERLINK("https://evil.example")', '+1', '-1', '@SUM(A1)', '\t=1', 'a "quoted", one'];
    const now = Date.now();
    await server.bursar.store.write(async (tx) => {
      for (const [n, name] of names.entries()) {
        const id = `wfl_${n}`;
        await tx.run(query((db) => db.insertInto('workflows').values({ id, name, status: 'active', created_at: 0 })));
        await copyPayment(tx, first.id, [{ id: idAt(now, n), workflow_id: id, created_at: now, tx_hash: null }]);
      }
    });
    const { page } = tab;
    const today = new Date(now).toISOString().slice(0, 10);
    await page.goto(`/report?from=${today}&to=${today}`);
    await page.getByLabel('Time zone of the weeks').selectOption('UTC');
    await page.getByText('Weeks begin on Monday, 00:00 in UTC.').waitFor();
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const lines = parse(readFileSync(await (await downloading).path(), 'utf8'), { columns: true }) as Record<
      string,
      string
    >[];
    const told = lines.map(({ workflow }) => workflow ?? '');
    expect(told).toEqual(expect.arrayContaining([`'=HYPERLINK("https://evil.example")`, "'+1", 'a "quoted", one']));
    for (const cell of lines.flatMap(Object.values)) expect(cell).not.toMatch(/^[=+@\t\r]|^-(?!\d+(\.\d+)?$)/);
    await page.goto('/report?zone=Mars%2FOlympus');
    await page.getByRole('alert').getByText('is no time zone').waitFor();
  });
});

describe('what goes wrong', () => {
  it('is said on every page, which first says that it loads, and gets well when it is asked again', async () => {
    const { page } = tab;
    const mandate = (await server.operator.call('request_mandate', {
      agent: 'alpha',
      categories: ['data'],
      per_payment: { value: '1', currency: 'USDC' },
      total: { value: '3', currency: 'USDC' },
      expires_at: new Date(Date.now() + DAY_MS).toISOString(),
      reason: 'paper',
    })) as { id: string };
    const { settlement } = (await server.operator.call('get_payment', { id: first.id })) as {
      settlement: { tx_hash: string };
    };
    const paths = [
      ...['/', '/payments', `/payments/${first.id}`, '/reviews', `/reviews/${first.id}`, '/mandates'],
      ...[`/mandates/${mandate.id}`, '/ledger', '/events', '/report', `/explorer/tx/${settlement.tx_hash}`],
    ];
    for (const [index, path] of paths.entries()) await meetTrouble(page, path, index);
  });
});

describe('every page', () => {
  it('is worked by keyboard: what has the focus shows it, and is not under the header', async () => {
    const { page } = tab;
    for (const path of ['/', '/payments?state=denied', `/payments/${first.id}`, '/mandates', '/ledger', '/report']) {
      await page.goto(path);
      await page.getByText('Live', { exact: true }).waitFor();
      for (let n = 0; n < 30; n += 1) {
        await page.keyboard.press('Tab');
        expect(await unseenFocus(page), path).toBeNull();
      }
    }
  });
});

describe('live', () => {
  it('eight tabs share one stream; when the tab that has it goes, another takes over', async () => {
    const { context } = tab;
    const tabs = await Promise.all(Array.from({ length: 7 }, () => context.newPage()));
    await Promise.all(tabs.map((page) => page.goto('/payments')));
    for (const page of tabs) await page.getByText('Live', { exact: true }).waitFor();
    // Over HTTP/1.1 a stream in each would leave no connection for this.
    for (const page of tabs) await page.getByRole('table', { name: 'Payments' }).waitFor();
    await tab.page.goto('about:blank');
    const { client } = await server.agent('gamma', '5');
    await client.call(
      'pay',
      { payee: 'Paper mill', amount: { value: '0.77', currency: 'USDC' } },
      { idempotencyKey: 'told-to-all-tabs' },
    );
    for (const page of tabs) await page.getByRole('cell', { name: '0.77 USDC' }).waitFor();
    await Promise.all(tabs.map((page) => page.close()));
  });

  it('says that it reconnects while the server is away, and shows what happened when it is back', async () => {
    const { page } = tab;
    await page.goto('/agents');
    await page.getByText('Live', { exact: true }).waitFor();
    const { dir } = server.dataDir;
    const port = Number(new URL(server.url).port);
    await server.stop();
    await page.getByText('Reconnecting', { exact: true }).waitFor();
    again = await launch({ dir, port, version: 'test', say: () => {} });
    await page.getByText('Live', { exact: true }).waitFor();
    await server.operator.call('create_agent', { name: 'delta', sponsor: 'Research' });
    await page.getByText('delta').first().waitFor();
  });

  it('leads to the sign-in when the session ends, saying so', async () => {
    const { page } = tab;
    await again?.bursar.store.write((tx) => tx.run(query((db) => db.deleteFrom('sessions'))));
    await page.getByText('Your session has ended. Sign in again.').waitFor();
    await page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    expect(tab.wrongs).toEqual([]);
  });
});
