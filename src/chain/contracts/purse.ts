import {
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
  encodePacked,
  type Hex,
  hashTypedData,
  keccak256,
  recoverAddress,
  size,
  type TypedDataDefinition,
} from 'viem';
import { BursarError, invariant } from '../../core/errors/base.ts';
import type { KeyProvider, KeyRole } from '../keys/keys.ts';
import type { Chain } from '../node/chain.ts';
import type { Call } from './agentWallet.ts';
import type { ApprovedTransfer } from './approvedTransfer.ts';
import { x402PurseAbi } from './contracts.generated.ts';
import { type TokenDomain, tokenAbi, viemDomain } from './tokenDomain.ts';

/** EIP-3009. */
export const transferWithAuthorizationTypes = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const;

/** The form of an x402 `exact` payload: numbers as decimal strings. */
export type PurseAuthorization = {
  from: Address;
  to: Address;
  value: string;
  /** Epoch seconds; the token requires validAfter < block time < validBefore. */
  validAfter: string;
  validBefore: string;
  nonce: Hex;
};

export type SignedAuthorization = {
  authorization: PurseAuthorization;
  /** The purse's ERC-1271 blob: always longer than 65 bytes, so the token's `bytes` overload is used. */
  signature: Hex;
};

/** The limits of the purse contract itself. */
const VALIDITY_SECONDS_MAX = 3_600;

export type PurseNonceOf = { chainKey: Hex; policyDigest: Hex; decisionHash: Hex; epoch: number };

/**
 * The EIP-3009 nonce of a payment: signing again gives the same nonce, which settles once, and the log identifies payment, policy
 * and decision. The wallet's next epoch voids every authorization of this one.
 */
export function purseNonce({ chainKey, policyDigest, decisionHash, epoch }: PurseNonceOf): Hex {
  const types = [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'bytes32' }, { type: 'uint32' }] as const;
  return keccak256(encodeAbiParameters(types, [chainKey, policyDigest, decisionHash, epoch]));
}

export type SigningTerms = {
  keys: KeyProvider;
  /** The wallet's executor. */
  role: KeyRole;
  chain: Pick<Chain, 'chainId' | 'token'>;
  domain: TokenDomain;
  /** The server's time, epoch seconds. */
  nowS: number;
  /** Epoch seconds; at most an hour ahead. */
  validBeforeS: number;
  /** The wallet's current epoch: an authorization of another one never settles. */
  epoch: number;
};

/**
 * Signs the payment's EIP-3009 transfer from the purse: ECDSA by the executor, with the fields from which the purse rebuilds the
 * digest. The same terms always give the same nonce. Throws `invalid_request` for a validity that the purse would refuse.
 */
export async function signPurseAuthorization(
  transfer: ApprovedTransfer,
  terms: SigningTerms,
): Promise<SignedAuthorization> {
  const { keys, role } = terms;
  const { typedData, wrap } = prepare(transfer, terms);
  const executorSignature = await keys.signTypedData(role, typedData);
  await checkSigner(keys, role, typedData, executorSignature);
  return wrap(executorSignature);
}

/** As above without waiting; null if the key is not in this process, or was not yet verified to be the executor's. */
export function signPurseAuthorizationNow(transfer: ApprovedTransfer, terms: SigningTerms): SignedAuthorization | null {
  const { keys, role } = terms;
  if (!proven.get(keys)?.has(role)) return null;
  const { typedData, wrap } = prepare(transfer, terms);
  const executorSignature = keys.signDigestNow?.(role, hashTypedData(typedData)) ?? null;
  return executorSignature && wrap(executorSignature);
}

