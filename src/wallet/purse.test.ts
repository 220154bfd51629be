import { x402Facilitator } from '@x402/core/facilitator';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { ExactEvmScheme } from '@x402/evm/exact/facilitator';
import { createWalletClient, type Hex, http, nonceManager, publicActions, type TypedDataDefinition } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { devAccounts } from '../devnet/accounts.ts';
import { sendInOrder } from '../devnet/client.ts';
import { EXAMPLE_POLICY_DIGEST, examplePayment } from '../devnet/examplePayment.ts';
import { type LocalChain, startLocalChain } from '../devnet/localChain.ts';
import { newId } from '../ids/ids.ts';
import { microUsdc } from '../money/microUsdc.ts';
import type { Payment } from '../payments/payment.ts';
import { createWalletCall, ownerCalls, payCall } from './agentWallet.ts';
import { approvalTypedData, verifySignature } from './approval.ts';
import { approvedTransferFromReservation, policyDigestOnChain } from './approvedTransfer.ts';
import { type Chain, openChain } from './chain.ts';
import { x402PurseAbi } from './contracts.generated.ts';
import { environmentKeys } from './keys.ts';
import {
  cancelAuthorizationCall,
  isAuthorizationUsed,
  type SignedAuthorization,
  signPurseAuthorization,
  sweepCall,
  transferWithAuthorizationTypes,
} from './purse.ts';
import { readTokenDomain, type TokenDomain, tokenAbi, viemDomain } from './tokenDomain.ts';
import { predictAddresses, type WalletAddresses, walletConfig } from './walletConfig.ts';
import { readWalletState } from './walletState.ts';

const [, , owner, guardian, , , seller, stranger] = devAccounts;
const executorKey = generatePrivateKey();
const executor = privateKeyToAccount(executorKey);
const keys = environmentKeys({ BURSAR_KEY_EXECUTOR: executorKey, BURSAR_KEY_OTHER: generatePrivateKey() });
let local: LocalChain;
let chain: Chain;
let domain: TokenDomain;
let at: WalletAddresses;
let nowS: number;

beforeAll(async () => {
  local = await startLocalChain({ owner, policyDigest: policyDigestOnChain(EXAMPLE_POLICY_DIGEST) });
  chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: local.usdc.address });
  domain = await readTokenDomain(chain);
  await local.fundGas([executor.address]);
});
afterAll(() => local.stop());

/** A wallet whose purse was topped up with 5 USDC by a payment. */
beforeEach(async () => {
  const roles = { owner: owner.address, guardian: guardian.address, executor: executor.address };
  const config = walletConfig({ agentId: newId('agent'), ...roles });
  at = predictAddresses(local.factory, config);
  await sendInOrder(local.client, stranger, [createWalletCall(local.factory, config)]);
  await local.mint(at.wallet, microUsdc(100_000_000n));
  const topUp = examplePayment({ address: at.purse, kind: 'top_up', amount: microUsdc(5_000_000n) });
  await sendInOrder(local.client, executor, [payCall(approvedTransferFromReservation(topUp, at))]);
  nowS = Number((await local.client.getBlock()).timestamp);
});

const purchase = (changes: Partial<Payment> = {}) =>
  approvedTransferFromReservation(
    examplePayment({ address: seller.address, kind: 'purchase', rail: 'x402', walletNonce: null, ...changes }),
    at,
  );
const sign = (transfer = purchase(), changes: { validBeforeS?: number; role?: string } = {}) =>
  signPurseAuthorization(transfer, {
    keys,
    role: 'executor',
    chain,
    domain,
    nowS,
    validBeforeS: nowS + 60,
    ...changes,
  });

function facilitator() {
  const account = privateKeyToAccount(generatePrivateKey(), { nonceManager });
  const client = createWalletClient({ account, chain: local.client.chain, transport: http(local.anvil.url) }).extend(
    publicActions,
  );
  const signer = toFacilitatorEvmSigner({
    address: account.address,
    readContract: (args) => client.readContract({ ...args, args: args.args ?? [] }),
    verifyTypedData: ({ address, signature, ...typedData }) => {
      const definition: TypedDataDefinition = typedData as TypedDataDefinition;
      return client.verifyTypedData({ address, signature, ...definition });
    },
    writeContract: (args) => client.writeContract({ ...args, args: [...args.args] }),
    sendTransaction: (args) => client.sendTransaction(args),
    waitForTransactionReceipt: (args) => client.waitForTransactionReceipt(args),
    getCode: (args) => client.getCode(args),
  });
  return { account, x402: new x402Facilitator().register('eip155:31337', new ExactEvmScheme(signer)) };
}

