import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../src/api/http/console/builder.ts';
import { query } from '../src/store/statement.ts';
import { faults, openTab, photograph, startBrowser, type Tab } from './support/browser.ts';
import { starterWith } from './support/stricterPolicy.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

type Payment = { id: string; state: string; review: { approvals: Record<string, unknown>[] } | null };
type Agent = Awaited<ReturnType<TestServer['agent']>>;

let server: TestServer;
let browser: Browser;
let agent: Agent;
/** Ada and Ben: both finance. */
let ada: Tab;
let ben: Tab;
let made = 0;

beforeAll(async () => {
  const building = ensureBuilt();
  server = await startTestServer();
  expect(await building).toEqual({ ok: true });
  const { operator, keys } = server;
  const person = async (name: string, role: string, roles: string[], sponsor?: string) =>
    operator.call('create_approver', {
      name,
      address: await keys.address(role),
      roles,
      ...(sponsor ? { sponsor } : {}),
    });
  await person('Ada', 'approver', ['finance']);
  await person('Ben', 'guardian', ['finance']);
  await person('Sam, sponsor', 'treasury', ['finance'], 'Research');
  await person('Sue, security', 'owner', ['security']);
  // From 30 USDC on two people decide.
  const bundle = await starterWith('from: "1000.00"', 'from: "30.00"');
  const { digest } = await operator.call('load_policy', { bundle, note: 'two people from 30' });
  await operator.call('activate_policy', { digest });
  agent = await server.agent('buyer', '1000');
  await operator.call('create_workflow', { name: 'paper-digest' });
  await operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: `0x${'11'.repeat(20)}`,
    verified: true,
  });
  browser = await startBrowser();
  ada = await signedIn('approver');
  ben = await signedIn('guardian');
});
afterAll(async () => {
  await browser?.close();
  await server?.end();
});

async function signedIn(role: string): Promise<Tab> {
  const tab = await openTab(browser, server, { role });
  await tab.page.goto('/reviews');
  await tab.page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
  await tab.page.getByText('Live', { exact: true }).waitFor();
  return tab;
}

/** A payment that waits for people: for one person below 30 USDC, for two from there on. */
async function asked(value: string, by: Agent = agent): Promise<Payment> {
  made += 1;
  const payment = await by.client.call(
    'pay',
    { payee: 'Grace', amount: { value, currency: 'USDC' }, workflow: 'paper-digest', memo: `page ${made}` },
    { idempotencyKey: `for-review-${made}` },
  );
  expect(payment).toMatchObject({ state: 'in_review' });
  return payment as Payment;
}
const stateOf = async (id: string) => ((await server.operator.call('get_payment', { id })) as Payment).state;
const visit = async ({ page }: Tab, { id }: Payment) => {
  await page.goto(`/reviews/${id}`);
  await page.getByRole('button', { name: 'Reject' }).waitFor();
};
const approve = ({ page }: Tab) => page.getByRole('button', { name: 'Approve' }).click();
/** A wallet that does what the test says, instead of the tab's own. */
const wallet = ({ page }: Tab, answers: string) =>
  page.evaluate(`(() => { const own = (call) => window.walletAnswers(call.method, call.params ?? []);
    window.ethereum = { request: async (call) => (${answers})(call, own) }; })()`);