function prepare(transfer: ApprovedTransfer, terms: SigningTerms) {
  const { chain, domain, nowS, validBeforeS, epoch } = terms;
  const { purse: from, payee: to, amount: value, chainKey, policyDigest, decisionHash } = transfer;
  invariant(transfer.rail === 'x402', 'Only a payment of the x402 rail is signed for the purse.', {
    id: transfer.paymentId,
  });
  invariant(transfer.chainId === chain.chainId, 'The payment is of another chain.', { id: transfer.paymentId });
  if (validBeforeS <= nowS || validBeforeS > nowS + VALIDITY_SECONDS_MAX) {
    throw new BursarError('invalid_request', {
      message: `An authorization is valid for 1 to ${VALIDITY_SECONDS_MAX} seconds, not ${validBeforeS - nowS}.`,
    });
  }
  if (to === from || to === chain.token) {
    throw new BursarError('forbidden_address', { message: 'The purse pays neither itself nor the token.' });
  }
  const nonce = purseNonce({ chainKey, policyDigest, decisionHash, epoch });
  const [validAfter, validBefore] = [0n, BigInt(validBeforeS)];
  const typedData = {
    domain: viemDomain(chain, domain),
    types: transferWithAuthorizationTypes,
    primaryType: 'TransferWithAuthorization',
    message: { from, to, value, validAfter, validBefore, nonce },
  } as const;
  const wrap = (executorSignature: Hex): SignedAuthorization => {
    const signature = encodePacked(SIGNATURE_TYPES, [
      to,
      value,
      validBeforeS,
      epoch,
      chainKey,
      policyDigest,
      decisionHash,
      executorSignature,
    ]);
    invariant(size(signature) === SIGNATURE_BYTES, 'The purse takes signatures of one length only.');
    return {
      authorization: { from, to, value: `${value}`, validAfter: `${validAfter}`, validBefore: `${validBefore}`, nonce },
      signature,
    };
  };
  return { typedData, wrap };
}

/** The providers and roles whose key was verified to be the executor's. */
const proven = new WeakMap<KeyProvider, Set<KeyRole>>();

/** Checked once per key: recovering a signer costs more than signing, and the key of a provider does not change. */
async function checkSigner(
  keys: KeyProvider,
  role: KeyRole,
  typedData: TypedDataDefinition,
  signature: Hex,
): Promise<void> {
  const roles = proven.get(keys) ?? new Set();
  if (roles.has(role)) return;
  const signer = await recoverAddress({ hash: hashTypedData(typedData), signature });
  invariant(signer === (await keys.address(role)), 'The signer used another key than the executor has.');
  proven.set(keys, roles.add(role));
}

/** to, value, validBefore, epoch, payment id, policy digest, decision hash, and the executor's r, s, v. `validAfter` is always 0. */
const SIGNATURE_TYPES = ['address', 'uint64', 'uint40', 'uint32', 'bytes32', 'bytes32', 'bytes32', 'bytes'] as const;
const SIGNATURE_BYTES = 198;

/** Voids an unused authorization permanently. Only executor, guardian or owner. Once final, its hold can be released. */
export function cancelAuthorizationCall(purse: Address, nonce: Hex): Call {
  return {
    to: purse,
    data: encodeFunctionData({ abi: x402PurseAbi, functionName: 'cancelAuthorization', args: [nonce] }),
  };
}

/** Sends micro-USDC from the purse back to its wallet. Only executor, guardian or owner. */
export function sweepCall(purse: Address, amount: bigint): Call {
  return { to: purse, data: encodeFunctionData({ abi: x402PurseAbi, functionName: 'sweep', args: [amount] }) };
}

/** Sends the whole balance of another token in the purse to its wallet. Only executor, guardian or owner. */
export function sweepTokenCall(purse: Address, token: Address): Call {
  return { to: purse, data: encodeFunctionData({ abi: x402PurseAbi, functionName: 'sweepToken', args: [token] }) };
}

/** Tells whether the authorization's nonce was used or cancelled on chain, at that block or the head. */
export async function isAuthorizationUsed(
  chain: Chain,
  purse: Address,
  nonce: Hex,
  blockNumber?: bigint,
): Promise<boolean> {
  const block = blockNumber === undefined ? {} : { blockNumber };
  return chain.run((client) =>
    client.readContract({
      address: chain.token,
      abi: tokenAbi,
      functionName: 'authorizationState',
      args: [purse, nonce],
      ...block,
    }),
  );
}
