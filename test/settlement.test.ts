import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { ownerCalls } from '../src/chain/contracts/agentWallet.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { parseUsdc } from '../src/core/money/microUsdc.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let payee: string;
let count = 0;
beforeAll(async () => {
  server = await startTestServer();
  const made = await server.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: privateKeyToAddress(generatePrivateKey()),
    verified: true,
  });
  payee = String(made.id);
  await server.operator.call('create_approver', {
    name: 'Ada',
    address: await server.keys.address('approver'),
    roles: ['finance'],
  });
});
afterAll(() => server.end());

const usdc = (value: string) => ({ value, currency: 'USDC' });
const key = () => {
  count += 1;
  return { idempotencyKey: `settlement-${count}` };
};
async function approve(id: string, role = 'approver'): Promise<Record<string, unknown>> {
  const { approve: typedData } = await server.operator.call('get_review', { id });
  const signature = await server.keys.signTypedData(role, typedData as Parameters<typeof server.keys.signTypedData>[1]);
  const approver = await server.keys.address(role);
  return server.operator.call('answer_review', { id, verdict: 'approve', approver, signature });
}
const ledger = () => server.operator.call('check_ledger');

describe('settlement', () => {
  it('pays above the ceiling only with the signature that the wallet itself checks', async () => {
    const made = (await server.operator.call('create_agent', {
      name: 'low ceiling',
      sponsor: 'Research',
      ceilings: { per_payment: usdc('10.00') },
    })) as { id: string; wallet: { address: string } };
    await server.fund(made.id, made.wallet.address, '40');
    const payment = await server.operator.call('pay', { agent: made.id, payee, amount: usdc('12.00') }, key());
    expect(payment).toMatchObject({ state: 'in_review', reasons: [{ code: 'above_ceiling' }] });
    expect(await approve(String(payment.id))).toMatchObject({ state: 'authorized' });
    const settled = await server.until(String(payment.id), ['settled', 'final', 'failed']);
    expect(settled.state).not.toBe('failed');
    const mined = await server.local.client.getTransactionReceipt({
      hash: (settled.settlement as { tx_hash: `0x${string}` }).tx_hash,
    });
    // PaymentApproved, PaymentExecuted, Transfer.
    expect(mined.logs).toHaveLength(3);
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('hands the wallet only the signatures of people whom it lists', async () => {
    await server.operator.call('create_approver', {
      name: 'Bob, not on the wallet',
      address: await server.keys.address('treasury'),
      roles: ['finance'],
    });
    const made = (await server.operator.call('create_agent', {
      name: 'two signatures',
      sponsor: 'Research',
      ceilings: { per_payment: usdc('10.00') },
    })) as { id: string; wallet: { address: string } };
    await server.fund(made.id, made.wallet.address, '40');
    const payment = await server.operator.call('pay', { agent: made.id, payee, amount: usdc('12.00') }, key());
    expect(await approve(String(payment.id), 'treasury')).toMatchObject({ state: 'in_review' });
    expect(await approve(String(payment.id))).toMatchObject({ state: 'authorized' });
    const now = await server.until(String(payment.id), ['settled', 'final', 'failed']);
    expect(now.state).not.toBe('failed');
  });

  it('gives the money back when the wallet refuses for good, and says why', async () => {
    const agent = await server.agent('frozen on chain', '20');
    const first = await agent.client.call('pay', { payee, amount: usdc('1.00') }, key());
    await server.until(String(first.id), ['settled', 'final']);
    const guardian = await keyAccount(server.keys, 'guardian');
    const freeze = ownerCalls.freeze(agent.wallet as `0x${string}`);
    await sendInOrder(server.local.client, guardian, [freeze]);
    const payment = await agent.client.call('pay', { payee, amount: usdc('2.00') }, key());
    const now = payment.state === 'denied' ? payment : await server.until(String(payment.id), ['failed', 'cancelled']);
    expect(['denied', 'failed', 'cancelled']).toContain(now.state);
    const { balances } = (await server.operator.call('get_agent', { id: agent.id })) as {
      balances: Record<string, { value: string }>;
    };
    expect(balances).toMatchObject({ available: { value: '19.00' }, reserved: { value: '0.00' } });
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('finds the one bad payment of a batch and settles the others', async () => {
    const agent = await server.agent('batcher', '50');
    const blacklisted = privateKeyToAddress(generatePrivateKey());
    await server.operator.call('create_payee', {
      name: 'Blacklisted',
      kind: 'contractor',
      categories: ['contractor'],
      address: blacklisted,
      verified: true,
    });
    await server.local.client.writeContract({
      account: server.local.usdc.minter,
      address: server.local.usdc.address,
      abi: [
        {
          type: 'function',
          name: 'blacklist',
          inputs: [{ name: 'account', type: 'address' }],
          outputs: [],
          stateMutability: 'nonpayable',
        },
      ],
      functionName: 'blacklist',
      args: [blacklisted],
    });
    const answer = (await agent.client.call(
      'pay_batch',
      {
        payments: [
          { payee, amount: usdc('1.00') },
          { payee: 'Blacklisted', amount: usdc('1.00') },
          { payee, amount: usdc('2.00') },
        ],
      },
      key(),
    )) as { payments: { id: string }[] };
    const done = [];
    for (const { id } of answer.payments) done.push((await server.until(id, ['settled', 'final', 'failed'])).state);
    expect(done.map((state) => (state === 'failed' ? 'failed' : 'paid'))).toEqual(['paid', 'failed', 'paid']);
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('cancels what is not signed, never what is', async () => {
    const agent = await server.agent('canceller', '50');
    const waiting = await agent.client.call('pay', { payee, amount: usdc('30.00') }, key());
    expect(waiting.state).toBe('in_review');
    expect(await agent.client.call('cancel_payment', { id: String(waiting.id) })).toMatchObject({ state: 'cancelled' });
    const paid = await agent.client.call('pay', { payee, amount: usdc('1.00') }, key());
    await server.until(String(paid.id), ['settled', 'final']);
    await expect(agent.client.call('cancel_payment', { id: String(paid.id) })).rejects.toMatchObject({
      code: 'invalid_transition',
    });
  });

  it("keeps a frozen agent's payments waiting and sends them when it may go on", async () => {
    const agent = await server.agent('paused', '20');
    await server.operator.call('set_agent_status', { id: agent.id, status: 'frozen', reason: 'a look' });
    expect(await agent.client.call('pay', { payee, amount: usdc('1.00') }, key())).toMatchObject({ state: 'denied' });
    await server.operator.call('set_agent_status', { id: agent.id, status: 'active' });
    const payment = await agent.client.call('pay', { payee, amount: usdc('1.00') }, key());
    await server.until(String(payment.id), ['settled', 'final']);
  });

  it('sends nothing twice when money is asked for again with the same key', async () => {
    const agent = await server.agent('repeater', '20');
    const again = { idempotencyKey: 'one-order-only' };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => agent.client.call('pay', { payee, amount: usdc('1.50') }, again)),
    );
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    await server.until(String(answers[0]?.id), ['settled', 'final']);
    const { balances } = (await server.operator.call('get_agent', { id: agent.id })) as {
      balances: Record<string, { value: string }>;
    };
    expect(balances.available).toMatchObject({ value: '18.50' });
  });

  it('has the amount that was asked for in micro-USDC on chain, to the last one', async () => {
    const agent = await server.agent('precise', '5');
    const to = privateKeyToAddress(generatePrivateKey());
    await server.operator.call('create_payee', {
      name: 'Precise',
      kind: 'contractor',
      categories: ['contractor'],
      address: to,
      verified: true,
    });
    const payment = await agent.client.call('pay', { payee: 'Precise', amount: usdc('1.234567') }, key());
    await server.until(String(payment.id), ['settled', 'final']);
    const balance = await server.local.client.readContract({
      address: server.local.usdc.address,
      abi: [
        {
          type: 'function',
          name: 'balanceOf',
          inputs: [{ name: 'a', type: 'address' }],
          outputs: [{ name: '', type: 'uint256' }],
          stateMutability: 'view',
        },
      ],
      functionName: 'balanceOf',
      args: [to],
    });
    expect(balance).toBe(parseUsdc('1.234567'));
  });

  it('goes on while the chain and the server are an hour apart', async () => {
    const agent = await server.agent('skewed', '40');
    await server.local.client.increaseTime({ seconds: 3_600 });
    await server.local.client.mine({ blocks: 1 });
    const paid = await agent.client.call('pay', { payee, amount: usdc('1.00') }, key());
    await server.until(String(paid.id), ['settled', 'final']);
    const reviewed = await agent.client.call('pay', { payee, amount: usdc('26.00') }, key());
    expect(reviewed.state).toBe('in_review');
    expect(await approve(String(reviewed.id))).toMatchObject({ state: 'authorized' });
    await server.until(String(reviewed.id), ['settled', 'final']);
    expect(await ledger()).toMatchObject({ ok: true });
  });
});
