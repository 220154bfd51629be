import { encodeAbiParameters, type Hex, keccak256 } from 'viem';

/** The fields of a purse's signature beside the transfer itself. */
export type AuthorizationFields = { paymentId: Hex; policyDigest: Hex; decisionHash: Hex; epoch: number };

/** Bytes: to 20, value 8, validBefore 5, epoch 4, payment id 32, policy digest 32, decision hash 32, then the executor's 65. */
const [EPOCH_AT, PAYMENT_AT, SIGNATURE_BYTES] = [33, 37, 198];

/** The EIP-3009 nonce that a purse demands for these fields. */
export const nonceOf = ({ paymentId, policyDigest, decisionHash, epoch }: AuthorizationFields): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'bytes32' }, { type: 'uint32' }],
      [paymentId, policyDigest, decisionHash, epoch],
    ),
  );

/**
 * Finds the purse's signature in a transaction's input, through any contract calls: it is the only place whose fields hash to the
 * nonce that the token logged. Null if it is not there (a contract had it in storage).
 */
export function authorizationFields(input: Hex, nonce: Hex): AuthorizationFields | null {
  const bytes = input.slice(2);
  const word = (at: number): Hex => `0x${bytes.slice(at * 2, at * 2 + 64)}`;
  const last = bytes.length / 2 - SIGNATURE_BYTES;
  // The token's `bytes signature` follows a word with its length; a whole input is at most 128 kB.
  for (let at = bytes.indexOf(LENGTH_WORD); at >= 0 && at / 2 + 32 <= last; at = bytes.indexOf(LENGTH_WORD, at + 1)) {
    if (at % 2 !== 0) continue;
    const start = at / 2 + 32;
    const fields = {
      epoch: Number.parseInt(bytes.slice((start + EPOCH_AT) * 2, (start + PAYMENT_AT) * 2), 16),
      paymentId: word(start + PAYMENT_AT),
      policyDigest: word(start + PAYMENT_AT + 32),
      decisionHash: word(start + PAYMENT_AT + 64),
    };
    if (nonceOf(fields) === nonce) return fields;
  }
  return null;
}

const LENGTH_WORD = SIGNATURE_BYTES.toString(16).padStart(64, '0');
