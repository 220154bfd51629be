import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import type { Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { amountOf, type EarningServer, eventually, startEarning } from './support/earning.ts';

/** A browser is found, not brought along: a machine without one says so and drives none. */
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
);

describe('an invoice in a browser', () => {
  let world: EarningServer;
  let browser: Browser | null = null;
  beforeAll(async () => {
    world = await startEarning();
    if (executablePath) browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    else process.stdout.write('No Chromium on this machine (CHROMIUM=path): the invoice page is not driven.\n');
  });
  afterAll(async () => {
    await browser?.close();
    await world?.end();
  });

  it('is paid by an injected wallet, and the page comes to say so', async () => {
    if (!browser) return;
    const { server, payer, shop, key } = world;
    const memo = 'Labelling & checks';
    const make = () => shop.client.call('create_invoice', { amount: amountOf('2.50'), memo }, key());
    const [older, made] = [await make(), await make()];
    const asked: string[] = [];
    const problems: string[] = [];
    const context = await browser.newContext();
    const page = await context.newPage();
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url)) problems.push(`asked ${request.url()}`);
    });
    await page.exposeFunction('wallet', async (method: string, params: unknown[]): Promise<unknown> => {
      asked.push(method);
      if (method === 'eth_requestAccounts') return [payer.address];
      if (method === 'eth_sendTransaction') {
        const [{ to, data }] = params as [{ to: Hex; data: Hex }];
        const [hash] = await sendInOrder(server.local.client, payer, [{ to, data }]);
        return hash;
      }
      if (method === 'personal_sign') return payer.signMessage({ message: { raw: params[0] as Hex } });
      return null;
    });
    await page.addInitScript(`window.ethereum = { request: ({ method, params }) => window.wallet(method, params) };`);
    await page.goto(`${server.url}${made.path}`);
    expect(await page.locator('.amount').textContent()).toBe('2.50 USDC');
    expect(await page.locator('dd', { hasText: memo }).count()).toBe(1);
    expect(await page.getByRole('img', { name: 'Payment code' }).isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Connect a wallet and pay' }).click();
    await eventually('the page says paid', async () => (await page.locator('.state').textContent()) === 'Paid');
    expect(asked).toEqual([
      'eth_requestAccounts',
      'wallet_switchEthereumChain',
      'eth_sendTransaction',
      'personal_sign',
    ]);
    // Two invoices ask for the same: the payer's signature says which of them it paid.
    const state = async (id: unknown) => (await server.operator.call('get_invoice', { id })).state;
    expect([await state(made.id), await state(older.id)]).toEqual(['paid', 'open']);
    expect(problems).toEqual([]);
    await context.close();
  });

  it('says why nothing was paid when the wallet refuses', async () => {
    if (!browser) return;
    const { server, shop, key } = world;
    const made = await shop.client.call('create_invoice', { amount: amountOf('1'), memo: 'x' }, key());
    const page = await browser.newPage();
    await page.addInitScript(
      `window.ethereum = { request: async () => { throw new Error('User rejected the request.'); } };`,
    );
    await page.goto(`${server.url}${made.path}`);
    const button = page.getByRole('button', { name: 'Connect a wallet and pay' });
    await button.click();
    await page.getByText('Not paid: User rejected the request.').waitFor();
    expect(await button.isEnabled()).toBe(true);
    await page.close();
  });
});
