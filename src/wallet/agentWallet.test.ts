import { type Address, getAbiItem, type Hex, parseEventLogs } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { devAccounts } from '../devnet/accounts.ts';
import { sendInOrder } from '../devnet/client.ts';
import { EXAMPLE_POLICY_DIGEST, examplePayment } from '../devnet/examplePayment.ts';
import { type LocalChain, startLocalChain } from '../devnet/localChain.ts';
import { newId } from '../ids/ids.ts';
import { microUsdc } from '../money/microUsdc.ts';
import type { Payment } from '../payments/payment.ts';
import { openStore } from '../store/store.ts';
import {
  type Call,
  createWalletCall,
  ownerCalls,
  payApprovedCall,
  payBatchCall,
  payCall,
  sortApprovals,
} from './agentWallet.ts';
import { approvalTypedData } from './approval.ts';
import { approvedTransferFromReservation, policyDigestOnChain } from './approvedTransfer.ts';
import { type Chain, openChain } from './chain.ts';
import { agentWalletAbi, agentWalletFactoryAbi } from './contracts.generated.ts';
import { memoryKeys } from './keys.ts';
import { refusalIn } from './nodeAnswers.ts';
import { outcomeOf } from './outcomes.ts';
import { createRelayer } from './relayer.ts';
import { explainRevert } from './reverts.ts';
import { enqueueTransaction } from './transactions.ts';
import {
  predictAddresses,
  type WalletAddresses,
  type WalletConfig,
  walletConfig,
  walletConfigFromJson,
  walletConfigToJson,
} from './walletConfig.ts';
import { isNonceUsed, readWalletState } from './walletState.ts';

const [, , owner, guardian, approverA, approverB, payee, stranger] = devAccounts;
const executorKey = generatePrivateKey();
const executor = privateKeyToAccount(executorKey);
const digest = policyDigestOnChain(EXAMPLE_POLICY_DIGEST);
let local: LocalChain;
let chain: Chain;
let config: WalletConfig;
let at: WalletAddresses;

beforeAll(async () => {
  local = await startLocalChain({ owner, policyDigest: digest });
  chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: local.usdc.address });
  await local.fundGas([executor.address]);
});
afterAll(() => local.stop());

/** A new wallet with 100 USDC for each test. */
beforeEach(async () => {
  config = walletConfig({
    agentId: newId('agent'),
    owner: owner.address,
    guardian: guardian.address,
    executor: executor.address,
    approvers: [approverA.address, approverB.address],
    threshold: 2,
    perPayment: microUsdc(10_000_000n),
    perPeriod: microUsdc(50_000_000n),
  });
  at = predictAddresses(local.factory, config);
});
async function deployed(): Promise<void> {
  await sendInOrder(local.client, stranger, [createWalletCall(local.factory, config)]);
  await local.mint(at.wallet, microUsdc(100_000_000n));
}
const send = (account: Parameters<typeof sendInOrder>[1], call: Call) => sendInOrder(local.client, account, [call]);
const transfer = (changes: Partial<Payment> = {}) =>
  approvedTransferFromReservation(examplePayment({ address: payee.address, ...changes }), at);

