import { type Address, getAbiItem, type Hex, parseEventLogs } from 'viem';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  approverA,
  approverB,
  digest,
  executor,
  guardian,
  outsider,
  owner,
  payee,
  walletScene,
} from '../../../test/support/walletScene.ts';
import { examplePayment } from '../../app/local-chain/examplePayment.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { ownerCalls, payApprovedCall, payBatchCall, payCall, sortApprovals } from './agentWallet.ts';
import { approvalTypedData } from './approval.ts';
import { approvedTransferFromReservation } from './approvedTransfer.ts';
import { agentWalletAbi, agentWalletFactoryAbi } from './contracts.generated.ts';
import { predictAddresses, type WalletConfig, walletConfigFromJson, walletConfigToJson } from './walletConfig.ts';
import { isNonceUsed, readWalletState } from './walletState.ts';

const scene = walletScene();
const { deployed, refusal, send, transfer } = scene;

describe('the address', () => {
  it('computed offline is the one the factory gives, before and after it is made', async () => {
    const read = {
      address: scene.local.factory,
      abi: agentWalletFactoryAbi,
      functionName: 'addressOf',
      args: [scene.config],
    } as const;
    expect(await scene.local.client.readContract(read)).toEqual([scene.at.wallet, scene.at.purse]);
    expect(await readWalletState(scene.chain, scene.at.wallet)).toBeNull();
    await deployed();
    expect(await scene.local.client.readContract(read)).toEqual([scene.at.wallet, scene.at.purse]);
    expect(await readWalletState(scene.chain, scene.at.wallet)).toMatchObject({
      purse: scene.at.purse,
      executor: executor.address,
    });
  });

  it('depends on every field, so nobody can take it with another config', () => {
    const others: WalletConfig[] = [
      { ...scene.config, owner: outsider.address },
      { ...scene.config, guardian: outsider.address },
      { ...scene.config, executor: outsider.address },
      { ...scene.config, approvers: [approverA.address] },
      { ...scene.config, threshold: 1 },
      { ...scene.config, perPayment: microUsdc(1n) },
      { ...scene.config, perPeriod: microUsdc(1n) },
      { ...scene.config, periodSeconds: 1 },
      { ...scene.config, validUntil: 1 },
      { ...scene.config, raiseDelay: 1 },
      { ...scene.config, allowListOn: true },
      { ...scene.config, allowList: [payee.address] },
      { ...scene.config, salt: `0x${'00'.repeat(32)}` },
    ];
    const wallets = new Set(others.map((other) => predictAddresses(scene.local.factory, other).wallet));
    expect(wallets.size).toBe(Object.keys(scene.config).length);
    expect(wallets).not.toContain(scene.at.wallet);
  });

  it('is the same after the config went through the database', () => {
    const stored = walletConfigFromJson(walletConfigToJson(scene.config));
    expect(stored).toEqual(scene.config);
    expect(predictAddresses(scene.local.factory, stored)).toEqual(scene.at);
  });

  it.each([
    ['an unknown field', { extra: 1 }],
    ['a negative amount', { perPayment: '-1' }],
    ['no address', { owner: '0x12' }],
  ])('a stored config with %s is refused', (_, change) => {
    const text = JSON.stringify({ ...JSON.parse(walletConfigToJson(scene.config)), ...change });
    expect(() => walletConfigFromJson(text)).toThrow();
  });
});

