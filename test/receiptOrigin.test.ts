import { type Address, encodeDeployData, encodeFunctionData, getContractAddress, type Hex, parseAbi } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAnvil } from '../src/app/local-chain/anvil.ts';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import {
  agentWalletFactoryAbi,
  policyRegistryAbi,
  policyRegistryBytecode,
} from '../src/chain/contracts/contracts.generated.ts';
import { activatePolicyCall } from '../src/chain/contracts/policyRegistry.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import type { Trusted } from '../src/chain/receipt/organisation.ts';
import type { Receipt } from '../src/chain/receipt/receipt.ts';
import { verifyReceipt } from '../src/chain/receipt/verify.ts';
import { type Forger, forgedReceipt, forger, ownFactory, walletOf } from './support/forger.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let payer: Awaited<ReturnType<TestServer['agent']>>;
let genuine: Receipt;
let organisation: Address;
let attacker: Forger;

async function pay(key: string): Promise<Receipt> {
  const amount = { value: '2', currency: 'USDC' };
  const paid = await payer.client.call('pay', { payee: 'Host', amount }, { idempotencyKey: key });
  await server.until(String(paid.id), ['settled', 'final']);
  return (await server.operator.call('get_receipt', { id: paid.id })) as Receipt;
}

beforeAll(async () => {
  server = await startTestServer();
  payer = await server.agent('payer', '20');
  await server.operator.call('create_payee', {
    name: 'Host',
    kind: 'merchant',
    categories: ['data'],
    address: privateKeyToAccount(generatePrivateKey()).address,
    verified: true,
  });
  genuine = await pay('origin-genuine');
  organisation = await server.keys.address('owner');
  attacker = await forger(server);
}, 120_000);
afterAll(() => server.end());

const failed = async (receipt: Receipt, trusted: Trusted = {}, rpc = server.rpcUrl): Promise<string[]> =>
  (await verifyReceipt(receipt, rpc, trusted)).findings.filter(({ ok }) => !ok).map(({ check }) => check);
const registry = (): Address => server.local.registry;

describe('a receipt, by what the auditor knows of the organisation', () => {
  it('is verified by its owner, by its factory, and with neither under a plain assumption', async () => {
    expect(await failed(genuine, { organisation })).toEqual([]);
    expect(await failed(genuine, { factory: server.local.factory })).toEqual([]);
    const { ok, assumed } = await verifyReceipt(genuine, server.rpcUrl);
    expect(ok).toBe(true);
    expect(assumed.join('\n')).toContain(`${organisation} is the owner of the organisation that you mean`);
    const known = await verifyReceipt(genuine, server.rpcUrl, { organisation });
    expect(known.assumed.join('\n')).not.toContain('that you mean');
  });

  it('of another organisation is refused by name', async () => {
    const other = attacker.account.address;
    expect(await failed(genuine, { organisation: other })).toEqual(['organisation']);
    expect(await failed(genuine, { factory: other })).toEqual(['organisation']);
  });

  it('is refused by a node of another chain', async () => {
    const anvil = await startAnvil({ chainId: 31_338 });
    try {
      expect(await failed(genuine, { organisation }, anvil.url)).toEqual(['chain']);
    } finally {
      await anvil.stop();
    }
  });
});

describe('a forged receipt of somebody without any key', () => {
  it('cannot come from a wallet of the organisation’s factory: it makes none without consent', async () => {
    const { abi, address, functionName } = {
      abi: agentWalletFactoryAbi,
      address: server.local.factory,
      functionName: 'createWallet',
    } as const;
    const call = { abi, address, functionName, args: [attacker.config], account: attacker.account } as const;
    await expect(server.local.client.simulateContract(call)).rejects.toThrow(/NoConsent/);
    await expect(walletOf(server, attacker, server.local.factory)).rejects.toThrow();
  });

  it('from a wallet of a factory of its own is refused, whichever factory it names', async () => {
    const other = await forger(server);
    const factory = await ownFactory(server, other, registry());
    const its = await walletOf(server, other, factory);
    const receipt = await forgedReceipt(server, other, genuine, { ...its, factory });
    // It obeys the organisation's registry, so that the policy digest is an active one there.
    expect(await failed(receipt)).toEqual(['registry']);
    expect(await failed(receipt, { organisation })).toEqual(['registry', 'organisation']);
    const claimed = { ...receipt, chain: { ...receipt.chain, factory: server.local.factory } };
    expect(await failed(claimed)).toEqual(['wallet origin']);
    const nowhere = { ...receipt, chain: { ...receipt.chain, factory: other.account.address } };
    expect(await failed(nowhere)).toEqual(['factory']);
    const usdcAsFactory = { ...receipt, chain: { ...receipt.chain, factory: server.local.usdc.address } };
    expect(await failed(usdcAsFactory)).toEqual(['factory']);
  });

  it('with a registry of its own too is an organisation of its own, and named as that', async () => {
    const { account } = attacker;
    const { client } = server.local;
    const nonce = BigInt(await client.getTransactionCount({ address: account.address }));
    const own = getContractAddress({ from: account.address, nonce });
    const digest: Hex = `0x${genuine.policy_digest.slice('sha256:'.length)}`;
    const args = [account.address, 3600] as const;
    await sendInOrder(client, account, [
      { data: encodeDeployData({ abi: policyRegistryAbi, bytecode: policyRegistryBytecode, args }) },
      activatePolicyCall(own, digest),
    ]);
    const factory = await ownFactory(server, attacker, own);
    const its = await walletOf(server, attacker, factory);
    const receipt = await forgedReceipt(server, attacker, genuine, { ...its, factory });
    expect(await failed(receipt, { organisation })).toEqual(['organisation']);
    expect(await failed(receipt, { factory: server.local.factory })).toEqual(['organisation']);
    const { ok, assumed } = await verifyReceipt(receipt, server.rpcUrl);
    expect(ok).toBe(true);
    expect(assumed.join('\n')).toContain(`${account.address} is the owner of the organisation that you mean`);
  });

  it('that names another wallet than the input does is refused', async () => {
    const its = { wallet: attacker.account.address, purse: attacker.account.address };
    const receipt = { ...genuine, chain: { ...genuine.chain, ...its } };
    expect(await failed(receipt, { organisation })).toContain('decision 1: subject');
  });
});

describe('a registry whose owner changed', () => {
  it('still proves what was paid before; after it, only under the owner that the auditor names', async () => {
    const { client } = server.local;
    const owner = await keyAccount(server.keys, 'owner');
    const next = privateKeyToAccount(generatePrivateKey());
    await server.local.fundGas([next.address, owner.address]);
    const abi = parseAbi(['function transferOwnership(address next)', 'function acceptOwnership()']);
    const transfer = encodeFunctionData({ abi, functionName: 'transferOwnership', args: [next.address] });
    await sendInOrder(client, owner, [{ to: registry(), data: transfer }]);
    await sendInOrder(client, next, [
      { to: registry(), data: encodeFunctionData({ abi, functionName: 'acceptOwnership' }) },
    ]);
    const before = await verifyReceipt(genuine, server.rpcUrl, { organisation });
    expect(before.ok).toBe(true);
    expect(before.findings.find(({ check }) => check === 'registry')?.detail).toContain(
      `its owner is ${next.address} now`,
    );
    const after = await pay('origin-after');
    expect(await failed(after, { organisation })).toEqual(['registry']);
    expect(await failed(after, { organisation, registryOwner: next.address })).toEqual([]);
    expect(await failed(genuine, { organisation, registryOwner: next.address })).toEqual(['registry']);
  });
});
