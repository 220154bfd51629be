import { erc20Abi } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { ownerCalls } from '../src/chain/contracts/agentWallet.ts';
import { parseUsdc } from '../src/core/money/microUsdc.ts';
import { faults, photograph } from './support/browser.ts';
import { type OwnerScene, ownerScene } from './support/ownerScene.ts';
import type { OwnerWallet } from './support/ownerWallet.ts';
import { STARTER_WARNINGS } from './support/starterWarnings.ts';
import { stricterBundle } from './support/stricterPolicy.ts';

const outsider = privateKeyToAddress(generatePrivateKey());
let scene: OwnerScene;
let { server, tab, wallet, owner, safe, agent, payee, pay, state, changes } = {} as OwnerScene;
let { section, facts, form, alert, prepare, sign, finish, act, bySafeFile } = {} as OwnerScene;

beforeAll(async () => {
  scene = await ownerScene();
  ({ server, tab, wallet, owner, safe, agent, payee, pay, state, changes } = scene);
  ({ section, facts, form, alert, prepare, sign, finish, act, bySafeFile } = scene);
});
afterAll(() => scene?.end());

const sendButtons = () =>
  form()
    .getByText(/^Sign and send/)
    .count();
const exposed = () => server.operator.call('exposure', { agent: agent.id });
const usdc = (value: string) => ({ value, currency: 'USDC' });
type Prepared = { chain_id: number; to: string; value: string; data: string };
const wide = () => ownerCalls.setCeilings(agent.wallet, parseUsdc('1000000'), parseUsdc('60')).data;

describe("an agent's wallet on its page", () => {
  it('is shown as the chain has it, with what the policy would allow beyond it or less', async () => {
    await facts().getByText(agent.wallet).waitFor();
    await facts().getByText('5000.00 USDC in each day; 1.00 USDC spent in this one, 4999.00 USDC left').waitFor();
    await facts().getByText(', has not accepted yet').waitFor();
    const warning = facts().getByText(/a stolen executor key could pay the difference/);
    await warning.first().waitFor();
    const policies = tab.page.getByRole('table', { name: 'Policies in the registry' });
    await policies.getByText('active', { exact: true }).waitFor();
    expect(await sendButtons()).toBe(0);
  });

  it('is handed over in two steps, the second by the next owner in the browser; the server has no part in it', async () => {
    await act('Accept the wallet');
    expect((await state()).owner).toBe(owner.address);
    await act('Accept the policy registry');
    expect(server.bursar.app.senders).not.toContain(owner.address);
    expect(await server.keys.roles()).not.toContain(owner.address);
    expect(wallet.asked.map(({ to }) => to)).toEqual([agent.wallet, server.config.chain.registry]);
    await expect.poll(async () => (await changes()).map(({ data }) => data.change)).toContain('ownership_transferred');
  });
});

describe('before anything is sent', () => {
  it.each<[string, Partial<OwnerWallet>, RegExp]>([
    [
      'an outsider',
      { account: { address: outsider } },
      /^0x\w{40} may not do this: only its owner 0x\w{40} or its guardian/,
    ],
    [
      'a wallet on another chain that stays there',
      { chainId: 1, switchesTo: 1 },
      /Your wallet is on chain 1; this is on chain 31337/,
    ],
    [
      'a person who declines to change the chain',
      { chainId: 1, switchesTo: undefined },
      /You declined it in your wallet/,
    ],
  ])('%s is told so in a sentence', async (_, changed, sentence) => {
    wallet.asked = [];
    Object.assign(wallet, changed);
    await prepare('Freeze the wallet');
    await sign();
    await alert().getByText(sentence).waitFor();
    expect(wallet.asked).toEqual([]);
    Object.assign(wallet, { account: owner, chainId: 31_337, switchesTo: 31_337 });
  });

  it('the wallet is asked onto the right chain, and what the contract would refuse is not sent', async () => {
    wallet.chainId = 1;
    await prepare('Change the executor', { 'New executor': owner.address });
    await sign();
    await alert()
      .getByText(/The contract refuses it: RoleConflict, .*0x\w{40}\. Nothing was sent\./)
      .waitFor();
    expect([wallet.chainId, wallet.asked]).toEqual([31_337, []]);
  });

  it.each<[string, (call: Prepared) => Partial<Prepared>, string]>([
    ['other figures', () => ({ data: wide() }), '(perPayment)'],
    ['another contract', () => ({ to: outsider }), '(contract)'],
    ['another chain', () => ({ chain_id: 1 }), '(chain)'],
    ['more than was asked', ({ data }) => ({ data: `${data}00` }), '(data)'],
    ['money with it', () => ({ value: '1' }), '(value)'],
  ])('a lying server that prepares %s is found out', async (_, lie, named) => {
    const { page } = tab;
    await page.route('**/owner-calls/prepare', async (route) => {
      const document = (await (await route.fetch()).json()) as Prepared;
      await route.fulfill({ json: { ...document, ...lie(document) } });
    });
    await prepare('Set the ceilings', { 'Per payment, USDC': '6', 'Per period, USDC': '60' });
    await alert().getByText(`The server prepared a call that differs from this form ${named}`).waitFor();
    expect(await sendButtons()).toBe(0);
    expect(wallet.asked).toEqual([]);
    await page.unroute('**/owner-calls/prepare');
  });

  it('what cannot be read is named', async () => {
    await prepare('Withdraw USDC', { To: '0x12', 'Amount, USDC': '1' });
    await alert().getByText('“0x12” is not an address with a correct checksum.').waitFor();
    await prepare('Withdraw USDC', { To: outsider, 'Amount, USDC': '1,5' });
    await alert().getByText('“1,5” is not an amount').waitFor();
  });
});

