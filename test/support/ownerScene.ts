import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Locator } from 'playwright-core';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts';
import { expect } from 'vitest';
import { ensureBuilt } from '../../src/api/http/console/builder.ts';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import { readWalletState, type WalletState } from '../../src/chain/contracts/walletState.ts';
import { callOf, type OwnerAction } from '../../src/control/owner/action.ts';
import { ownerCallTypedData } from '../../src/control/owner/signedCall.ts';
import { openTab, startBrowser, type Tab } from './browser.ts';
import { injectOwnerWallet, type OwnerWallet } from './ownerWallet.ts';
import { deploySafe, type Safe } from './safe.ts';
import { startTestServer, type TestServer } from './testServer.ts';

type Batch = {
  chainId: string;
  meta: { createdFromSafeAddress: string };
  transactions: { to: Address; data: Hex }[];
};
type Fields = Record<string, string>;
type Changed = { type: string; actor: string; data: { change?: string; values?: Fields } };

export type OwnerScene = {
  server: TestServer;
  tab: Tab;
  /** What the browser wallet does, to be changed. Its key was made here: neither the data directory nor the server ever has it. */
  wallet: OwnerWallet;
  owner: PrivateKeyAccount;
  safe: Safe;
  agent: { id: string; wallet: Address };
  payee: { id: string; address: Address };
  pay(value: string, key: string): Promise<Record<string, unknown>>;
  state(): Promise<WalletState>;
  /** What the event log tells of wallets, newest last. */
  changes(): Promise<Changed[]>;
  section(name: string): Locator;
  facts(): Locator;
  form(): Locator;
  alert(): Locator;
  prepare(title: string, fields?: Fields, choices?: Fields): Promise<void>;
  sign(): Promise<void>;
  finish(): Promise<void>;
  act(title: string, fields?: Fields, choices?: Fields): Promise<void>;
  /** Has the page make the Safe's file, and the Safe send what is in it. */
  bySafeFile(title: string): Promise<void>;
  end(): Promise<void>;
};

/** An agent's page in a browser whose wallet was offered agent wallet and policy registry, and has not accepted them yet. */
export async function ownerScene(): Promise<OwnerScene> {
  const building = ensureBuilt();
  const server = await startTestServer();
  const { operator, local } = server;
  const owner = privateKeyToAccount(generatePrivateKey());
  await local.fundGas([owner.address]);
  const made = await server.agent('owned', '40');
  const agent = { id: made.id, wallet: made.wallet as Address };
  const address = privateKeyToAddress(generatePrivateKey());
  const grace = { name: 'Grace', kind: 'contractor', categories: ['contractor'], address, verified: true };
  const payee = { id: String((await operator.call('create_payee', grace)).id), address };
  const pay: OwnerScene['pay'] = (value, key) => {
    const request = { agent: agent.id, payee: payee.id, amount: { value, currency: 'USDC' } };
    return operator.call('pay', request, { idempotencyKey: `console-owner-${key}` });
  };
  await server.until(String((await pay('1.00', 'first')).id), ['settled', 'final']);
  await order(server, agent, { action: 'transfer_ownership', address: owner.address });
  await order(server, agent, { action: 'transfer_registry', address: owner.address });
  await operator.call('create_approver', { name: 'Olga', address: owner.address, roles: ['operator'] });
  const safe = await deploySafe(local.client, devAccounts[5], [owner], 1);
  const built = await building;
  if (!built.ok) throw new Error(built.problem);
  const browser: Browser = await startBrowser();
  const tab = await openTab(browser, server);
  const { page } = tab;
  const wallet: OwnerWallet = { account: owner, chainId: 31_337, switchesTo: 31_337, asked: [], beforeSend: null };
  await injectOwnerWallet(tab.context, local.client, wallet);

  const section = (name: string): Locator => page.getByRole('region', { name });
  const form = (): Locator => section('Owner actions');
  const prepare: OwnerScene['prepare'] = async (title, fields = {}, choices = {}) => {
    await form().getByLabel('Action', { exact: true }).selectOption({ label: title });
    for (const [label, value] of Object.entries(fields)) await form().getByLabel(label, { exact: true }).fill(value);
    for (const [label, value] of Object.entries(choices)) await form().getByLabel(label).selectOption(value);
    await form()
      .getByRole('button', { name: `Prepare: ${title}` })
      .click();
  };
  const sign = () =>
    form()
      .getByRole('button', { name: /^Sign and send/ })
      .click();
  const finish = () => form().getByRole('button', { name: 'Show the updated wallet' }).click();
  await page.goto(`/agents/${agent.id}`);
  await page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
  await section('Wallet on chain').waitFor();
  return {
    ...{ server, tab, wallet, owner, safe, agent, payee, pay, section, form, prepare, sign, finish },
    facts: () => section('Wallet on chain'),
    alert: () => form().getByRole('alert'),
    state: async () => {
      const found = await readWalletState(server.bursar.chain, agent.wallet);
      if (!found) throw new Error('There is no wallet.');
      return found;
    },
    changes: async () => {
      const { events } = (await operator.call('list_events', { limit: 200 })) as { events: Changed[] };
      return events.filter(({ type }) => type.startsWith('wallet.'));
    },
    act: async (title, fields, choices) => {
      await prepare(title, fields, choices);
      await sign();
      await finish();
    },
    bySafeFile: async (title) => {
      await prepare(title);
      const download = page.waitForEvent('download');
      await form().getByRole('button', { name: 'Download the Safe file' }).click();
      const { chainId, meta, transactions } = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as Batch;
      expect([chainId, meta.createdFromSafeAddress, transactions.length]).toEqual(['31337', safe.address, 1]);
      for (const call of transactions) await safe.exec(call, owner);
    },
    end: async () => {
      await browser.close();
      await server.end();
    },
  };
}

/** The owner of the data directory orders the first step; the key of the next owner must take the second by itself. */
async function order(server: TestServer, agent: OwnerScene['agent'], requested: OwnerAction): Promise<void> {
  const { operator, config, keys } = server;
  const { usdc: token, registry } = config.chain;
  const expiresAtS = Math.floor(Date.now() / 1000) + 300;
  const typedData = ownerCallTypedData(
    31_337,
    callOf({ wallet: agent.wallet, token, registry }, requested),
    expiresAtS,
  );
  const { transaction } = await operator.call('send_owner_call', {
    ...{ id: agent.id, ...requested },
    expires_at: new Date(expiresAtS * 1000).toISOString(),
    signature: await keys.signTypedData('owner', typedData),
  });
  for (let i = 0; i < 200; i += 1) {
    if ((await operator.call('get_owner_call', { transaction })).succeeded === true) return;
    await sleep(50);
  }
  throw new Error('The order was not mined.');
}
