import { type Hex, hashMessage, hashTypedData, type TypedDataDefinition } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devAccounts } from '../src/app/local-chain/accounts.ts';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { ownerCalls } from '../src/chain/contracts/agentWallet.ts';
import { agentWalletAbi } from '../src/chain/contracts/contracts.generated.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import type { PaymentId } from '../src/core/ids/ids.ts';
import { paymentIdOnChain } from '../src/core/ids/paymentIdOnChain.ts';
import { deploySafe, type Safe } from './support/safe.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

/** Approvers that are contracts: real Safes, asked by ERC-1271 on chain. */
const fresh = () => privateKeyToAccount(generatePrivateKey());
const [ada, grace, outsider] = [fresh(), fresh(), fresh()];
let server: TestServer;
let safe: Safe;
let approver: string;

beforeAll(async () => {
  server = await startTestServer();
  safe = await deploySafe(server.local.client, devAccounts[5], [ada, grace], 2);
  const made = await server.operator.call('create_approver', {
    name: 'Finance Safe',
    address: safe.address,
    roles: ['finance'],
  });
  approver = String(made.id);
});
afterAll(() => server?.end());

async function message(address: string, changed: Partial<Parameters<typeof createSiweMessage>[0]> = {}) {
  const asked = (await (await fetch(`${server.url}/auth/nonce`)).json()) as Record<string, string>;
  const { domain = '', uri = '', nonce = '', statement = '' } = asked;
  const fields = { address: address as Hex, domain, uri, nonce, statement, chainId: Number(asked.chain_id) };
  return createSiweMessage({ ...fields, version: '1', ...changed });
}
const signIn = (text: string, signature: Hex) =>
  fetch(`${server.url}/auth/siwe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message: text, signature }),
  });
const refused = async (answer: Response) => {
  expect(answer.headers.get('set-cookie')).toBeNull();
  expect(await answer.json()).toMatchObject({ code: 'sign_in_refused' });
};

describe('a contract wallet signs in', () => {
  it('with as many of its owners as it asks for', async () => {
    const text = await message(safe.address);
    const answer = await signIn(text, await safe.sign(hashMessage(text), ada, grace));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ approver: { id: approver, address: safe.address }, role: 'approver' });
  });

  it.each<[string, (text: string) => Promise<Hex>]>([
    ['too few of its owners', (text) => safe.sign(hashMessage(text), ada)],
    ['an outsider among its owners', (text) => safe.sign(hashMessage(text), ada, outsider)],
    ["an owner's plain signature", (text) => ada.signMessage({ message: text })],
    ['its owners over another message', (text) => safe.sign(hashMessage(`${text} `), ada, grace)],
    ['nothing signed, and nothing noted on chain', async () => '0x'],
    ['what is no signature', async () => `0x${'11'.repeat(130)}`],
  ])('is refused with %s', async (_, sign) => {
    const text = await message(safe.address);
    await refused(await signIn(text, await sign(text)));
    // The nonce is not lost by it: who can sign still gets in.
    expect((await signIn(text, await safe.sign(hashMessage(text), ada, grace))).status).toBe(200);
  });

  it('is refused when its signer was taken out between nonce and sign-in', async () => {
    const single = await deploySafe(server.local.client, devAccounts[5], [ada], 1);
    const input = { name: 'Single Safe', address: single.address, roles: ['finance'] };
    await server.operator.call('create_approver', input);
    const text = await message(single.address);
    const signature = await single.sign(hashMessage(text), ada);
    await single.swapFirst(ada, grace.address);
    await refused(await signIn(text, signature));
    expect((await signIn(text, await single.sign(hashMessage(text), grace))).status).toBe(200);
  });

  it('is refused for another chain, where the same address may be anybody', async () => {
    for (const chainId of [1, 8453]) {
      const text = await message(safe.address, { chainId });
      await refused(await signIn(text, await safe.sign(hashMessage(text), ada, grace)));
    }
  });

  it('is asked itself where its address has code: the key to the same address on another chain is worth nothing here', async () => {
    const person = fresh();
    await server.operator.call('create_approver', { name: 'Person', address: person.address, roles: ['finance'] });
    const before = await message(person.address);
    expect((await signIn(before, await person.signMessage({ message: before }))).status).toBe(200);
    const bytecode = await server.local.client.getCode({ address: safe.address });
    await server.local.client.setCode({ address: person.address, bytecode: bytecode ?? '0x' });
    const after = await message(person.address);
    await refused(await signIn(after, await person.signMessage({ message: after })));
  });

  it('is refused where no contract stands yet, anyone who signs for it', async () => {
    const planned = privateKeyToAddress(generatePrivateKey());
    await server.operator.call('create_approver', { name: 'Planned Safe', address: planned, roles: ['finance'] });
    const text = await message(planned);
    await refused(await signIn(text, await safe.sign(hashMessage(text), ada, grace)));
  });
});

describe('a contract wallet approves', () => {
  it('a payment above the ceiling, and the agent wallet asks it again on chain', async () => {
    const { operator, local, keys } = server;
    const agent = await server.agent('payer', '40');
    const payee = await operator.call('create_payee', {
      name: 'Grace',
      kind: 'contractor',
      categories: ['contractor'],
      address: privateKeyToAddress(generatePrivateKey()),
      verified: true,
    });
    const pay = (value: string, key: string) =>
      operator.call(
        'pay',
        { agent: agent.id, payee: payee.id, amount: { value, currency: 'USDC' } },
        { idempotencyKey: key },
      );
    const first = await pay('1.00', 'contract-approver-first');
    await server.until(String(first.id), ['settled', 'final']);
    const wallet = agent.wallet as Hex;
    const owner = await keyAccount(keys, 'owner');
    const limit = 2_000_000n as Parameters<typeof ownerCalls.setCeilings>[1];
    await sendInOrder(local.client, owner, [
      ownerCalls.setApprovers(wallet, [safe.address], 1),
      ownerCalls.setCeilings(wallet, limit, limit),
    ]);
    const known = async () => {
      const { wallet: now } = (await operator.call('get_agent', { id: agent.id })) as {
        wallet: { ceilings: { approvers: string[]; per_payment: { value: string } } };
      };
      return [now.ceilings.per_payment.value, ...now.ceilings.approvers];
    };
    await expect.poll(known, { timeout: 10_000 }).toEqual(['2.00', safe.address]);
    const { id } = await pay('3.00', 'contract-approver-above');
    const review = (await operator.call('get_review', { id })) as { approve: TypedDataDefinition };
    const digest = hashTypedData(review.approve);
    const answer = async (...signers: PrivateKeyAccount[]) =>
      operator.call('answer_review', {
        id,
        verdict: 'approve',
        approver: safe.address,
        signature: await safe.sign(digest, ...signers),
      });
    await expect(answer(ada)).rejects.toMatchObject({ code: 'approval_invalid' });
    await expect(answer(ada, outsider)).rejects.toMatchObject({ code: 'approval_invalid' });
    await answer(ada, grace);
    const { state } = await server.until(String(id), ['settled', 'final', 'failed']);
    expect(['settled', 'final']).toContain(state);
    const used = { address: wallet, abi: agentWalletAbi, functionName: 'isPaidByApproval' } as const;
    const args = [paymentIdOnChain(id as PaymentId)] as const;
    expect(await local.client.readContract({ ...used, args })).toBe(true);
  });
});