describe('the owner with a browser wallet', () => {
  it('cuts a ceiling at once, is told so before signing, and gate and exposure follow', async () => {
    const fields = { 'Per payment, USDC': '0.5', 'Per period, USDC': '5000' };
    await prepare('Set the ceilings', fields);
    await form().getByText('Per payment: 1000.00 USDC to 0.50 USDC, a cut: effective with the transaction.').waitFor();
    await form().getByText('Per period: 5000.00 USDC unchanged.').waitFor();
    await photograph(tab.page, 'wallet-owner');
    await sign();
    await finish();
    await facts().getByText('0.50 USDC', { exact: true }).waitFor();
    await facts()
      .getByText(/The policy allows .* in one payment, the wallet 0\.50 USDC/)
      .waitFor();
    const known = () => server.operator.call('get_agent', { id: agent.id });
    await expect.poll(known).toMatchObject({ wallet: { ceilings: { per_payment: usdc('0.50') } } });
    expect(await pay('0.75', 'above')).toMatchObject({ state: 'in_review' });
    expect((await changes()).at(-2)).toMatchObject({
      data: { change: 'ceilings_changed', values: { per_payment: '0.50' } },
    });
  });

  it('raises one after the delay: it waits, can be dropped, and counts once its time has come', async () => {
    const raise = { 'Per payment, USDC': '20', 'Per period, USDC': '6000' };
    await prepare('Set the ceilings', raise);
    await form()
      .getByText(/Per payment: 0\.50 USDC to 20\.00 USDC, a raise: effective 1 day after/)
      .waitFor();
    await sign();
    await finish();
    await facts()
      .getByText(/To 20\.00 USDC per payment and 6000\.00 USDC per period, effective from/)
      .waitFor();
    await act('Cancel the pending raise');
    await facts().getByText('none; a raise takes effect after 1 day').waitFor();
    await act('Set the ceilings', raise);
    expect((await state()).perPayment).toBe(500_000n);
    await server.local.client.increaseTime({ seconds: 86_401 });
    await server.local.client.mine({ blocks: 1 });
    await tab.page.reload();
    await facts().getByText('20.00 USDC', { exact: true }).waitFor();
    await facts()
      .getByText(/^6000\.00 USDC in each/)
      .waitFor();
    const { stolen_keys: keys } = (await exposed()) as {
      stolen_keys: { key: string; figures: { today: { because: string } } }[];
    };
    const executor = keys.find(({ key }) => key === 'executor')?.figures.today;
    expect(executor?.because).toContain('from one wallet');
    expect(await server.operator.call('get_wallet', { id: agent.id })).toMatchObject({
      ceilings: { per_payment: usdc('20.00'), per_period: usdc('6000.00') },
      pending_raise: null,
    });
  });

  it('sets guardian, approvers, allow-list and validity', async () => {
    const others = [privateKeyToAddress(generatePrivateKey()), privateKeyToAddress(generatePrivateKey())];
    await act('Change the guardian', { 'New guardian': others[0] ?? '' });
    await act('Change the approvers', { 'Approvers, one per line': others.join('\n'), 'How many must sign': '2' });
    await facts().getByText('2 of 2 must sign').waitFor();
    await act('Put payees on the allow-list', { 'Payees, one per line': payee.address });
    await act('Switch the allow-list', {}, { 'Allow-list': 'on' });
    await facts().getByText('On: payees outside the list need the approvers.').waitFor();
    await facts().getByText(`${payee.address} Grace`).waitFor();
    await act('Set the end of validity', { 'Until (your local time; empty: no expiry)': '2031-02-03T04:05' });
    const { guardian, approvers, threshold, allowListOn, validUntilS } = await state();
    expect([guardian, allowListOn, threshold]).toEqual([others[0], true, 2]);
    expect([...approvers].sort()).toEqual([...others].sort());
    const typed = await tab.page.evaluate(() => new Date('2031-02-03T04:05').getTime());
    expect(validUntilS).toBe(typed / 1000);
    await act('Take payees off the allow-list', { 'Payees, one per line': payee.address });
    await facts().getByText('The list is empty.').waitFor();
  });

  it('freezes and unfreezes, and the ledger tells who', async () => {
    await act('Freeze the wallet');
    await facts().getByText('frozen', { exact: true }).waitFor();
    expect(await exposed()).toMatchObject({ total: { today: usdc('0.00') } });
    await act('Unfreeze the wallet');
    await facts().getByText('active', { exact: true }).waitFor();
    // The server notes the new ceilings of the test before at a time of its own.
    const byOwner = async () => (await changes()).filter(({ type }) => type !== 'wallet.ceilings_changed');
    const told = async () => (await byOwner()).slice(-3).map((each) => [each.type, each.actor, each.data.change]);
    const expected = [['wallet.frozen'], ['wallet.changed', 'epoch_raised'], ['wallet.unfrozen']];
    await expect.poll(told).toEqual(expected.map(([type, change]) => [type, owner.address, change]));
  });

  it('is told why a call reverted that was good when it was looked at', async () => {
    const { usdc: token } = server.config.chain;
    wallet.beforeSend = async () => {
      const all = (await state()).balance - 10_000_000n;
      await sendInOrder(server.local.client, owner, [ownerCalls.withdraw(agent.wallet, token, outsider, all)]);
    };
    await prepare('Withdraw USDC', { To: outsider, 'Amount, USDC': '30' });
    await sign();
    await alert()
      .getByText(/It was mined in block \d+ and reverted: ERC20: transfer amount exceeds balance/)
      .waitFor();
  });

  it('withdraws, and the books follow', async () => {
    const to = privateKeyToAddress(generatePrivateKey());
    await prepare('Withdraw USDC', { To: to, 'Amount, USDC': '4.25' });
    await form().getByText('4.25 USDC', { exact: true }).waitFor();
    await sign();
    await finish();
    const at = { address: server.config.chain.usdc, abi: erc20Abi, functionName: 'balanceOf', args: [to] } as const;
    expect(await server.local.client.readContract(at)).toBe(4_250_000n);
    await expect.poll(exposed).toMatchObject({ total: { held: usdc('5.75') } });
    await expect.poll(async () => (await server.operator.call('check_ledger')).ok).toBe(true);
  });

  it('activates a policy in the registry without any key of the server, which then decides by it', async () => {
    const { digest } = await server.operator.call('load_policy', { bundle: await stricterBundle(), note: 'stricter' });
    await tab.page.reload();
    await act('Activate a policy in the registry', {}, { Policy: String(digest) });
    await section('Policy registry on chain').getByText('in grace').waitFor();
    expect(await server.operator.call('activate_policy', { digest })).toEqual({ digest, warnings: STARTER_WARNINGS });
  });
});