/** What an x402 buyer sends for the signed authorization, and what the seller asked for. */
function exchange({ authorization, signature }: SignedAuthorization) {
  const requirements = {
    scheme: 'exact',
    network: 'eip155:31337',
    amount: '1000000',
    asset: local.usdc.address,
    payTo: seller.address,
    maxTimeoutSeconds: 60,
    extra: { name: domain.name, version: domain.version },
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
  local.client.readContract({ address: local.usdc.address, abi: tokenAbi, functionName: 'balanceOf', args: [address] });
const settle = async (signed: SignedAuthorization) => {
  const { from, to, value, validAfter, validBefore, nonce } = signed.authorization;
  const hash = await local.client.writeContract({
    account: stranger,
    address: local.usdc.address,
    abi: tokenAbi,
    functionName: 'transferWithAuthorization',
    args: [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, signed.signature],
  });
  await local.client.waitForTransactionReceipt({ hash });
};

describe('a purse authorization', () => {
  it("moves the money by the token's own transferWithAuthorization, once", async () => {
    const before = await balanceOf(seller.address);
    const signed = await sign();
    expect(await isAuthorizationUsed(chain, at.purse, signed.authorization.nonce)).toBe(false);
    await settle(signed);
    expect(await balanceOf(seller.address)).toBe(before + 1_000_000n);
    expect(await isAuthorizationUsed(chain, at.purse, signed.authorization.nonce)).toBe(true);
    await expect(settle(signed)).rejects.toThrow(/authorization is used/);
  });

  it('passes verify and settle of the official facilitator', async () => {
    const { account, x402 } = facilitator();
    await local.fundGas([account.address]);
    const before = await balanceOf(seller.address);
    const [payload, requirements] = exchange(await sign());
    expect(await x402.verify(payload, requirements)).toMatchObject({ isValid: true, payer: at.purse });
    expect(await x402.settle(payload, requirements)).toMatchObject({ success: true, payer: at.purse });
    expect(await balanceOf(seller.address)).toBe(before + 1_000_000n);
  });

  it('signed again for the same payment has the same nonce; another decision has another', async () => {
    const [first, second] = [await sign(), await sign(undefined, { validBeforeS: nowS + 90 })];
    const same = purchase();
    expect((await sign(same)).authorization.nonce).toBe((await sign(same)).authorization.nonce);
    expect(first.authorization.nonce).not.toBe(second.authorization.nonce);
    const onChain = await local.client.readContract({
      address: at.purse,
      abi: x402PurseAbi,
      functionName: 'nonceOf',
      args: [same.chainKey, same.policyDigest, same.decisionHash],
    });
    expect((await sign(same)).authorization.nonce).toBe(onChain);
  });

  it.each([
    ['another payee', (signed: SignedAuthorization) => ({ ...signed.authorization, to: stranger.address })],
    ['another amount', (signed: SignedAuthorization) => ({ ...signed.authorization, value: '2000000' })],
    [
      'a longer validity',
      (signed: SignedAuthorization) => ({ ...signed.authorization, validBefore: `${nowS + 3_000}` }),
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
    await sendInOrder(local.client, guardian, [ownerCalls.freeze(at.wallet)]);
    await expect(settle(signed)).rejects.toThrow(/invalid signature/);
  });

  it('cancelled by the executor can never be used', async () => {
    const signed = await sign();
    await sendInOrder(local.client, executor, [cancelAuthorizationCall(at.purse, signed.authorization.nonce)]);
    expect(await isAuthorizationUsed(chain, at.purse, signed.authorization.nonce)).toBe(true);
    await expect(settle(signed)).rejects.toThrow(/authorization is used/);
  });

  it('longer than the purse allows, or already over, is not signed', async () => {
    await expect(sign(purchase(), { validBeforeS: nowS + 3_601 })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(sign(purchase(), { validBeforeS: nowS })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('to the purse itself or to the token, or of the wallet rail, is not signed', async () => {
    await expect(sign(purchase({ address: at.purse }))).rejects.toMatchObject({ code: 'forbidden_address' });
    await expect(sign(purchase({ address: local.usdc.address }))).rejects.toMatchObject({ code: 'forbidden_address' });
    await expect(sign(purchase({ rail: 'wallet', walletNonce: 1n }))).rejects.toThrow(/x402 rail/);
  });
});

describe('sweeping', () => {
  it('brings the float back to the wallet, by guardian or executor, by nobody else', async () => {
    await sendInOrder(local.client, guardian, [sweepCall(at.purse, 4_000_000n)]);
    await sendInOrder(local.client, executor, [sweepCall(at.purse, 1_000_000n)]);
    expect(await readWalletState(chain, at.wallet)).toMatchObject({ balance: 100_000_000n, purseBalance: 0n });
    await expect(sendInOrder(local.client, stranger, [sweepCall(at.purse, 0n)])).rejects.toMatchObject({
      code: 'transfer_reverted',
    });
  });
});

describe('verifySignature', () => {
  const terms = () => ({
    chainId: 31_337,
    wallet: at.wallet,
    token: local.usdc.address,
    chainKey: purchase().chainKey,
    payee: seller.address,
    amount: microUsdc(5n),
    decisionHash: `0x${'cd'.repeat(32)}` as Hex,
    expiresAtS: nowS + 60,
  });

  it('takes the signature of the person, with v as 27 or as 0, and no other', async () => {
    const typedData = approvalTypedData('approve', terms());
    const signature = await guardian.signTypedData(typedData);
    expect(await verifySignature(chain, guardian.address, typedData, signature)).toEqual({ valid: true, signature });
    const v = signature.endsWith('1b') ? '00' : '01';
    expect(await verifySignature(chain, guardian.address, typedData, `${signature.slice(0, -2)}${v}` as Hex)).toEqual({
      valid: true,
      signature,
    });
    expect(await verifySignature(chain, seller.address, typedData, signature)).toEqual({
      valid: false,
      why: 'other_signer',
    });
  });

  it('an approval is no rejection, and one of another payment is none of this', async () => {
    const given = terms();
    const signature = await guardian.signTypedData(approvalTypedData('approve', given));
    for (const other of [
      approvalTypedData('reject', given),
      approvalTypedData('approve', { ...given, amount: microUsdc(6n) }),
      approvalTypedData('approve', { ...given, wallet: at.purse }),
      approvalTypedData('approve', { ...given, chainId: 1 }),
    ]) {
      expect(await verifySignature(chain, guardian.address, other, signature)).toMatchObject({ valid: false });
    }
  });

  it('the malleable twin of a signature is malformed, as the contract sees it', async () => {
    const typedData = approvalTypedData('approve', terms());
    const signature = await guardian.signTypedData(typedData);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = (order - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, '0');
    const twin = `${signature.slice(0, 66)}${s}${signature.endsWith('1b') ? '1c' : '1b'}` as Hex;
    expect(await verifySignature(chain, guardian.address, typedData, twin)).toEqual({ valid: false, why: 'malformed' });
  });

  it.each(['0x', '0x12', 'nonsense', `0x${'11'.repeat(64)}`, `0x${'11'.repeat(9_000)}`])(
    'what is no signature is malformed (%#)',
    async (signature) => {
      const typedData = approvalTypedData('approve', terms());
      expect(await verifySignature(chain, guardian.address, typedData, signature as Hex)).toEqual({
        valid: false,
        why: 'malformed',
      });
    },
  );

  it('asks a contract by ERC-1271: a purse takes what it may sign and nothing else', async () => {
    const { authorization, signature } = await sign();
    const { from, to, nonce } = authorization;
    const typedData = {
      domain: viemDomain(chain, domain),
      types: transferWithAuthorizationTypes,
      primaryType: 'TransferWithAuthorization',
      message: {
        ...{ from, to, nonce },
        value: BigInt(authorization.value),
        validAfter: 0n,
        validBefore: BigInt(authorization.validBefore),
      },
    } as const;
    expect(await verifySignature(chain, at.purse, typedData, signature)).toEqual({ valid: true, signature });
    const approval = approvalTypedData('approve', terms());
    expect(await verifySignature(chain, at.purse, approval, signature)).toEqual({
      valid: false,
      why: 'refused_by_contract',
    });
  });

  it('a contract without ERC-1271 signs nothing', async () => {
    const typedData = approvalTypedData('approve', terms());
    const signature = await guardian.signTypedData(typedData);
    expect(await verifySignature(chain, local.factory, typedData, signature)).toEqual({
      valid: false,
      why: 'refused_by_contract',
    });
  });
});
