import type { Browser, Page } from 'playwright-core';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../src/api/http/console/builder.ts';
import { faults, openTab, startBrowser, type Tab } from './support/browser.ts';
import { go } from './support/consolePages.ts';
import { serve } from './support/hostileSeller.ts';
import { type Buyer, PAY_TO, type X402World, x402World } from './support/x402World.ts';

type Made = {
  id: string;
  hints?: { largest_amount_now: { value: string } | null } | null;
  mandate: string | null;
  settlement: { tx_hash: string } | null;
};
const usdc = (value: string) => ({ value, currency: 'USDC' });

let world: X402World;
let buyer: Buyer;
let browser: Browser;
let tab: Tab;
let page: Page;

beforeAll(async () => {
  const building = ensureBuilt();
  world = await x402World();
  const { server } = world;
  expect(await building).toEqual({ ok: true });
  const address = await server.keys.address('approver');
  await server.operator.call('create_approver', { name: 'Ada', address, roles: ['finance'] });
  [browser, buyer] = await Promise.all([startBrowser(), world.buyer('buyer', '90')]);
  for (const name of ['Paper mill', 'Ink works']) {
    const { address } = privateKeyToAccount(generatePrivateKey());
    await server.operator.call('create_payee', {
      name,
      kind: 'merchant',
      categories: ['contractor'],
      address,
      verified: true,
    });
  }
  tab = await openTab(browser, server);
  page = tab.page;
  await page.goto('/');
  await page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
  await page.getByText('Live', { exact: true }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await world?.end();
});

const fact = (name: string) => page.locator('dt', { hasText: new RegExp(`^${name}$`) }).locator('xpath=../dd');
const show = (folder: string, id: string) => go(page, `/${folder}/${id}`);
const pay = async (payee: string, value: string, idempotencyKey: string) =>
  (await buyer.client.call('pay', { payee, amount: usdc(value) }, { idempotencyKey })) as Made;
const settled = async (id: string) => (await world.server.until(id, ['settled', 'final'])) as Made;
const log = (name: string) => page.locator('section[aria-label="Events"] > div', { hasText: name });

describe('the page of a payment', () => {
  it('links what was given back and the refund with each other', async () => {
    const { server } = world;
    const earner = await server.agent('earner', '1');
    await server.operator.call('create_payee', {
      name: 'Earner',
      kind: 'agent',
      agent: earner.id,
      categories: ['contractor'],
    });
    const { id } = await pay('Earner', '2.00', 'timeline-refunded');
    await server.until(id, ['final']);
    const refund = await earner.client.call(
      'refund',
      { of: id, amount: usdc('0.50') },
      { idempotencyKey: 'timeline-refund' },
    );
    await show('payments', id);
    await fact('Refunded by')
      .getByRole('link', { name: String(refund.id) })
      .click();
    await fact('Refund of').getByRole('link', { name: id }).click();
    await fact('Refunded by').waitFor();
    await settled(String(refund.id));
  });

  it('leads to the mandate that it was made under', async () => {
    const { operator, keys } = world.server;
    const asked = await buyer.client.call('request_mandate', {
      payees: ['Paper mill'],
      per_payment: usdc('30.00'),
      total: usdc('60.00'),
      expires_at: new Date(Date.now() + 86_400_000).toISOString(),
      reason: 'paper every week',
    });
    const { typed_data } = await operator.call('get_mandate', { id: asked.id });
    const signature = await keys.signTypedData('approver', typed_data as Parameters<typeof keys.signTypedData>[1]);
    await operator.call('sign_mandate', { id: asked.id, approver: await keys.address('approver'), signature });
    const made = await pay('Paper mill', '28.00', 'timeline-mandated');
    expect(made.mandate).toBe(asked.id);
    await show('payments', made.id);
    await fact('Mandate')
      .getByRole('link', { name: String(asked.id) })
      .click();
    await page.getByRole('heading', { name: /paper every week/ }).waitFor();
  });

  it('tells live that the same request came again', async () => {
    const made = await pay('Ink works', '1.00', 'timeline-again');
    await settled(made.id);
    await show('payments', made.id);
    await page.locator('.timeline').getByText('settled', { exact: true }).waitFor();
    expect((await pay('Ink works', '1.00', 'timeline-again')).id).toBe(made.id);
    await page
      .locator('.timeline')
      .getByText(/The same request was sent again; the answer was this payment/)
      .waitFor();
  });

  it('says of a denied one which rules asked, with their figures, and what would have passed', async () => {
    const { id, hints } = await pay('Ink works', '75', 'timeline-denied');
    const most = hints?.largest_amount_now?.value;
    expect(most).toMatch(/^[\d.]+$/);
    await show('payments', id);
    const rules = page.getByRole('region', { name: 'Rules' });
    await rules.getByText('The amount of 75.00 USDC is over the cap of 50.00 USDC for one payment.').waitFor();
    await rules.getByText('Rule payment_cap (payment_cap)').waitFor();
    await rules.getByText(`The largest amount allowed at that moment was ${most} USDC.`).waitFor();
    expect(await faults(page)).toEqual([]);
  });
});

describe('an HTTP 402 purchase', () => {
  it('shows what was bought and the authorization; its transaction is decoded, each event with its payment', async () => {
    const { seller } = world;
    seller.description = '<b>a page</b>\u202E';
    seller.onPaid = async ({ payload, response }) =>
      serve(response, { success: true, transaction: await seller.redeem(payload) });
    const fetched = await buyer.client.call('fetch_paid', {
      url: seller.url('/ocr?page=1'),
      method: 'POST',
      body: '{}',
    });
    const { id, settlement } = await settled((fetched.payment as Made).id);
    await show('payments', id);
    expect(await fact('Method').textContent()).toBe('POST');
    expect(await fact('URL').textContent()).toBe(seller.url('/ocr?page=1'));
    expect(await fact('Description by the seller').textContent()).toBe('<b>a page</b>\u{fffd}');
    expect(await fact('Scheme').textContent()).toBe('exact, authorization');
    expect(await fact('Purse').textContent()).toBe(buyer.purse);
    const nonce = String(await fact('Nonce').locator('.mono').textContent());
    expect(await faults(page)).toEqual([]);
    await page.locator(`a[href="/explorer/tx/${settlement?.tx_hash}"]`).click();
    await page.getByRole('heading', { name: 'Call: transferWithAuthorization' }).waitFor();
    const used = log('AuthorizationUsed');
    expect(await used.textContent()).toContain(`authorizer${buyer.purse}nonce${nonce}`);
    await used.getByRole('link', { name: id }).waitFor();
    const moved = log('Transfer');
    expect(await moved.textContent()).toContain(`from${buyer.purse}to${PAY_TO}value10000 (0.01 USDC)`);
    await moved.getByRole('link', { name: id }).click();
    await fact('Scheme').waitFor();
  });
});

describe('the page of a batch', () => {
  it('names the payment of each PaymentExecuted, and no other', async () => {
    const batch = await buyer.client.call(
      'pay_batch',
      { payments: ['Paper mill', 'Ink works'].map((payee, n) => ({ payee, amount: usdc(`1.0${n + 1}`) })) },
      { idempotencyKey: 'timeline-batch' },
    );
    const made = await Promise.all((batch.payments as Made[]).map(({ id }) => settled(id)));
    expect(new Set(made.map(({ settlement }) => settlement?.tx_hash)).size).toBe(1);
    await show('explorer/tx', String(made[0]?.settlement?.tx_hash));
    await page.getByRole('heading', { name: 'Call: payBatch' }).waitFor();
    for (const [n, { id }] of made.entries()) {
      const told = log('PaymentExecuted').nth(n);
      expect(await told.textContent()).toContain(`amount10${n + 1}0000 (1.0${n + 1} USDC)`);
      expect(await told.getByRole('link').allTextContents()).toEqual([id]);
      expect(await log('Transfer').nth(n).getByRole('link').allTextContents()).toEqual([id]);
    }
    expect(await faults(page)).toEqual([]);
    expect(tab.wrongs).toEqual([]);
  });
});