describe('a wallet that a Safe owns', () => {
  it('is accepted, and frozen, by the file that the page makes', async () => {
    await act('Transfer the wallet', { 'Next owner': safe.address });
    await prepare('Accept the wallet');
    expect(await sendButtons()).toBe(0);
    await bySafeFile('Accept the wallet');
    expect((await state()).owner).toBe(safe.address);
    await tab.page.reload();
    await facts().getByText(', a contract such as a Safe').waitFor();
    await bySafeFile('Freeze the wallet');
    expect((await state()).frozen).toBe(true);
  });
});

describe('stopping and exposure', () => {
  it('every key is told with what it could move, and the owner of a Safe is the Safe', async () => {
    const { page } = tab;
    await page.goto('/exposure');
    const keys = page.getByRole('table', { name: 'If a key is stolen' });
    for (const key of ['agent api key', 'operator api key', 'executor', 'approver', 'guardian', 'owner']) {
      await keys.getByText(key, { exact: true }).first().waitFor();
    }
    await keys.getByRole('row').filter({ hasText: safe.address }).getByText('5.75 USDC').first().waitFor();
    await keys.getByText('first operator').waitFor();
  });

  it('everything is stopped by one button, after its words are typed, and followed until nothing is at risk', async () => {
    const { page } = tab;
    await page.getByRole('button', { name: 'Stop everything' }).click();
    const now = page.getByRole('button', { name: 'Stop everything now' });
    await page.getByLabel('Type “stop everything”').fill('stop');
    expect(await now.isDisabled()).toBe(true);
    await page.getByLabel('Type “stop everything”').fill('Stop everything');
    await page.getByLabel('Reason').fill('a drill');
    expect(await faults(page)).toEqual([]);
    await now.click();
    await page.getByText(/\(a drill\); 0\.00 USDC at risk/).waitFor();
    await page.getByText(/the wallet's owner unfreezes it with a browser wallet or a Safe/).waitFor();
  });

  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [375, 'light'],
    [375, 'dark'],
  ] as const)('has no fault that axe finds, at %d px in %s', async (width, scheme) => {
    const { page } = tab;
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto('/exposure');
    await page.getByRole('table', { name: 'If a key is stolen' }).waitFor();
    expect(await faults(page)).toEqual([]);
    await page.goto(`/agents/${agent.id}`);
    await prepare('Change the approvers');
    await form().getByRole('button', { name: 'Download the Safe file' }).waitFor();
    await form().getByText('Contract and calldata').click();
    expect(await faults(page)).toEqual([]);
    expect(tab.wrongs).toEqual([]);
  });
});
