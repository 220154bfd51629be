import {
  type Address,
  concatHex,
  type Hex,
  hashTypedData,
  isHex,
  parseAbi,
  recoverAddress,
  size,
  sliceHex,
  type TypedDataDefinition,
} from 'viem';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import type { Chain } from '../node/chain.ts';
import { refusalIn } from '../node/nodeAnswers.ts';

const fields = [
  { name: 'paymentId', type: 'bytes32' },
  { name: 'token', type: 'address' },
  { name: 'payee', type: 'address' },
  { name: 'amount', type: 'uint256' },
  { name: 'policyDigest', type: 'bytes32' },
  { name: 'decisionHash', type: 'bytes32' },
  { name: 'approversVersion', type: 'uint256' },
  { name: 'expiresAt', type: 'uint256' },
] as const;

const approvalTypes = { PaymentApproval: fields } as const;
const rejectionTypes = { PaymentRejection: fields } as const;

export type ApprovalTerms = {
  chainId: number;
  wallet: Address;
  token: Address;
  /** bytes32 on chain. */
  chainKey: Hex;
  payee: Address;
  amount: MicroUsdc;
  /** bytes32: the policy that the payment is logged under. */
  policyDigest: Hex;
  decisionHash: Hex;
  /** The version of the approvers' list. A new list voids every earlier approval. */
  approversVersion: bigint;
  /** Epoch seconds; from then on the wallet refuses the approval. */
  expiresAtS: number;
};

/**
 * The data that a person signs for a payment under review: payee, amount, expiry, policy, and the decision that was shown. The
 * wallet itself checks an approval above its ceilings; a rejection is checked by the server only.
 */
export function approvalTypedData(verdict: 'approve' | 'reject', terms: ApprovalTerms): TypedDataDefinition {
  const domain = { name: 'Bursar', version: '1', chainId: terms.chainId, verifyingContract: terms.wallet } as const;
  const message = {
    paymentId: terms.chainKey,
    token: terms.token,
    payee: terms.payee,
    amount: terms.amount as bigint,
    policyDigest: terms.policyDigest,
    decisionHash: terms.decisionHash,
    approversVersion: terms.approversVersion,
    expiresAt: BigInt(terms.expiresAtS),
  };
  return verdict === 'approve'
    ? { domain, types: approvalTypes, primaryType: 'PaymentApproval', message }
    : { domain, types: rejectionTypes, primaryType: 'PaymentRejection', message };
}

export type SignatureCheck =
  /** The form that the contract takes. */
  { valid: true; signature: Hex } | { valid: false; why: 'malformed' | 'other_signer' | 'refused_by_contract' };

const erc1271Abi = parseAbi(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)']);
const ERC1271_MAGIC = '0x1626ba7e';
/** EIP-2: half the order of secp256k1; the contract's ECDSA refuses an s above it. */
const S_MAX = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
const SIGNATURE_BYTES_MAX = 8_192;

/** A signature over EIP-712 data: see `verifyDigest`. */
export function verifySignature(
  chain: Chain,
  signer: Address,
  typedData: TypedDataDefinition,
  signature: Hex,
): Promise<SignatureCheck> {
  return verifyDigest(chain, signer, { digest: hashTypedData(typedData), signature });
}

/** `asker`: the caller of an ERC-1271 contract; the wallet, if the wallet will check the signature. */
export type SignedDigest = { digest: Hex; signature: Hex; asker?: Address };

/**
 * Checks a signature exactly as the wallet contract will (OpenZeppelin's SignatureChecker): by ERC-1271 where the signer has
 * code, else by ECDSA. A `v` of 0 or 1, as hardware signers give it, is brought to 27 or 28. Throws `chain_unavailable`.
 */
export async function verifyDigest(chain: Chain, signer: Address, signed: SignedDigest): Promise<SignatureCheck> {
  const { digest, signature } = signed;
  if (!isHex(signature) || signature.length % 2 !== 0 || size(signature) > SIGNATURE_BYTES_MAX) {
    return { valid: false, why: 'malformed' };
  }
  const code = await chain.run((client) => client.getCode({ address: signer }));
  if (code !== undefined) return askContract(chain, signer, signed);
  const canonical = canonicalEcdsa(signature);
  if (canonical === null) return { valid: false, why: 'malformed' };
  const recovered = await recoverAddress({ hash: digest, signature: canonical }).catch(() => null);
  return recovered === signer ? { valid: true, signature: canonical } : { valid: false, why: 'other_signer' };
}

async function askContract(
  chain: Chain,
  signer: Address,
  { digest, signature, asker: account }: SignedDigest,
): Promise<SignatureCheck> {
  const args = [digest, signature] as const;
  try {
    const answer = await chain.run((client) =>
      client.readContract({
        address: signer,
        abi: erc1271Abi,
        functionName: 'isValidSignature',
        args,
        ...(account ? { account } : {}),
      }),
    );
    return answer === ERC1271_MAGIC ? { valid: true, signature } : { valid: false, why: 'refused_by_contract' };
  } catch (error) {
    // A contract that reverts or returns nothing is not an ERC-1271 signer; an outage is an error instead.
    if (refusalIn(error) === null && !isNoData(error)) throw error;
    return { valid: false, why: 'refused_by_contract' };
  }
}

function isNoData(error: unknown): boolean {
  return error instanceof Error && /returned no data|out of bounds|could not be decoded/i.test(error.message);
}

function canonicalEcdsa(signature: Hex): Hex | null {
  if (size(signature) !== 65 || BigInt(sliceHex(signature, 32, 64)) > S_MAX) return null;
  const v = Number(sliceHex(signature, 64, 65));
  if (v === 27 || v === 28) return signature;
  return v === 0 || v === 1 ? concatHex([sliceHex(signature, 0, 64), v === 0 ? '0x1b' : '0x1c']) : null;
}
