import type { Page, Route } from 'playwright-core';
import { expect } from 'vitest';
import type { TestServer } from './testServer.ts';

type Usdc = { value: string };

export const PAGES = [
  ...['/', '/payments', '/reviews', '/agents', '/payees', '/mandates'],
  ...['/policies', '/exposure', '/ledger', '/events', '/report', '/settings'],
];

/** Of them, those that docs/console.md shows. */
export const PICTURED = [
  ...['overview-1280-light', 'overview-1280-dark', 'overview-375-light'],
  ...['payments-1280-light', 'payments-375-dark', 'report-1280-light'],
];

/** To another page of the console, as its own links do. */
export const go = (page: Page, path: string) =>
  page.evaluate((to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
  }, path);

/** After the demo: a payment that people approved, its review and transaction, its agent and payee, a mandate, and what is not there. */
export async function details(server: TestServer): Promise<string[]> {
  const { payments } = (await server.operator.call('list_payments', { q: 'proof-reader', limit: 200 })) as {
    payments: { id: string; agent: string; payee: string; amount: Usdc; settlement: { tx_hash: string } | null }[];
  };
  const approved = payments.find(({ amount, settlement }) => amount.value === '4.00' && settlement !== null);
  if (!approved) throw new Error('The demo leaves no approved payment.');
  const { id, settlement, agent, payee } = approved;
  return [
    ...[`/payments/${id}`, `/reviews/${id}`, `/explorer/tx/${settlement?.tx_hash}`, '/nothing'],
    ...[`/agents/${agent}`, `/payees/${payee}`, `/mandates/${await askedMandate(server, agent)}`],
  ];
}

/** A mandate that waits for a person; the same one each time. */
async function askedMandate(server: TestServer, agent: string): Promise<string> {
  const { mandates } = (await server.operator.call('list_mandates', {})) as { mandates: { id: string }[] };
  if (mandates[0]) return mandates[0].id;
  const amount = { value: '2.00', currency: 'USDC' };
  const made = await server.operator.call('request_mandate', {
    ...{ agent, categories: ['ocr'], per_payment: amount, total: amount, reason: 'a page to look at' },
    expires_at: new Date(Date.now() + 86_400_000).toISOString(),
  });
  return String(made.id);
}

const problem = (status: number, title: string) => (route: Route) =>
  route.fulfill({ status, json: { code: 'test', title, detail: title, action: 'Ask an operator.' } });
/** Ways in which an answer does not come, and what the page says of each. */
const troubles: [(route: Route) => Promise<void>, RegExp][] = [
  [problem(500, 'The server broke.'), /The server broke\./],
  [problem(403, 'You may not read this.'), /You may not read this\./],
  [(route) => route.fulfill({ status: 502, body: '<h1>Bad' }), /status 502/],
  [(route) => route.abort(), /The server cannot be reached\./],
];

/** What has the focus but does not show it, or lies under the header; null where all is well. */
export function unseenFocus(page: Page): Promise<string | null> {
  return page.evaluate(() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    // Segments hide their input: its label shows the focus.
    const shown = at.matches('input[type="radio"]') ? (at.nextElementSibling ?? at) : at;
    const { outlineStyle, outlineWidth } = getComputedStyle(shown);
    const isSeen = outlineStyle !== 'none' && outlineWidth !== '0px';
    const { top, bottom } = shown.getBoundingClientRect();
    const isUnder = bottom <= 52 && top >= 0 && !at.closest('.header');
    return isSeen && !isUnder ? null : `${outlineStyle} ${outlineWidth} ${top} ${bottom} ${at.outerHTML}`;
  });
}

/** Goes to a page while no answer comes, then one of the troubles; looks for what it says, and makes it well again. */
export async function meetTrouble(page: Page, path: string, which: number): Promise<void> {
  const [answer, sentence] = troubles[which % troubles.length] ?? [];
  if (!answer || !sentence) throw new Error('Nothing goes wrong.');
  const main = page.locator('#main');
  await page.goto('/nothing-here');
  await page.getByText('Live', { exact: true }).waitFor();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/v1/**', async (route) => {
    await held;
    await answer(route);
  });
  await go(page, path);
  await main.getByText('Loading…').first().waitFor();
  release();
  await main.getByRole('alert').getByText(sentence).first().waitFor();
  await page.unrouteAll({ behavior: 'wait' });
  await expect
    .poll(async () => {
      const button = main.getByRole('button', { name: 'Try again' }).first();
      if (await button.isVisible()) await button.click({ timeout: 1_000 }).catch(() => {});
      return main.getByRole('alert').count();
    })
    .toBe(0);
  await expect.poll(() => main.locator('[aria-busy="true"]').count(), { message: path }).toBe(0);
  expect((await main.textContent())?.length, path).toBeGreaterThan(30);
}
