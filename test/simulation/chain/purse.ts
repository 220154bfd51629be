import { secp256k1 } from '@noble/curves/secp256k1';
import { type Address, getAddress, type Hex, hashTypedData, slice } from 'viem';
import { publicKeyToAddress } from 'viem/utils';
import { purseNonce, transferWithAuthorizationTypes } from '../../../src/chain/contracts/purse.ts';
import type { Place } from './execute.ts';
import type { ChainState } from './state.ts';

/** The token's EIP-712 name and version. */
export const TOKEN_NAME = 'USD Coin';
export const TOKEN_VERSION = '2';

export type Authorization = {
  from: Address;
  to: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: Hex;
};

const MAX_VALIDITY_S = 3_600n;

/** X402Purse.isValidSignature: whether the purse stands by the transfer. False for another account than a purse. */
export function vouchesFor(state: ChainState, place: Place, terms: Authorization, signature: Hex): boolean {
  const owner = state.purses.get(terms.from);
  const wallet = owner && state.wallets.get(owner);
  if (!wallet || signature.length !== 2 + 2 * 198) return false;
  const to = getAddress(slice(signature, 0, 20));
  const value = BigInt(slice(signature, 20, 28));
  const validBefore = BigInt(slice(signature, 28, 33));
  const epoch = Number(slice(signature, 33, 37));
  const chainKey = slice(signature, 37, 69);
  const policyDigest = slice(signature, 69, 101);
  const decisionHash = slice(signature, 101, 133);
  const nonce = purseNonce({ chainKey, policyDigest, decisionHash, epoch });
  const same = to === terms.to && value === terms.value && validBefore === terms.validBefore && nonce === terms.nonce;
  if (!same || terms.validAfter !== 0n) return false;
  if (validBefore > BigInt(place.timestampS) + MAX_VALIDITY_S || to === place.token || to === terms.from) return false;
  const { config } = wallet;
  if (wallet.frozen || place.timestampS >= config.validUntil || epoch !== wallet.epoch) return false;
  if (config.allowListOn && to !== owner && !config.allowList.includes(to)) return false;
  if (value > config.perPayment) return false;
  const domain = { name: TOKEN_NAME, version: TOKEN_VERSION, chainId: place.chainId, verifyingContract: place.token };
  const digest = hashTypedData({
    domain,
    types: transferWithAuthorizationTypes,
    primaryType: 'TransferWithAuthorization',
    message: terms,
  });
  return signerOf(digest, slice(signature, 133, 198)) === wallet.executor;
}

function signerOf(digest: Hex, signature: Hex): Address | null {
  try {
    const v = Number(slice(signature, 64, 65));
    const point = secp256k1.Signature.fromCompact(signature.slice(2, 130))
      .addRecoveryBit(v - 27)
      .recoverPublicKey(digest.slice(2));
    return publicKeyToAddress(`0x${point.toHex(false)}`);
  } catch {
    return null;
  }
}
