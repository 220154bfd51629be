import { type Address, concatHex, encodeFunctionData, hashTypedData, parseAbi, type TypedDataDefinition } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { devAccounts } from '../src/app/local-chain/accounts.ts';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { ownerCalls } from '../src/chain/contracts/agentWallet.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { query } from '../src/store/statement.ts';
import { deploySafe, type Safe } from './support/safe.ts';
import { starterWith } from './support/stricterPolicy.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

/** Signatures that were good when they were given, and are not when the wallet is to take them. */
const fresh = () => privateKeyToAccount(generatePrivateKey());
const [ada, bob, other] = [fresh(), fresh(), fresh()];
const tokenAbi = parseAbi(['function pause()', 'function unpause()']);
let server: TestServer;
let safe: Safe;
let payee: string;
let count = 0;

beforeAll(async () => {
  server = await startTestServer();
  const { operator, local } = server;
  safe = await deploySafe(local.client, devAccounts[5], [ada], 1);
  for (const [name, address] of [
    ['Safe', safe.address],
    ['Ada', ada.address],
    ['Bob', bob.address],
  ]) {
    await operator.call('create_approver', { name, address, roles: ['finance'] });
  }
  const fields = { name: 'Grace', kind: 'contractor', categories: ['contractor'], verified: true };
  const made = await operator.call('create_payee', { ...fields, address: privateKeyToAddress(generatePrivateKey()) });
  payee = String(made.id);
  const bundle = await starterWith('{from: "25.00", quorum: 1,', '{from: "25.00", quorum: 2,');
  const { digest } = await operator.call('load_policy', { bundle, note: 'two people' });
  await operator.call('activate_policy', { digest });
});
afterAll(() => server.end());
afterEach(() => token('unpause'));

async function token(functionName: 'pause' | 'unpause'): Promise<void> {
  const data = encodeFunctionData({ abi: tokenAbi, functionName });
  await sendInOrder(server.local.client, server.local.usdc.minter, [{ to: server.local.usdc.address, data }]);
}
const usdc = (value: string) => ({ value, currency: 'USDC' });
const key = () => {
  count += 1;
  return { idempotencyKey: `approvals-again-${count}` };
};
/** An agent whose wallet stands, has a ceiling of 10, and lists these approvers. */
async function agentWith(approvers: readonly Address[], threshold: number) {
  count += 1;
  const agent = await server.agent(`agent ${count}`, '90');
  const pay = async (value: string) =>
    String((await agent.client.call('pay', { payee, amount: usdc(value) }, key())).id);
  await server.until(await pay('1.00'), ['settled', 'final']);
  const [wallet, limit] = [agent.wallet as Address, 10_000_000n as never];
  const owner = await keyAccount(server.keys, 'owner');
  const calls = [ownerCalls.setApprovers(wallet, approvers, threshold), ownerCalls.setCeilings(wallet, limit, limit)];
  await sendInOrder(server.local.client, owner, calls);
  const known = async () => {
    const { wallet: now } = (await server.operator.call('get_agent', { id: agent.id })) as {
      wallet: { ceilings: { approvers: string[]; per_payment: { value: string } } };
    };
    return [now.ceilings.per_payment.value, now.ceilings.approvers.length];
  };
  await expect.poll(known).toEqual(['10.00', approvers.length]);
  return { ...agent, pay };
}
async function approve(id: string, by: PrivateKeyAccount | Safe): Promise<unknown> {
  const { approve: typedData } = (await server.operator.call('get_review', { id })) as { approve: TypedDataDefinition };
  const signature =
    'sign' in by && 'swapFirst' in by
      ? await by.sign(hashTypedData(typedData), ada)
      : await (by as PrivateKeyAccount).signTypedData(typedData);
  const input = { id, verdict: 'approve', approver: by.address, signature };
  return (await server.operator.call('answer_review', input)).state;
}
const stateOf = async (id: string) => (await server.operator.call('get_payment', { id })).state;
const openAlerts = (type: string) =>
  server.bursar.store.read((tx) =>
    tx.all(
      query((db) =>
        db.selectFrom('alerts').select('body_json').where('type', '=', type).where('resolved_at', 'is', null),
      ),
    ),
  );
