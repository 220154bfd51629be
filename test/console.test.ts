import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../src/api/http/console/builder.ts';
import { play } from '../src/app/cli/commands/demo.ts';
import { faults, openTab, photograph, startBrowser, type Tab } from './support/browser.ts';
import { details, go, PAGES, PICTURED } from './support/consolePages.ts';
import { person } from './support/person.ts';
import { renamePayees } from './support/renamePayees.ts';
import { stricterBundle } from './support/stricterPolicy.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let browser: Browser;
let tab: Tab;

beforeAll(async () => {
  const building = ensureBuilt();
  server = await startTestServer();
  expect(await building).toEqual({ ok: true });
  const { result } = await play(server, server.operatorKey ?? '', () => {});
  expect(result.problems).toEqual([]);
  browser = await startBrowser();
  tab = await openTab(browser, server);
});
afterAll(async () => {
  await browser?.close();
  await server?.end();
});

const picture = (name: string) => photograph(tab.page, name);
const heading = (name: string) => tab.page.getByRole('heading', { level: 1, name });
const menu = (name: string) => tab.page.getByRole('navigation').getByRole('link', { name });

describe('the console in a real browser', () => {
  it('is signed in to with a wallet, by keyboard alone', async () => {
    const { page } = tab;
    await page.goto('/payments');
    await page.getByRole('button', { name: /Sign in with Ethereum/ }).waitFor();
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await heading('Payments').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    const [cookie] = await tab.context.cookies();
    expect(cookie).toMatchObject({ name: 'bursar_session', httpOnly: true, sameSite: 'Strict' });
  });

  it("shows the demo's payments, and finds them by name and state", async () => {
    const { page } = tab;
    const rows = page.getByRole('table', { name: 'Payments' }).getByRole('row');
    await page.getByLabel('State').selectOption('denied');
    await expect.poll(() => rows.count()).toBe(3);
    await page.getByLabel('State').selectOption('');
    await page.getByLabel('Search').fill('proof-reader');
    await page.getByLabel('Search').press('Enter');
    await expect.poll(() => rows.count()).toBe(5);
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => rows.count()).toBeGreaterThan(20);
  });

  it('tells the whole timeline of one payment, hands out its receipt and decodes its transaction', async () => {
    const { page } = tab;
    await page.getByLabel('Search').fill('proof-reader');
    await page.getByLabel('Search').press('Enter');
    const reviewed = page.getByRole('row').filter({ hasText: '4.00 USDC' });
    await reviewed.getByRole('link').click();
    await heading('Payment').waitFor();
    const timeline = page.locator('.timeline');
    for (const step of ['review requested', 'approved', 'settled']) {
      await timeline.getByText(step, { exact: true }).first().waitFor();
    }
    await page.getByText('Signatures', { exact: true }).waitFor();
    expect(await faults(page)).toEqual([]);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download the receipt' }).click();
    expect((await download).suggestedFilename()).toMatch(/^pay_\w+\.receipt\.json$/);
    await picture('payment');
    await page.locator('a[href^="/explorer/tx/0x"]').click();
    await page.getByRole('heading', { name: /^Call: pay/ }).waitFor();
    await page.getByText('PaymentExecuted').waitFor();
    expect(await faults(page)).toEqual([]);
    await picture('explorer');
  });

  it('sends nothing to the wallet that differs from what it shows', async () => {
    const { page, asked } = tab;
    await page.route('**/v1/reviews/pay_*', async (route) => {
      if (route.request().method() !== 'GET') return route.continue();
      const document = await (await route.fetch()).json();
      document.approve.message.amount = '6000000000';
      await route.fulfill({ json: document });
    });
    await menu('Reviews').click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('alert').getByText('not what this page shows (amount)').waitFor();
    expect(asked).toEqual([]);
    await page.unroute('**/v1/reviews/pay_*');
    await page.reload();
  });

  it('approves a payment with the wallet and sees it settle, live', async () => {
    const { page, asked } = tab;
    await heading('Reviews').waitFor();
    await picture('reviews');
    const watcher = await tab.context.newPage();
    await watcher.goto('/');
    await watcher.getByText('1 in review').waitFor();
    await page.getByRole('link', { name: /^pay_/ }).click();
    await page.getByRole('link', { name: 'Open the review' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText(/^Answered: (settled|final)\.$/).waitFor();
    expect(asked).toMatchObject([{ primaryType: 'PaymentApproval', message: { amount: '6000000' } }]);
    await watcher.getByText('0 in review').waitFor();
    await watcher.close();
  });

  it('proves the books, and hands out the pilot report as CSV', async () => {
    const { page } = tab;
    await menu('Ledger').click();
    await page.getByRole('button', { name: 'Check the books' }).click();
    await page.getByText('The books agree with the chain.').waitFor();
    await menu('Pilot report').click();
    const row = page.getByRole('row').filter({ hasText: 'paper-digest' });
    await row.waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const csv = readFileSync(await (await download).path(), 'utf8');
    expect(csv).toMatch(/^week,workflow,payments,settled,denied,failed,open,exceptions,completion_rate,.*\r\n/);
    expect(csv).toMatch(/^\d{4}-\d\d-\d\d,paper-digest,27,25,2,0,0,2,1,0\.0741,\d+(\.\d+)?,23\.85\r$/m);
  });

  it('shows hostile names as text', async () => {
    const { page } = tab;
    const name = '<img src=x onerror="window.hit=1">\u202Egnp.exe';
    await renamePayees(server.bursar.store, 'Label crew%', name);
    await menu('Payees').click();
    await page.getByText('<img src=x onerror="window.hit=1">\u{fffd}gnp.exe').waitFor();
    expect(await page.evaluate(() => ['hit' in window, document.images.length])).toEqual([false, 0]);
    await renamePayees(server.bursar.store, '<img%', 'Label crew');
  });

  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [375, 'light'],
    [375, 'dark'],
  ] as const)('has no fault that axe finds, and no sideways scroll, at %d px in %s', async (width, scheme) => {
    const { page } = tab;
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: scheme });
    // Only colours differ by scheme: each width is held against all rules in one of them.
    const rules = (width === 375) === (scheme === 'dark') ? null : ['color-contrast', 'link-in-text-block'];
    const found: string[] = [];
    for (const path of [...PAGES, ...(await details(server))]) {
      await go(page, path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await expect.poll(() => page.locator('[aria-busy="true"]').count()).toBe(0);
      for (const fault of await faults(page, rules)) found.push(`${path}: ${fault}`);
      const name = `${path === '/' ? 'overview' : path.slice(1)}-${width}-${scheme}`;
      if (PICTURED.includes(name)) await picture(name);
    }
    const outsider = await openTab(browser, server, { width, scheme });
    await outsider.page.goto('/');
    await outsider.page.getByRole('button', { name: /Sign in with Ethereum/ }).waitFor();
    for (const fault of await faults(outsider.page)) found.push(`the sign-in: ${fault}`);
    await outsider.close();
    expect(found).toEqual([]);
  });

  it('is worked by keyboard: skip link, menu and sign-out', async () => {
    const { page } = tab;
    await page.setViewportSize({ width: 375, height: 800 });
    await page.goto('/');
    await heading('Overview').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to the page');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await menu('Agents').focus();
    await page.keyboard.press('Enter');
    await heading('Agents').waitFor();
    await page.getByRole('button', { name: 'Menu' }).press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).press('Enter');
    await page.getByRole('button', { name: /Sign in with Ethereum/ }).waitFor();
  });

  it('is signed in to by a link of the command line, in a browser without a wallet', async () => {
    const finance = await person(server);
    const message = await finance.message();
    const ticket = JSON.stringify({ message, signature: await finance.sign(message) });
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/#sign-in=${Buffer.from(ticket).toString('base64url')}`);
    await page.getByRole('button', { name: `Sign in as ${finance.address.slice(0, 10)}` }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(page.url()).not.toContain('#');
    await context.close();
  });

  it('shows a mandate with its worst case and signs it with the wallet', async () => {
    const { page, asked } = tab;
    const { agents } = (await server.operator.call('list_agents')) as { agents: { id: string; name: string }[] };
    const researcher = agents.find(({ name }) => name === 'researcher-1');
    await server.operator.call('request_mandate', {
      agent: researcher?.id,
      categories: ['ocr'],
      per_payment: { value: '2.00', currency: 'USDC' },
      total: { value: '24.00', currency: 'USDC' },
      count: 6,
      expires_at: new Date(Date.now() + 30 * 86_400_000).toISOString(),
      reason: 'pages every week',
    });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
    await menu('Mandates').click();
    const mandate = page.getByRole('region', { name: /pages every week/ });
    await mandate.getByText('12.00 USDC', { exact: true }).waitFor();
    await picture('mandates');
    await mandate.getByRole('button', { name: 'Sign' }).press('Enter');
    await mandate.getByText('active').waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/pages every week$/);
    expect(asked.at(-1)).toMatchObject({ primaryType: 'Mandate', message: { perPayment: '2000000' } });
    expect(await faults(page)).toEqual([]);
    await mandate.getByRole('button', { name: 'Revoke' }).press('Enter');
    await mandate.getByText('revoked').waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/pages every week$/);
  });

  it('shows what differs between two policies', async () => {
    const { page } = tab;
    await server.operator.call('load_policy', { bundle: await stricterBundle(), note: 'a lower cap' });
    await menu('Policies').click();
    const changes = page.getByRole('region', { name: 'Changes of data.yaml' });
    await changes
      .getByText(/^- .*50/)
      .first()
      .waitFor();
    expect(await changes.locator('.add').count()).toBeGreaterThan(0);
    expect(await faults(page)).toEqual([]);
    await picture('policies');
  });

  it('lets an operator freeze an agent and end a key; an auditor is offered neither', async () => {
    await server.operator.call('create_approver', {
      name: 'Operations',
      address: await server.keys.address('guardian'),
      roles: ['operator'],
    });
    const operator = await openTab(browser, server, { role: 'guardian' });
    await operator.page.goto('/agents');
    await operator.page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
    await operator.page.getByRole('button', { name: 'Freeze researcher-1' }).click();
    await operator.page.getByRole('button', { name: 'Unfreeze researcher-1' }).click();
    await operator.page.getByRole('button', { name: 'Freeze researcher-1' }).waitFor();
    await operator.page.goto('/settings');
    await operator.page.getByRole('table', { name: 'API keys' }).waitFor();
    expect(await faults(operator.page)).toEqual([]);
    operator.page.on('dialog', (dialog) => void dialog.accept());
    await operator.page.getByRole('button', { name: 'Revoke researcher-1' }).click();
    await expect.poll(() => operator.page.getByRole('button', { name: 'Revoke researcher-1' }).count()).toBe(0);
    await operator.page.goto('/agents');
    await operator.page.getByRole('button', { name: 'Stop researcher-1 everywhere' }).click();
    await operator.page.getByLabel('Reason').fill('a drill');
    expect(await faults(operator.page)).toEqual([]);
    await operator.page.getByRole('button', { name: 'Stop it now' }).click();
    await operator.page.getByText(/\(a drill\); 0\.00 USDC at risk/).waitFor();
    expect(operator.wrongs).toEqual([]);
    await operator.close();
    await server.operator.call('create_approver', {
      name: 'Audit',
      address: await server.keys.address('treasury'),
      roles: ['auditor', 'finance'],
    });
    const auditor = await openTab(browser, server, { role: 'treasury' });
    await auditor.page.goto('/mandates');
    await auditor.page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
    await auditor.page.getByText('pages every week').waitFor();
    expect(await auditor.page.getByRole('button', { name: /Sign|Revoke|Decline/ }).count()).toBe(1);
    await auditor.page.goto('/agents');
    await auditor.page.getByRole('heading', { name: 'researcher-1' }).waitFor();
    expect(await auditor.page.getByRole('button', { name: /reeze|everywhere/ }).count()).toBe(0);
    await auditor.close();
  });

  it('says what went wrong, and asks again', async () => {
    const { page } = tab;
    await page.route('**/v1/agents', (route) => route.abort());
    await menu('Agents').click();
    await page.getByText('The server cannot be reached.').waitFor();
    expect(await faults(page)).toEqual([]);
    await page.unroute('**/v1/agents');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'researcher-1' }).waitFor();
  });

  it('keeps its own content policy', () => {
    expect(tab.wrongs).toEqual([]);
  });
});