describe('reviews in the console', () => {
  it('show before anything is signed whom, from which address to which, how much, for whom, and which rules asked', async () => {
    const { operator } = server;
    await operator.call('add_payee_address', {
      id: 'Grace',
      address: `0x${'22'.repeat(20)}`,
      verified: false,
      replaces: true,
    });
    const payment = await asked('26');
    await visit(ada, payment);
    const { page } = ada;
    const card = page.getByRole('region', { name: '26.00 USDC to Grace' });
    await expect.poll(() => card.locator('del').textContent()).toBe(`0x${'11'.repeat(20)}`);
    expect(await card.locator('ins').textContent()).toContain(`0x${'22'.repeat(20)}`);
    for (const text of ['the new address is not verified', 'buyer', 'paper-digest', 'Research', 'page 1']) {
      await card.getByText(text).first().waitFor();
    }
    await card.getByText('Payments of 25.00 USDC or more need approval; this one is 26.00 USDC.').waitFor();
    await card.getByText(/The payee's address was changed to 0x2222/).waitFor();
    await card.getByText('0 of 1 from finance').waitFor();
    expect(await faults(page)).toEqual([]);
    await photograph(page, 'review');
    await operator.call('verify_payee_address', { id: 'Grace', address: `0x${'22'.repeat(20)}` });
  });

  it('take a rejection with its reason, signed as one, and give the money back', async () => {
    const payment = await asked('25.5');
    await visit(ada, payment);
    const { page } = ada;
    await page.getByRole('button', { name: 'Reject' }).press('Enter');
    await page.keyboard.type('we have this paper already');
    expect(await faults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign the rejection' }).press('Enter');
    await page.getByText('Answered: rejected.').waitFor();
    expect(ada.asked.at(-1)).toMatchObject({ primaryType: 'PaymentRejection', message: { amount: '25500000' } });
    await page.getByRole('link', { name: payment.id }).click();
    await page.locator('.timeline').getByText('rejected it: we have this paper already').waitFor();
    expect(await server.operator.call('get_payment', { id: payment.id })).toMatchObject({
      state: 'rejected',
      review: { approvals: [{ verdict: 'reject', reason: 'we have this paper already' }] },
    });
  });

  it('answered from the list say what happened, also after they have left it', async () => {
    // An agent of its own: the others' day has a limit.
    const lister = await server.agent('lister', '100');
    const [paid, refused] = [await asked('25.2', lister), await asked('25.3', lister)];
    const { page } = ada;
    await page.goto('/reviews');
    const card = (value: string) => page.getByRole('region', { name: `${value} USDC to Grace` });
    await card('25.20').getByRole('button', { name: 'Approve' }).click();
    const told = page.getByRole('status').filter({ hasText: '25.20 USDC to Grace' });
    await told.getByText('Approved. The payment will be sent.').waitFor();
    await card('25.20').waitFor({ state: 'detached' });
    await card('25.30').getByRole('button', { name: 'Reject' }).click();
    await card('25.30').getByRole('button', { name: 'Sign the rejection' }).click();
    await page.getByText('Rejected. The reserved amount is available to the agent again.').waitFor();
    await card('25.30').waitFor({ state: 'detached' });
    expect(await told.getByText('Approved. The payment will be sent.').count()).toBe(1);
    expect(await faults(page)).toEqual([]);
    expect(await stateOf(refused.id)).toBe('rejected');
    await server.until(paid.id, ['settled', 'final']);
  });

  it('wait for a quorum of two, each seeing the other live', async () => {
    const payment = await asked('31');
    await visit(ada, payment);
    await visit(ben, payment);
    await approve(ada);
    await ada.page.getByText('1 of 2 from finance').waitFor();
    await ada.page.getByText('Your approval is recorded. More approvals are needed.').waitFor();
    expect(await ada.page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    await ben.page.getByText('1 of 2 from finance').waitFor();
    expect(await stateOf(payment.id)).toBe('in_review');
    expect(await faults(ben.page)).toEqual([]);
    await approve(ben);
    await ben.page.getByText('Approved. The payment will be sent.').waitFor();
    for (const { page } of [ada, ben]) await page.getByText(/^Answered: (settled|final)\.$/).waitFor();
    await ada.page.getByText('2 of 2 from finance').waitFor();
  });

  it('answered by two people at the same moment go out once, and each is told what came of it', async () => {
    const payment = await asked('25');
    await Promise.all([visit(ada, payment), visit(ben, payment)]);
    for (const tab of [ada, ben]) {
      await wallet(
        tab,
        `async (call, own) => {
          const answer = await own(call);
          if (call.method === 'eth_signTypedData_v4') await new Promise((go) => { window.release = go; });
          return answer;
        }`,
      );
      await approve(tab);
      await expect.poll(() => tab.page.evaluate(() => 'release' in window)).toBe(true);
    }
    await Promise.all([ada, ben].map(({ page }) => page.evaluate('window.release()')));
    const said = async ({ page }: Tab): Promise<string> => {
      const told = page.getByText(/^(Approved\. The payment will be sent|Another approver answered first)/);
      await told.waitFor();
      return (await told.textContent()) ?? '';
    };
    const both = [await said(ada), await said(ben)].sort();
    expect(both).toEqual([
      'Another approver answered first; your signature was not needed.',
      'Approved. The payment will be sent.',
    ]);
    await server.until(payment.id, ['settled', 'final']);
    const { events } = (await server.operator.call('list_events', { payment: payment.id, limit: 200 })) as {
      events: { type: string }[];
    };
    expect(events.filter(({ type }) => type === 'payment.settled')).toHaveLength(1);
  });

  it("do not let the agent's sponsor approve, nor count a signature that was made elsewhere", async () => {
    const payment = await asked('25.1');
    const sam = await signedIn('treasury');
    await visit(sam, payment);
    const { page } = sam;
    await page.getByText('the policy does not let sponsors approve for their own agents').waitFor();
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    expect(await faults(page)).toEqual([]);
    // By the command line, say.
    const review = (await server.operator.call('get_review', { id: payment.id })) as { approve: never };
    const signature = await server.keys.signTypedData('treasury', review.approve);
    const approver = await server.keys.address('treasury');
    await server.operator.call('answer_review', { id: payment.id, verdict: 'approve', approver, signature });
    await page.getByText('the policy does not count this signature').waitFor();
    await page.getByText('0 of 1 from finance').waitFor();
    expect(await stateOf(payment.id)).toBe('in_review');
    await sam.close();
  });

  it('tell an approver whose role does not count', async () => {
    const payment = await asked('25.2');
    const sue = await signedIn('owner');
    await visit(sue, payment);
    await sue.page.getByText('This review needs the role finance; your roles (security) do not count.').waitFor();
    expect(await sue.page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    await sue.close();
  });

  it('end before the eyes of who looks when their time is over', async () => {
    const payment = await asked('25.3');
    await visit(ada, payment);
    await server.bursar.store.write((tx) =>
      tx.run(query((db) => db.updateTable('payments').set({ review_expires_at: 1 }).where('id', '=', payment.id))),
    );
    await ada.page.getByText('Answered: expired.').waitFor();
    expect(await ada.page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
  });

  it('say which wallet, account or chain is wrong, or that the person declined, and send nothing', async () => {
    const payment = await asked('25.4');
    await visit(ada, payment);
    const { page } = ada;
    const accounts = `if (call.method === 'eth_accounts' || call.method === 'eth_requestAccounts')`;
    const cases: [wallet: string, says: RegExp][] = [
      [
        `async (call, own) => { ${accounts} return ['0x${'ab'.repeat(20)}']; return own(call); }`,
        /Your wallet is on 0x[aA][bB]\w+; you are signed in as 0x/,
      ],
      [
        `async (call, own) => {
          if (call.method === 'eth_chainId') return '0x1';
          if (call.method === 'wallet_switchEthereumChain') throw { code: 4902, message: 'Unrecognized chain ID' };
          return own(call);
        }`,
        /Your wallet does not know this chain/,
      ],
      [
        `async (call, own) => { if (call.method === 'eth_signTypedData_v4') throw { code: 4001, message: 'denied' }; return own(call); }`,
        /You declined it in your wallet/,
      ],
    ];
    for (const [answers, says] of cases) {
      await wallet(ada, answers);
      await approve(ada);
      await page.getByRole('alert').getByText(says).waitFor();
    }
    expect(await faults(page)).toEqual([]);
    await page.evaluate('delete window.ethereum');
    await approve(ada);
    await page.getByRole('alert').getByText(`run: bursar approve ${payment.id}`).waitFor();
    expect(await server.operator.call('get_payment', { id: payment.id })).toMatchObject({ review: { approvals: [] } });
  });

  it('say why an approved payment was not made when the agent was frozen meanwhile', async () => {
    const payment = await asked('25.6');
    await visit(ada, payment);
    await server.operator.call('set_agent_status', { id: agent.id, status: 'frozen' });
    await approve(ada);
    await ada.page
      .getByText('Approved, but not paid: the policy was evaluated again and denied the payment.')
      .waitFor();
    await ada.page.getByText('The agent is frozen.').waitFor();
    await ada.page.getByText('Answered: rejected.').waitFor();
  });

  it('keep the content policy', () => {
    expect([...ada.wrongs, ...ben.wrongs]).toEqual([]);
  });
});