describe('paying', () => {
  beforeEach(deployed);

  it('moves the money, uses the nonce, counts in the period, and the event carries digest and decision', async () => {
    const approved = transfer({ walletNonce: 7n });
    const [hash] = await send(executor, payCall(approved));
    const { logs } = await scene.local.client.getTransactionReceipt({ hash: hash as Hex });
    expect(parseEventLogs({ abi: agentWalletAbi, logs, eventName: 'PaymentExecuted' })).toMatchObject([
      {
        address: scene.at.wallet.toLowerCase(),
        args: {
          paymentId: approved.chainKey,
          payee: payee.address,
          policyDigest: digest,
          amount: 1_000_000n,
          decisionHash: approved.decisionHash,
        },
      },
    ]);
    expect(await isNonceUsed(scene.chain, scene.at.wallet, 7n)).toBe(true);
    expect(await isNonceUsed(scene.chain, scene.at.wallet, 8n)).toBe(false);
    expect(await readWalletState(scene.chain, scene.at.wallet)).toMatchObject({
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
    const { logs } = await scene.local.client.getTransactionReceipt({ hash: hash as Hex });
    const executed = parseEventLogs({ abi: agentWalletAbi, logs, eventName: 'PaymentExecuted' });
    expect(executed.map(({ args }) => args.paymentId)).toEqual(transfers.map(({ chainKey }) => chainKey));
  });

  it('a batch of two policies, of two wallets, or with one that needs approvals is not made', () => {
    const other = { wallet: outsider.address, purse: payee.address };
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
    const expiresAtS = Number((await scene.local.client.getBlock()).timestamp) + 600;
    const typedData = approvalTypedData('approve', {
      chainId: 31_337,
      wallet: scene.at.wallet,
      token: scene.local.usdc.address,
      chainKey: big.chainKey,
      payee: payee.address,
      amount,
      policyDigest: big.policyDigest,
      decisionHash: big.decisionHash,
      approversVersion: 1n,
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
    expect((await readWalletState(scene.chain, scene.at.wallet))?.balance).toBe(40_000_000n);
  });

  it.each([
    ['an outsider', () => outsider.address],
    ['the owner', () => owner.address],
  ])('by %s is refused', async (_, who) => {
    expect(await refusal(who(), payCall(transfer()))).toMatchObject({ error: 'NotExecutor' });
  });

  it('under a policy that the registry does not have is refused', async () => {
    const call = payCall(transfer({ policyDigest: `sha256:${'11'.repeat(32)}` }));
    expect(await refusal(executor.address, call)).toMatchObject({ error: 'PolicyNotActive' });
  });

  it("more than the wallet has is refused in the token's own words", async () => {
    await send(owner, ownerCalls.withdraw(scene.at.wallet, scene.local.usdc.address, payee.address, 100_000_000n));
    expect(await refusal(executor.address, payCall(transfer()))).toEqual({
      error: 'ERC20: transfer amount exceeds balance',
      args: {},
    });
  });
});

describe('the owner and the guardian', () => {
  beforeEach(deployed);

  it('the guardian freezes, only the owner unfreezes', async () => {
    await send(guardian, ownerCalls.freeze(scene.at.wallet));
    expect(await refusal(executor.address, payCall(transfer()))).toEqual({ error: 'WalletFrozen', args: {} });
    expect(await refusal(guardian.address, ownerCalls.unfreeze(scene.at.wallet))).toMatchObject({
      error: 'OwnableUnauthorizedAccount',
    });
    await send(owner, ownerCalls.unfreeze(scene.at.wallet));
    // The freeze began an epoch: what was signed before it stays void.
    expect(await refusal(executor.address, payCall(transfer()))).toMatchObject({ error: 'NonceOfAnotherEpoch' });
    expect(await isNonceUsed(scene.chain, scene.at.wallet, 0n)).toBe(true);
    const state = await readWalletState(scene.chain, scene.at.wallet);
    expect(state).toMatchObject({ epoch: 1, nextNonce: 1n << 32n });
    await send(executor, payCall(transfer({ walletNonce: 1n << 32n })));
  });

  it('a cut of a ceiling bites at once, a raise waits and can be cancelled by the guardian', async () => {
    await send(owner, ownerCalls.setCeilings(scene.at.wallet, microUsdc(500_000n), microUsdc(90_000_000n)));
    const state = await readWalletState(scene.chain, scene.at.wallet);
    expect(state).toMatchObject({ perPayment: 500_000n, perPeriod: 50_000_000n });
    expect(state?.pendingRaise).toMatchObject({ perPeriod: 90_000_000n });
    await send(guardian, ownerCalls.cancelRaise(scene.at.wallet));
    expect((await readWalletState(scene.chain, scene.at.wallet))?.pendingRaise).toBeNull();
  });

  it('sets list, approvers, executor, guardian, validity and the next owner', async () => {
    await send(
      owner,
      ownerCalls.setAllowListOn(scene.at.wallet, true),
      ownerCalls.setAllowed(scene.at.wallet, [payee.address], true),
      ownerCalls.setApprovers(scene.at.wallet, [approverA.address], 1),
      ownerCalls.setExecutor(scene.at.wallet, outsider.address),
      ownerCalls.setGuardian(scene.at.wallet, approverB.address),
      ownerCalls.setValidUntil(scene.at.wallet, 1_999_999_999),
      ownerCalls.transferOwnership(scene.at.wallet, payee.address),
    );
    await send(payee, ownerCalls.acceptOwnership(scene.at.wallet));
    expect(await readWalletState(scene.chain, scene.at.wallet)).toMatchObject({
      allowListOn: true,
      approvers: [approverA.address],
      threshold: 1,
      executor: outsider.address,
      guardian: approverB.address,
      validUntilS: 1_999_999_999,
      owner: payee.address,
    });
    expect(await refusal(outsider.address, payCall(transfer({ address: executor.address })))).toMatchObject({
      error: 'PayeeNotAllowed',
    });
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
  expect(inputs.map(({ name }) => name)).toEqual([
    'paymentId',
    'payee',
    'amount',
    'policyDigest',
    'decisionHash',
    'expiresAt',
  ]);
});
