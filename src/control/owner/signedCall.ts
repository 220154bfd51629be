import { type Address, type Hex, hashTypedData, recoverTypedDataAddress } from 'viem';
import type { Call } from '../../chain/contracts/agentWallet.ts';
import { BursarError } from '../../core/errors/base.ts';

/** The longest validity of an owner's signed request. */
export const SIGNED_CALL_SECONDS = 600;

/**
 * The data that an owner signs so that the server sends a call with the owner's key, which the server also has: only one program
 * may send with a key, and an operator's API key alone must not have the owner's powers.
 */
export function ownerCallTypedData(chainId: number, call: Call, expiresAtS: number) {
  return {
    domain: { name: 'Bursar', version: '1', chainId },
    types: {
      OwnerCall: [
        { name: 'to', type: 'address' },
        { name: 'data', type: 'bytes' },
        { name: 'expiresAt', type: 'uint256' },
      ],
    },
    primaryType: 'OwnerCall',
    message: { to: call.to, data: call.data, expiresAt: BigInt(expiresAtS) },
  } as const;
}

/** Returns the digest, by which one request is sent only once. Throws `approval_invalid`. */
export async function checkOwnerCall(
  chainId: number,
  call: Call,
  signed: { signer: Address; expiresAtS: number; signature: Hex },
  nowS: number,
): Promise<Hex> {
  if (signed.expiresAtS <= nowS || signed.expiresAtS > nowS + SIGNED_CALL_SECONDS) {
    throw new BursarError('approval_invalid', {
      message: `The signed call must expire within ${SIGNED_CALL_SECONDS} seconds from now, and not before.`,
    });
  }
  const typedData = ownerCallTypedData(chainId, call, signed.expiresAtS);
  const recovered = await recoverTypedDataAddress({ ...typedData, signature: signed.signature }).catch(() => null);
  if (recovered !== signed.signer) {
    throw new BursarError('approval_invalid', { message: `The call is not signed by ${signed.signer}.` });
  }
  return hashTypedData(typedData);
}
