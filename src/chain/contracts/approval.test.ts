import type { Hex } from 'viem';
import { describe, expect, it } from 'vitest';
import { guardian, purseScene, seller } from '../../../test/support/purseScene.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { approvalTypedData, verifySignature } from './approval.ts';
import { transferWithAuthorizationTypes } from './purse.ts';
import { viemDomain } from './tokenDomain.ts';

const scene = purseScene();
const { purchase, sign } = scene;

describe('verifySignature', () => {
  const terms = () => ({
    chainId: 31_337,
    wallet: scene.at.wallet,
    token: scene.local.usdc.address,
    chainKey: purchase().chainKey,
    payee: seller.address,
    amount: microUsdc(5n),
    policyDigest: `0x${'ef'.repeat(32)}` as Hex,
    decisionHash: `0x${'cd'.repeat(32)}` as Hex,
    approversVersion: 1n,
    expiresAtS: scene.nowS + 60,
  });

  it('takes the signature of the person, with v as 27 or as 0, and no other', async () => {
    const typedData = approvalTypedData('approve', terms());
    const signature = await guardian.signTypedData(typedData);
    expect(await verifySignature(scene.chain, guardian.address, typedData, signature)).toEqual({
      valid: true,
      signature,
    });
    const v = signature.endsWith('1b') ? '00' : '01';
    expect(
      await verifySignature(scene.chain, guardian.address, typedData, `${signature.slice(0, -2)}${v}` as Hex),
    ).toEqual({
      valid: true,
      signature,
    });
    expect(await verifySignature(scene.chain, seller.address, typedData, signature)).toEqual({
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
      approvalTypedData('approve', { ...given, wallet: scene.at.purse }),
      approvalTypedData('approve', { ...given, chainId: 1 }),
      approvalTypedData('approve', { ...given, policyDigest: given.decisionHash }),
      approvalTypedData('approve', { ...given, approversVersion: 2n }),
    ]) {
      expect(await verifySignature(scene.chain, guardian.address, other, signature)).toMatchObject({ valid: false });
    }
  });

  it('the malleable twin of a signature is malformed, as the contract sees it', async () => {
    const typedData = approvalTypedData('approve', terms());
    const signature = await guardian.signTypedData(typedData);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = (order - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, '0');
    const twin = `${signature.slice(0, 66)}${s}${signature.endsWith('1b') ? '1c' : '1b'}` as Hex;
    expect(await verifySignature(scene.chain, guardian.address, typedData, twin)).toEqual({
      valid: false,
      why: 'malformed',
    });
  });

  it.each(['0x', '0x12', 'nonsense', `0x${'11'.repeat(64)}`, `0x${'11'.repeat(9_000)}`])(
    'what is no signature is malformed (%#)',
    async (signature) => {
      const typedData = approvalTypedData('approve', terms());
      expect(await verifySignature(scene.chain, guardian.address, typedData, signature as Hex)).toEqual({
        valid: false,
        why: 'malformed',
      });
    },
  );

  it('asks a contract by ERC-1271: a purse takes what it may sign and nothing else', async () => {
    const { authorization, signature } = await sign();
    const { from, to, nonce } = authorization;
    const typedData = {
      domain: viemDomain(scene.chain, scene.domain),
      types: transferWithAuthorizationTypes,
      primaryType: 'TransferWithAuthorization',
      message: {
        ...{ from, to, nonce },
        value: BigInt(authorization.value),
        validAfter: 0n,
        validBefore: BigInt(authorization.validBefore),
      },
    } as const;
    expect(await verifySignature(scene.chain, scene.at.purse, typedData, signature)).toEqual({
      valid: true,
      signature,
    });
    const approval = approvalTypedData('approve', terms());
    expect(await verifySignature(scene.chain, scene.at.purse, approval, signature)).toEqual({
      valid: false,
      why: 'refused_by_contract',
    });
  });

  it('a contract without ERC-1271 signs nothing', async () => {
    const typedData = approvalTypedData('approve', terms());
    const signature = await guardian.signTypedData(typedData);
    expect(await verifySignature(scene.chain, scene.local.factory, typedData, signature)).toEqual({
      valid: false,
      why: 'refused_by_contract',
    });
  });
});
