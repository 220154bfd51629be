import { parseAbi } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import { sendInOrder } from '../../app/local-chain/client.ts';
import { type LocalChain, startLocalChain } from '../../app/local-chain/localChain.ts';
import { checkFigures } from '../../books/ledger/check.ts';
import { newId } from '../../core/ids/ids.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { type Call, createWalletCall, ownerCalls, payBatchCall, payCall } from '../contracts/agentWallet.ts';
import { approvedTransferFromReservation } from '../contracts/approvedTransfer.ts';
import { activatePolicyCall, retirePolicyCall } from '../contracts/policyRegistry.ts';
import { cancelAuthorizationCall, signPurseAuthorization, sweepCall } from '../contracts/purse.ts';
import { readTokenDomain } from '../contracts/tokenDomain.ts';
import { predictAddresses, walletConfig } from '../contracts/walletConfig.ts';
import { memoryKeys } from '../keys/keys.ts';
import { type Chain, openChain } from '../node/chain.ts';
import { createFollower, type Follower } from './follower.ts';
import {
  accountsOf,
  addAgent,
  addPayment,
  agentStatus,
  alertsOf,
  CHAIN_ID,
  nonceOf,
  openBooks,
  POLICY,
  paymentOf,
  stateOf,
  type TestAgent,
  type TestPayment,
} from './testing/books.ts';
import { viemSource } from './viemSource.ts';

/** Real USDC, real wallets and purses, a real node: what the model chain only claims about their logs. */
const usdcAbi = parseAbi([
  'function transfer(address to, uint256 amount) returns (bool)',
  'function transferFrom(address from, address to, uint256 amount) returns (bool)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
]);
const [, , owner, guardian, treasury, seller, outsider] = devAccounts;
const DEPTH = 2;
const executorKey = generatePrivateKey();
const executor = privateKeyToAccount(executorKey);
const keys = memoryKeys(new Map([['executor', executorKey]]));
let local: LocalChain;
let chain: Chain;
let store: Store;
let follower: Follower;
let agent: TestAgent;

beforeAll(async () => {
  local = await startLocalChain({ owner, policyDigest: POLICY });
  chain = openChain({ chainId: CHAIN_ID, rpcUrl: local.anvil.url, token: local.usdc.address });
  await local.fundGas([executor.address]);
  await local.mint(treasury.address, microUsdc(2_000_000_000n));
});
afterAll(() => local.stop());

beforeEach(async () => {
  store = await openBooks(':memory:', treasury.address);
  agent = await deploy('payer');
  newFollower();
  await fund(agent, 100_000_000n);
  await follow();
});
afterEach(async () => {
  const { findings } = await checkFigures(store, { chainId: CHAIN_ID, source: viemSource(chain) });
  expect(findings).toEqual([]);
  await store.close();
});

function newFollower(): void {
  const finality = { kind: 'depth', blocks: DEPTH } as const;
  follower = createFollower({
    store: asLeader(store),
    chain: viemSource(chain, local.registry),
    clock: () => 0,
    chainId: CHAIN_ID,
    finality,
    startBlock: 0n,
  });
}
async function follow(): Promise<void> {
  expect(await follower.tick()).toMatchObject({ status: 'synced', error: null });
}
async function deploy(name: string): Promise<TestAgent> {
  const roles = { owner: owner.address, guardian: guardian.address, executor: executor.address };
  const config = walletConfig({ agentId: newId('agent'), ...roles });
  const places = predictAddresses(local.factory, config);
  await sendInOrder(local.client, owner, [createWalletCall(local.factory, config)]);
  return addAgent(store, name, places);
}
const sendToken = (account: typeof outsider, functionName: 'transfer' | 'transferFrom', args: readonly unknown[]) =>
  local.client.writeContract({ account, address: local.usdc.address, abi: usdcAbi, functionName, args } as never);
async function fund({ wallet }: TestAgent, amount: bigint): Promise<void> {
  await mined(await sendToken(treasury, 'transfer', [wallet, amount]));
}
async function mined(hash: `0x${string}`): Promise<void> {
  await local.client.waitForTransactionReceipt({ hash });
}
const by = (account: Parameters<typeof sendInOrder>[1], ...calls: Call[]) => sendInOrder(local.client, account, calls);
const add = (input: Partial<TestPayment> = {}): Promise<Payment> =>
  store.write((tx) => addPayment(tx, { agent, to: seller.address, amount: 10_000_000n, ...input }));
const approved = (payment: Payment) => approvedTransferFromReservation(payment, agent);

