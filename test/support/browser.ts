import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type axe from 'axe-core';
import { type Browser, type BrowserContext, chromium as driver, type Page } from 'playwright-core';
import { type Hex, hashMessage, hashTypedData, hexToBytes, type TypedDataDefinition } from 'viem';
import { chromium } from './chromium.ts';
import type { TestServer } from './testServer.ts';

declare global {
  interface Window {
    /** Put there by `openTab`. */
    axe: typeof axe;
  }
}

export type Tab = {
  page: Page;
  context: BrowserContext;
  /** What the page did wrong: errors, and what its own policy (CSP) had to stop. */
  wrongs: string[];
  /** Typed data that the wallet was asked to sign. */
  asked: unknown[];
  close(): Promise<void>;
};

export function startBrowser(): Promise<Browser> {
  return driver.launch({ executablePath: chromium(), args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A tab with a wallet (EIP-1193) that signs for real with one of the data directory's keys. */
export async function openTab(
  browser: Browser,
  server: TestServer,
  options: { role?: string; width?: number; scheme?: 'light' | 'dark' } = {},
): Promise<Tab> {
  const { role = 'approver', width = 1280, scheme = 'light' } = options;
  const address = await server.keys.address(role);
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: scheme,
    baseURL: server.url,
    acceptDownloads: true,
    reducedMotion: 'reduce',
  });
  const asked: unknown[] = [];
  await context.exposeFunction('walletAnswers', async (method: string, params: string[]) => {
    if (method === 'eth_requestAccounts' || method === 'eth_accounts') return [address];
    if (method === 'eth_chainId') return '0x7a69';
    if (method === 'personal_sign') {
      return server.keys.signDigest(role, hashMessage({ raw: hexToBytes(params[0] as Hex) }));
    }
    if (method !== 'eth_signTypedData_v4') throw new Error(`The test's wallet does not know ${method}.`);
    const typedData = JSON.parse(params[1] ?? '') as TypedDataDefinition;
    asked.push(typedData);
    return server.keys.signDigest(role, hashTypedData(typedData));
  });
  await context.addInitScript({
    content: `window.ethereum = { request: ({ method, params = [] }) => window.walletAnswers(method, params) };\n${axeSource}`,
  });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on('pageerror', (error) => wrongs.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|violates/i.test(message.text())) wrongs.push(message.text());
  });
  return { page, context, wrongs, asked, close: () => context.close() };
}

/** What axe finds against WCAG 2.2 A and AA (or against some rules of it), as lines; also what a person at 375 px would have to scroll for. */
export async function faults(page: Page, only: string[] | null = null): Promise<string[]> {
  return page.evaluate(async (rules) => {
    // What fades in has other colours on its way.
    const ending = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
    const all = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const runOnly = rules === null ? all : { type: 'rule' as const, values: rules };
    const { violations } = await window.axe.run(document, { runOnly, resultTypes: ['violations'] });
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)} ${nodes[0]?.failureSummary}`,
    );
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) {
      const all = [...document.querySelectorAll('body *')];
      const out = all.findLast((element) => element.getBoundingClientRect().right > clientWidth);
      found.push(`it is ${scrollWidth} px wide in ${clientWidth}, by ${out?.outerHTML.slice(0, 160)}`);
    }
    return found;
  }, only);
}

const pictures = fileURLToPath(new URL('../../docs/screenshots', import.meta.url));

/** With `BURSAR_SCREENSHOTS=1`: renews a picture of docs/console.md. */
export async function photograph(page: Page, name: string): Promise<void> {
  if (process.env.BURSAR_SCREENSHOTS !== '1') return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}