const waiting = async (id: string) => {
  await expect.poll(async () => (await openAlerts('token_paused')).length).toBe(1);
  expect(await stateOf(id)).toBe('authorized');
};

describe('an approval that is no longer good when the payment is queued', () => {
  it('of a contract that changed its signer does not block a payment that has enough others', async () => {
    const agent = await agentWith([safe.address, ada.address, bob.address], 1);
    await token('pause');
    const id = await agent.pay('30.00');
    expect([await approve(id, safe), await approve(id, bob)]).toEqual(['in_review', 'authorized']);
    await waiting(id);
    await safe.swapFirst(ada, other.address);
    await token('unpause');
    await server.until(id, ['settled', 'final']);
    await safe.swapFirst(other, ada.address);
  });

  it('of a key that delegates by EIP-7702 does not block it either', async () => {
    const [agent, person] = [await agentWith([ada.address, bob.address], 1), fresh()];
    const fields = { name: `Person ${count}`, address: person.address, roles: ['finance'] };
    await server.operator.call('create_approver', fields);
    const owner = await keyAccount(server.keys, 'owner');
    const list = ownerCalls.setApprovers(agent.wallet as Address, [bob.address, person.address], 1);
    await sendInOrder(server.local.client, owner, [list]);
    const lists = async () => {
      const { wallet } = (await server.operator.call('get_agent', { id: agent.id })) as {
        wallet: { ceilings: unknown };
      };
      return JSON.stringify(wallet.ceilings).includes(person.address);
    };
    await expect.poll(lists).toBe(true);
    await token('pause');
    const id = await agent.pay('30.00');
    expect([await approve(id, person), await approve(id, bob)]).toEqual(['in_review', 'authorized']);
    await waiting(id);
    const bytecode = concatHex(['0xef0100', server.local.usdc.address]);
    await server.local.client.setCode({ address: person.address, bytecode });
    await token('unpause');
    await server.until(id, ['settled', 'final']);
  });

  it('and that is needed makes the payment wait, alone, until it is good again', async () => {
    const agent = await agentWith([safe.address, ada.address, bob.address], 2);
    await token('pause');
    const id = await agent.pay('30.00');
    expect([await approve(id, safe), await approve(id, bob)]).toEqual(['in_review', 'authorized']);
    await waiting(id);
    await safe.swapFirst(ada, other.address);
    await token('unpause');
    await expect.poll(async () => (await openAlerts('approvals_short')).length).toBe(1);
    expect((await openAlerts('approvals_short'))[0]?.body_json).toContain(safe.address);
    await server.until(await agent.pay('2.00'), ['settled', 'final']);
    expect(await stateOf(id)).toBe('authorized');
    await safe.swapFirst(other, ada.address);
    await server.until(id, ['settled', 'final']);
    await expect.poll(() => openAlerts('approvals_short')).toEqual([]);
    expect(await server.operator.call('check_ledger')).toMatchObject({ ok: true });
  });

  it('of an approver whom the owner took off the list waits too, and can be cancelled', async () => {
    const agent = await agentWith([ada.address, bob.address], 2);
    await token('pause');
    const id = await agent.pay('30.00');
    expect([await approve(id, ada), await approve(id, bob)]).toEqual(['in_review', 'authorized']);
    await waiting(id);
    const owner = await keyAccount(server.keys, 'owner');
    const list = ownerCalls.setApprovers(agent.wallet as Address, [ada.address, safe.address], 2);
    await sendInOrder(server.local.client, owner, [list]);
    await token('unpause');
    await expect.poll(async () => (await openAlerts('approvals_short')).length).toBe(1);
    expect(await server.operator.call('cancel_payment', { id })).toMatchObject({ state: 'cancelled' });
    await expect.poll(() => openAlerts('approvals_short')).toEqual([]);
  });
});

describe('an approval that is no longer good when the next one is given', () => {
  it('does not count, so the payment stays under review until there are enough', async () => {
    const agent = await agentWith([safe.address, ada.address, bob.address], 2);
    const id = await agent.pay('30.00');
    expect(await approve(id, safe)).toBe('in_review');
    await safe.swapFirst(ada, other.address);
    expect(await approve(id, bob)).toBe('in_review');
    expect(await approve(id, ada)).toBe('authorized');
    await server.until(id, ['settled', 'final']);
    await safe.swapFirst(other, ada.address);
  });
});