/** Signs the purchase with the purse and has an outsider settle it on USDC, as a facilitator does. */
async function settleByAuthorization(payment: Payment): Promise<void> {
  const nowS = Number((await local.client.getBlock()).timestamp);
  const terms = {
    keys,
    role: 'executor',
    chain,
    domain: await readTokenDomain(chain),
    nowS,
    validBeforeS: nowS + 600,
    epoch: 0,
  };
  const { authorization, signature } = await signPurseAuthorization(approved(payment), terms);
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const args = [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, signature] as const;
  const call = { address: local.usdc.address, abi: usdcAbi, functionName: 'transferWithAuthorization', args } as const;
  await mined(await local.client.writeContract({ account: outsider, ...call }));
}
async function topUp(amount: bigint, fundsPayment?: Payment): Promise<Payment> {
  const payment = await add({
    kind: 'top_up',
    to: agent.purse,
    amount,
    ...(fundsPayment ? { fundsPayment: fundsPayment.id } : {}),
  });
  await by(executor, payCall(approved(payment)));
  return payment;
}

describe('on a real node', () => {
  it('a deposit from the treasury is there, and a gift from an outsider waits in suspense', async () => {
    await local.mint(outsider.address, microUsdc(5n));
    await mined(await sendToken(outsider, 'transfer', [agent.wallet, 5n]));
    await follow();
    expect(await accountsOf(store, agent)).toEqual({ available: 100_000_000n, suspense: 5n });
  });

  it('a batch of equal payments settles, each by its own log, and becomes final two blocks later', async () => {
    const payments = await Promise.all(Array.from({ length: 20 }, () => add({ amount: 1_000_000n })));
    await by(executor, payBatchCall(payments.map(approved)));
    await follow();
    const logs = await mapInOrder(payments, async ({ id }) => (await paymentOf(store, id)).settlement?.logIndex);
    expect(new Set(logs).size).toBe(20);
    expect(logs).not.toContain(undefined);
    await local.client.mine({ blocks: DEPTH });
    await follow();
    expect(await mapInOrder(payments, (payment) => stateOf(store, payment))).toEqual(Array(20).fill('final'));
  });

  it('a top-up, the purchase that waited for it and its sale to an agent of ours settle', async () => {
    const vendor = await deploy('vendor');
    const purchase = await add({
      rail: 'x402',
      kind: 'purchase',
      to: vendor.wallet,
      amount: 3_000_000n,
      held: 0n,
      state: 'authorized',
    });
    await topUp(4_000_000n, purchase);
    await follow();
    const held = { available: 96_000_000n, purse: 1_000_000n, purse_reserved: 3_000_000n };
    expect(await accountsOf(store, agent)).toEqual(held);
    await settleByAuthorization(await paymentOf(store, purchase.id));
    await follow();
    expect(await stateOf(store, purchase)).toBe('settled');
    expect(await accountsOf(store, vendor)).toEqual({ available: 3_000_000n });
    await by(executor, sweepCall(agent.purse, 1_000_000n));
    await follow();
    expect(await accountsOf(store, agent)).toEqual({ available: 97_000_000n });
    expect(await alertsOf(store)).toEqual([]);
  });

  it('a cancelled authorization gives its hold back once that is final', async () => {
    await topUp(4_000_000n);
    await follow();
    const purchase = await add({ rail: 'x402', kind: 'purchase', amount: 4_000_000n });
    await by(guardian, cancelAuthorizationCall(agent.purse, nonceOf(purchase.id)));
    await follow();
    expect(await stateOf(store, purchase)).toBe('submitted');
    await local.client.mine({ blocks: DEPTH });
    await follow();
    expect(await stateOf(store, purchase)).toBe('cancelled');
    expect(await accountsOf(store, agent)).toMatchObject({ purse: 4_000_000n });
  });

  it('an authorization that nobody used lapses when a final block is past its end', async () => {
    await topUp(4_000_000n);
    await follow();
    const validBefore = Number((await local.client.getBlock()).timestamp) + 30;
    const purchase = await add({ rail: 'x402', kind: 'purchase', amount: 4_000_000n, validBefore });
    await local.client.mine({ blocks: 5 });
    await follow();
    expect(await stateOf(store, purchase)).toBe('submitted');
    await local.client.increaseTime({ seconds: 60 });
    await local.client.mine({ blocks: 1 + DEPTH });
    await follow();
    expect(await stateOf(store, purchase)).toBe('expired');
  });

  it('a stolen executor key that pays without a decision is found out and the agent frozen', async () => {
    const payment = await add();
    const stolen = { ...approved(payment), chainKey: `0x${'5a'.repeat(32)}` } as const;
    await by(executor, payCall(stolen));
    await follow();
    expect(await alertsOf(store)).toMatchObject([{ type: 'unexplained_outflow', body: { reason: 'unknown_payment' } }]);
    expect((await agentStatus(store, agent)).status).toBe('frozen');
    expect(await stateOf(store, payment)).toBe('submitted');
  });

  it('what the owner changes in a wallet becomes events of its agent; what it tells of its own making does not', async () => {
    const listed = outsider.address;
    await by(
      owner,
      ownerCalls.setCeilings(agent.wallet, microUsdc(7_000_000n), microUsdc(9_000_000_000n)),
      ownerCalls.setAllowed(agent.wallet, [listed], true),
    );
    await by(guardian, ownerCalls.cancelRaise(agent.wallet));
    await follow();
    const told = await store.read((tx) =>
      tx.all(query((db) => db.selectFrom('events').select('body').where('type', '=', 'wallet.changed').orderBy('seq'))),
    );
    const shown = told.map(({ body }) => JSON.parse(body) as { actor: string; agent: string; data: unknown });
    expect(shown.map(({ data }) => data)).toMatchObject([
      { change: 'raise_scheduled', values: { per_payment: '7.00', per_period: '9000.00' } },
      { change: 'ceilings_changed', values: { per_payment: '7.00' } },
      { change: 'allowed_changed', values: { payee: listed, allowed: true } },
      { change: 'raise_cancelled', wallet: agent.wallet },
    ]);
    expect(shown.at(-1)).toMatchObject({ actor: guardian.address, agent: agent.id });
    const seen = query((db) => db.selectFrom('allow_list_seen').select('address'));
    expect(await store.read((tx) => tx.all(seen))).toEqual([{ address: listed }]);
  });

  it('what the owner does in the policy registry becomes an event, each once', async () => {
    const next = `0x${'77'.repeat(32)}` as const;
    await by(owner, activatePolicyCall(local.registry, next), retirePolicyCall(local.registry, POLICY));
    await follow();
    await local.client.mine({ blocks: DEPTH });
    await follow();
    const told = await store.read((tx) =>
      tx.all(
        query((db) => db.selectFrom('events').select('body').where('type', '=', 'registry.changed').orderBy('seq')),
      ),
    );
    const previous = `sha256:${POLICY.slice(2)}`;
    const ends = told.map(({ body }) => (JSON.parse(body) as { data: unknown }).data).slice(-2);
    expect(ends).toMatchObject([
      { change: 'policy_activated', values: { digest: `sha256:${'77'.repeat(32)}`, previous } },
      { change: 'policy_retired', values: { digest: previous } },
    ]);
    await by(owner, activatePolicyCall(local.registry, POLICY));
  });

  it('an owner’s withdrawal and a guardian’s freeze are told apart from theft', async () => {
    await by(owner, ownerCalls.withdraw(agent.wallet, local.usdc.address, outsider.address, 30_000_000n));
    await by(guardian, ownerCalls.freeze(agent.wallet));
    await follow();
    expect(await accountsOf(store, agent)).toEqual({ available: 70_000_000n });
    expect((await alertsOf(store)).map(({ type }) => type)).toEqual(['owner_withdrawal']);
    expect((await agentStatus(store, agent)).status).toBe('active');
  });

  it('USDC lets anybody emit a transfer of nothing from the wallet, and nobody is frozen by it', async () => {
    await mined(await sendToken(outsider, 'transferFrom', [agent.wallet, outsider.address, 0n]));
    await follow();
    expect(await alertsOf(store)).toEqual([]);
    expect((await agentStatus(store, agent)).status).toBe('active');
  });

  it('a reorg takes a payment back to its hold, and it settles again when it is mined again', async () => {
    await local.client.mine({ blocks: DEPTH });
    await follow();
    const payment = await add();
    await by(executor, payCall(approved(payment)));
    await follow();
    const first = (await paymentOf(store, payment.id)).settlement;
    await local.client.request({ method: 'anvil_reorg' as never, params: [1, []] as never });
    await follow();
    expect(await paymentOf(store, payment.id)).toMatchObject({ state: 'submitted', heldMicro: 10_000_000n });
    expect(await accountsOf(store, agent)).toEqual({ available: 90_000_000n, reserved: 10_000_000n });
    await by(executor, payCall(approved(payment)));
    newFollower();
    await follow();
    expect(await stateOf(store, payment)).toBe('settled');
    expect((await paymentOf(store, payment.id)).settlement?.blockHash).not.toBe(first?.blockHash);
  });
});