/** Why the contract refuses the call, by name and figures. */
async function refusal(from: Address, call: Call) {
  const error = await local.client.call({ account: from, ...call }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return explainRevert(refusalIn(error)?.data ?? null);
}

describe('the address', () => {
  it('computed offline is the one the factory gives, before and after it is made', async () => {
    const read = {
      address: local.factory,
      abi: agentWalletFactoryAbi,
      functionName: 'addressOf',
      args: [config],
    } as const;
    expect(await local.client.readContract(read)).toEqual([at.wallet, at.purse]);
    expect(await readWalletState(chain, at.wallet)).toBeNull();
    await deployed();
    expect(await local.client.readContract(read)).toEqual([at.wallet, at.purse]);
    expect(await readWalletState(chain, at.wallet)).toMatchObject({ purse: at.purse, executor: executor.address });
  });

  it('depends on every field, so nobody can take it with another config', () => {
    const others: WalletConfig[] = [
      { ...config, owner: stranger.address },
      { ...config, guardian: stranger.address },
      { ...config, executor: stranger.address },
      { ...config, approvers: [approverA.address] },
      { ...config, threshold: 1 },
      { ...config, perPayment: microUsdc(1n) },
      { ...config, perPeriod: microUsdc(1n) },
      { ...config, periodSeconds: 1 },
      { ...config, validUntil: 1 },
      { ...config, raiseDelay: 1 },
      { ...config, allowListOn: true },
      { ...config, allowList: [payee.address] },
      { ...config, salt: `0x${'00'.repeat(32)}` },
    ];
    const wallets = new Set(others.map((other) => predictAddresses(local.factory, other).wallet));
    expect(wallets.size).toBe(Object.keys(config).length);
    expect(wallets).not.toContain(at.wallet);
  });

  it('is the same after the config went through the database', () => {
    const stored = walletConfigFromJson(walletConfigToJson(config));
    expect(stored).toEqual(config);
    expect(predictAddresses(local.factory, stored)).toEqual(at);
  });

  it.each([
    ['an unknown field', { extra: 1 }],
    ['a negative amount', { perPayment: '-1' }],
    ['no address', { owner: '0x12' }],
  ])('a stored config with %s is refused', (_, change) => {
    const text = JSON.stringify({ ...JSON.parse(walletConfigToJson(config)), ...change });
    expect(() => walletConfigFromJson(text)).toThrow();
  });
});

describe('paying', () => {
  beforeEach(deployed);

  it('moves the money, uses the nonce, counts in the period, and the event carries digest and decision', async () => {
    const approved = transfer({ walletNonce: 7n });
    const [hash] = await send(executor, payCall(approved));
    const { logs } = await local.client.getTransactionReceipt({ hash: hash as Hex });
    expect(parseEventLogs({ abi: agentWalletAbi, logs, eventName: 'PaymentExecuted' })).toMatchObject([
      {
        address: at.wallet.toLowerCase(),
        args: {
          paymentId: approved.chainKey,
          payee: payee.address,
          policyDigest: digest,
          token: local.usdc.address,
          amount: 1_000_000n,
          decisionHash: approved.decisionHash,
        },
      },
    ]);
    expect(await isNonceUsed(chain, at.wallet, 7n)).toBe(true);
    expect(await isNonceUsed(chain, at.wallet, 8n)).toBe(false);
    expect(await readWalletState(chain, at.wallet)).toMatchObject({
      balance: 99_000_000n,
      spentInPeriod: 1_000_000n,
      remainingInPeriod: 49_000_000n,
      frozen: false,
      approvers: [approverA.address, approverB.address],
      pendingRaise: null,
    });
  });

  it('a second time under the same nonce is refused', async () => {
    await send(executor, payCall(transfer()));
    expect(await refusal(executor.address, payCall(transfer()))).toEqual({ error: 'NonceUsed', args: { nonce: '0' } });
  });

  it('twenty in a batch settle in one transaction', async () => {
    const transfers = Array.from({ length: 20 }, (_, index) =>
      transfer({ walletNonce: BigInt(index), amount: microUsdc(100_000n) }),
    );
    const [hash] = await send(executor, payBatchCall(transfers));
    const { logs } = await local.client.getTransactionReceipt({ hash: hash as Hex });
    const executed = parseEventLogs({ abi: agentWalletAbi, logs, eventName: 'PaymentExecuted' });
    expect(executed.map(({ args }) => args.paymentId)).toEqual(transfers.map(({ chainKey }) => chainKey));
  });

  it('a batch of two policies, of two wallets, or with one that needs approvals is not made', () => {
    const other = { wallet: stranger.address, purse: payee.address };
    const foreign = approvedTransferFromReservation(examplePayment({ address: payee.address }), other);
    expect(() => payBatchCall([transfer(), foreign])).toThrow(/one wallet/);
    expect(() => payBatchCall([transfer(), transfer({ policyDigest: `sha256:${'00'.repeat(32)}` })])).toThrow(
      /one policy/,
    );
    expect(() => payBatchCall([transfer({ requiresChainApproval: true })])).toThrow();
    expect(() => payBatchCall([])).toThrow();
    expect(() => payCall(transfer({ requiresChainApproval: true }))).toThrow(/approvals/);
  });

  it('above a ceiling is refused with both figures; with two approvals it is paid', async () => {
    const amount = microUsdc(60_000_000n);
    const big = transfer({ amount });
    expect(await refusal(executor.address, payCall(big))).toEqual({
      error: 'PerPaymentCeilingExceeded',
      args: { amount: '60000000', ceiling: '10000000' },
    });
    const expiresAtS = Number((await local.client.getBlock()).timestamp) + 600;
    const typedData = approvalTypedData('approve', {
      chainId: 31_337,
      wallet: at.wallet,
      token: local.usdc.address,
      chainKey: big.chainKey,
      payee: payee.address,
      amount,
      decisionHash: big.decisionHash,
      expiresAtS,
    });
    const approvals = await Promise.all(
      [approverA, approverB].map(async (approver) => ({
        approver: approver.address,
        signature: await approver.signTypedData(typedData),
      })),
    );
    const call = payApprovedCall(big, expiresAtS, [...approvals].reverse());
    expect(await refusal(executor.address, payApprovedCall(big, expiresAtS, approvals.slice(0, 1)))).toMatchObject({
      error: 'NotEnoughApprovals',
    });
    await send(executor, call);
    expect((await readWalletState(chain, at.wallet))?.balance).toBe(40_000_000n);
  });

  it.each([
    ['a stranger', () => stranger.address],
    ['the owner', () => owner.address],
  ])('by %s is refused', async (_, who) => {
    expect(await refusal(who(), payCall(transfer()))).toMatchObject({ error: 'NotExecutor' });
  });

  it('under a policy that the registry does not have is refused', async () => {
    const call = payCall(transfer({ policyDigest: `sha256:${'11'.repeat(32)}` }));
    expect(await refusal(executor.address, call)).toMatchObject({ error: 'PolicyNotActive' });
  });

  it("more than the wallet has is refused in the token's own words", async () => {
    await send(owner, ownerCalls.withdraw(at.wallet, local.usdc.address, payee.address, 100_000_000n));
    expect(await refusal(executor.address, payCall(transfer()))).toEqual({
      error: 'ERC20: transfer amount exceeds balance',
      args: {},
    });
  });
});

describe('the owner and the guardian', () => {
  beforeEach(deployed);

  it('the guardian freezes, only the owner unfreezes', async () => {
    await send(guardian, ownerCalls.freeze(at.wallet));
    expect(await refusal(executor.address, payCall(transfer()))).toEqual({ error: 'WalletFrozen', args: {} });
    expect(await refusal(guardian.address, ownerCalls.unfreeze(at.wallet))).toMatchObject({
      error: 'OwnableUnauthorizedAccount',
    });
    await send(owner, ownerCalls.unfreeze(at.wallet));
    await send(executor, payCall(transfer()));
  });

  it('a cut of a ceiling bites at once, a raise waits and can be cancelled by the guardian', async () => {
    await send(owner, ownerCalls.setCeilings(at.wallet, microUsdc(500_000n), microUsdc(90_000_000n)));
    const state = await readWalletState(chain, at.wallet);
    expect(state).toMatchObject({ perPayment: 500_000n, perPeriod: 50_000_000n });
    expect(state?.pendingRaise).toMatchObject({ perPeriod: 90_000_000n });
    await send(guardian, ownerCalls.cancelRaise(at.wallet));
    expect((await readWalletState(chain, at.wallet))?.pendingRaise).toBeNull();
  });

  it('sets list, approvers, executor, guardian, validity and the next owner', async () => {
    await sendInOrder(local.client, owner, [
      ownerCalls.setAllowListOn(at.wallet, true),
      ownerCalls.setAllowed(at.wallet, [payee.address], true),
      ownerCalls.setApprovers(at.wallet, [approverA.address], 1),
      ownerCalls.setExecutor(at.wallet, stranger.address),
      ownerCalls.setGuardian(at.wallet, approverB.address),
      ownerCalls.setValidUntil(at.wallet, 1_999_999_999),
      ownerCalls.transferOwnership(at.wallet, payee.address),
    ]);
    await send(payee, ownerCalls.acceptOwnership(at.wallet));
    expect(await readWalletState(chain, at.wallet)).toMatchObject({
      allowListOn: true,
      approvers: [approverA.address],
      threshold: 1,
      executor: stranger.address,
      guardian: approverB.address,
      validUntilS: 1_999_999_999,
      owner: payee.address,
    });
    expect(await refusal(stranger.address, payCall(transfer({ address: executor.address })))).toMatchObject({
      error: 'PayeeNotAllowed',
    });
  });
});

describe('through the relayer', () => {
  it('a wallet is made at its first payment: the payment waits for it, on another lane', async () => {
    const store = openStore(':memory:');
    const relayerKey = generatePrivateKey();
    const keys = memoryKeys(
      new Map([
        ['executor', executorKey],
        ['relayer', relayerKey],
      ]),
    );
    const relayer = createRelayer({
      store,
      chain,
      keys,
      lanes: ['executor', 'relayer'],
      clock: () => 1_800_000_000_000,
      finality: { kind: 'tag' },
    });
    const sender = await relayer.sender('relayer');
    await local.fundGas([sender]);
    await local.mint(at.wallet, microUsdc(100_000_000n));
    const [deploy, pay] = await store.write((tx) => {
      const common = { chainId: 31_337, paymentIds: [], atMs: 0 };
      const first = enqueueTransaction(tx, {
        ...common,
        ...createWalletCall(local.factory, config),
        sender,
        purpose: 'deploy',
      });
      const call = payCall(transfer());
      const second = enqueueTransaction(tx, {
        ...common,
        ...call,
        sender: executor.address,
        purpose: 'pay',
        dependsOn: first.id,
      });
      return [first.id, second.id] as const;
    });
    for (let round = 0; round < 4; round += 1) await relayer.tick();
    const outcome = (id: bigint) => store.read((tx) => outcomeOf(tx, id));
    expect(outcome(deploy)).toMatchObject({ succeeded: true });
    expect(outcome(pay)).toMatchObject({ kind: 'mined', succeeded: true });
    expect(await isNonceUsed(chain, at.wallet, 0n)).toBe(true);
    await local.client.mine({ blocks: 3 });
    await relayer.tick();
    expect(outcome(pay)).toMatchObject({ kind: 'final' });
    await store.close();
  });

  it('a refused payment tells why, in the words of the contract', async () => {
    await deployed();
    const store = openStore(':memory:');
    const keys = memoryKeys(new Map([['executor', executorKey]]));
    const finality = { kind: 'tag' } as const;
    const relayer = createRelayer({ store, chain, keys, lanes: ['executor'], clock: () => 0, finality });
    const call = payCall(transfer({ amount: microUsdc(10_000_001n) }));
    const { id } = await store.write((tx) =>
      enqueueTransaction(tx, {
        chainId: 31_337,
        sender: executor.address,
        ...call,
        purpose: 'pay',
        paymentIds: [],
        atMs: 0,
      }),
    );
    // The key was used by other tests, so its first nonce here is the chain's.
    await relayer.tick();
    const outcome = store.read((tx) => outcomeOf(tx, id));
    expect(outcome).toMatchObject({ kind: 'dropped', reason: 'refused' });
    expect(explainRevert(outcome?.kind === 'dropped' ? outcome.detail : null)).toEqual({
      error: 'PerPaymentCeilingExceeded',
      args: { amount: '10000001', ceiling: '10000000' },
    });
    await store.close();
  });
});

describe('an approved transfer', () => {
  it.each(['denied', 'in_review', 'rejected', 'expired', 'settled', 'final', 'failed', 'cancelled'] as const)(
    'is not made of a payment that is %s',
    (state) => {
      expect(() => transfer({ state })).toThrow(/holds money/);
    },
  );

  it('is not made of a payment whose fields do not belong together', () => {
    expect(() => transfer({ chainKey: `0x${'00'.repeat(32)}` })).toThrow(/key on chain/);
    expect(() => transfer({ walletNonce: null })).toThrow(/nonce/);
    expect(() => transfer({ policyDigest: 'ab' })).toThrow(/digest/);
    expect(() => transfer({ decisionHash: '0x12' })).toThrow(/decision hash/);
    expect(() => transfer({ address: at.wallet })).toThrow(/itself/);
  });

  it('can not be changed afterwards', () => {
    const approved = transfer();
    expect(() => Object.assign(approved, { payee: stranger.address })).toThrow(TypeError);
  });
});

it('approvals are sorted by address and counted once', () => {
  const approvals = ['0xff', '0x01', '0xff'].map((start) => ({
    approver: `${start}${'11'.repeat(19)}` as Address,
    signature: '0x' as Hex,
  }));
  expect(sortApprovals(approvals).map(({ approver }) => approver.slice(0, 4))).toEqual(['0x01', '0xff']);
});

it('the approval that people sign is the one the contract checks', () => {
  const { inputs } = getAbiItem({ abi: agentWalletAbi, name: 'approvalDigest' });
  expect(inputs.map(({ name }) => name)).toEqual(['paymentId', 'payee', 'amount', 'decisionHash', 'expiresAt']);
});
