import type { Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { executor, guardian, outsider, purseScene, seller } from '../../../test/support/purseScene.ts';
import { officialFacilitator } from '../../app/local-chain/officialFacilitator.ts';
import { ownerCalls } from './agentWallet.ts';
import { x402PurseAbi } from './contracts.generated.ts';
import { cancelAuthorizationCall, isAuthorizationUsed, type SignedAuthorization, sweepCall } from './purse.ts';
import { tokenAbi } from './tokenDomain.ts';
import { readWalletState } from './walletState.ts';

const scene = purseScene();
const { purchase, send, sign } = scene;

function facilitator() {
  const account = privateKeyToAccount(generatePrivateKey());
  return { account, x402: officialFacilitator(account, { chainId: 31_337, rpcUrl: scene.local.anvil.url }) };
}

/** What an x402 buyer sends for the signed authorization, and what the seller asked for. */
function exchange({ authorization, signature }: SignedAuthorization) {
  const requirements = {
    scheme: 'exact',
    network: 'eip155:31337',
    amount: '1000000',
    asset: scene.local.usdc.address,
    payTo: seller.address,
    maxTimeoutSeconds: 60,
    extra: { name: scene.domain.name, version: scene.domain.version },
  } as const;
  const payload = {
    x402Version: 2,
    accepted: requirements,
    resource: { url: 'https://seller.example/ocr', description: '', mimeType: 'application/json' },
    payload: { authorization, signature },
  };
  return [payload, requirements] as const;
}
const balanceOf = (address: Hex) =>
  scene.local.client.readContract({
    address: scene.local.usdc.address,
    abi: tokenAbi,
    functionName: 'balanceOf',
    args: [address],
  });
const settle = async (signed: SignedAuthorization) => {
  const { from, to, value, validAfter, validBefore, nonce } = signed.authorization;
  const hash = await scene.local.client.writeContract({
    account: outsider,
    address: scene.local.usdc.address,
    abi: tokenAbi,
    functionName: 'transferWithAuthorization',
    args: [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, signed.signature],
  });
  await scene.local.client.waitForTransactionReceipt({ hash });
};

describe('a purse authorization', () => {
  it("moves the money by the token's own transferWithAuthorization, once", async () => {
    const before = await balanceOf(seller.address);
    const signed = await sign();
    expect(await isAuthorizationUsed(scene.chain, scene.at.purse, signed.authorization.nonce)).toBe(false);
    await settle(signed);
    expect(await balanceOf(seller.address)).toBe(before + 1_000_000n);
    expect(await isAuthorizationUsed(scene.chain, scene.at.purse, signed.authorization.nonce)).toBe(true);
    await expect(settle(signed)).rejects.toThrow(/authorization is used/);
  });

  it('passes verify and settle of the official facilitator', async () => {
    const { account, x402 } = facilitator();
    await scene.local.fundGas([account.address]);
    const before = await balanceOf(seller.address);
    const [payload, requirements] = exchange(await sign());
    expect(await x402.verify(payload, requirements)).toMatchObject({ isValid: true, payer: scene.at.purse });
    expect(await x402.settle(payload, requirements)).toMatchObject({ success: true, payer: scene.at.purse });
    expect(await balanceOf(seller.address)).toBe(before + 1_000_000n);
  });

  it('signed again for the same payment has the same nonce; another decision has another', async () => {
    const [first, second] = [await sign(), await sign(undefined, { validBeforeS: scene.nowS + 90 })];
    const same = purchase();
    expect((await sign(same)).authorization.nonce).toBe((await sign(same)).authorization.nonce);
    expect(first.authorization.nonce).not.toBe(second.authorization.nonce);
    const onChain = await scene.local.client.readContract({
      address: scene.at.purse,
      abi: x402PurseAbi,
      functionName: 'nonceOf',
      args: [same.chainKey, same.policyDigest, same.decisionHash, 0],
    });
    expect((await sign(same)).authorization.nonce).toBe(onChain);
  });

  it.each([
    ['another payee', (signed: SignedAuthorization) => ({ ...signed.authorization, to: outsider.address })],
    ['another amount', (signed: SignedAuthorization) => ({ ...signed.authorization, value: '2000000' })],
    [
      'a longer validity',
      (signed: SignedAuthorization) => ({ ...signed.authorization, validBefore: `${scene.nowS + 3_000}` }),
    ],
  ])('with %s is refused by the facilitator and by the token', async (_, tamper) => {
    const signed = await sign();
    const tampered = { ...signed, authorization: tamper(signed) };
    const [payload, requirements] = exchange(tampered);
    expect(await facilitator().x402.verify(payload, requirements)).toMatchObject({ isValid: false });
    await expect(settle(tampered)).rejects.toThrow(/invalid signature/);
  });

  it('of a key that is not the executor is refused', async () => {
    const signed = await sign(purchase(), { role: 'other' });
    await expect(settle(signed)).rejects.toThrow(/invalid signature/);
  });

  it('is void while the wallet is frozen', async () => {
    const signed = await sign();
    await send(guardian, ownerCalls.freeze(scene.at.wallet));
    await expect(settle(signed)).rejects.toThrow(/invalid signature/);
  });

  it('cancelled by the executor can never be used', async () => {
    const signed = await sign();
    await send(executor, cancelAuthorizationCall(scene.at.purse, signed.authorization.nonce));
    expect(await isAuthorizationUsed(scene.chain, scene.at.purse, signed.authorization.nonce)).toBe(true);
    await expect(settle(signed)).rejects.toThrow(/authorization is used/);
  });

  it('longer than the purse allows, or already over, is not signed', async () => {
    await expect(sign(purchase(), { validBeforeS: scene.nowS + 3_601 })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(sign(purchase(), { validBeforeS: scene.nowS })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('to the purse itself or to the token, or of the wallet rail, is not signed', async () => {
    await expect(sign(purchase({ address: scene.at.purse }))).rejects.toMatchObject({ code: 'forbidden_address' });
    await expect(sign(purchase({ address: scene.local.usdc.address }))).rejects.toMatchObject({
      code: 'forbidden_address',
    });
    await expect(sign(purchase({ rail: 'wallet', walletNonce: 1n }))).rejects.toThrow(/x402 rail/);
  });
});

describe('sweeping', () => {
  it('brings the float back to the wallet, by guardian or executor, by nobody else', async () => {
    await send(guardian, sweepCall(scene.at.purse, 4_000_000n));
    await send(executor, sweepCall(scene.at.purse, 1_000_000n));
    expect(await readWalletState(scene.chain, scene.at.wallet)).toMatchObject({
      balance: 100_000_000n,
      purseBalance: 0n,
    });
    await expect(send(outsider, sweepCall(scene.at.purse, 0n))).rejects.toMatchObject({
      code: 'transfer_reverted',
    });
  });
});
