import { type Address, type Hex, keccak256, parseTransaction, recoverTransactionAddress } from 'viem';
import { invariant } from '../../core/errors/base.ts';
import type { KeyProvider, KeyRole } from '../keys/keys.ts';
import type { SignedAttempt } from './attempts.ts';
import type { TransactionRow } from './transactions.ts';

export type AttemptTerms = {
  row: TransactionRow;
  nonce: bigint;
  gasLimit: bigint;
  maxFee: bigint;
  maxPriorityFee: bigint;
  atMs: number;
};

/** Signs one attempt and verifies the signer: a KMS may hold another key than expected. Broadcasts nothing. */
export async function signAttempt(
  keys: KeyProvider,
  role: KeyRole,
  sender: Address,
  { row, nonce, gasLimit, maxFee, maxPriorityFee, atMs }: AttemptTerms,
): Promise<SignedAttempt> {
  const raw = await keys.signTransaction(role, {
    type: 'eip1559',
    chainId: Number(row.chain_id),
    nonce: Number(nonce),
    to: row.to_address,
    data: row.data,
    value: 0n,
    gas: gasLimit,
    maxFeePerGas: maxFee,
    maxPriorityFeePerGas: maxPriorityFee,
  });
  invariant(isEip1559(raw), 'The signer returned no EIP-1559 transaction.');
  const [signer, parsed] = [await recoverTransactionAddress({ serializedTransaction: raw }), parseTransaction(raw)];
  invariant(signer === sender, 'The signer used another key than the sender queue has.', { expected: sender, signer });
  invariant(BigInt(parsed.nonce ?? 0) === nonce, 'The signer changed the nonce.');
  return { hash: keccak256(raw), raw, gasLimit, maxFee, maxPriorityFee, atMs };
}

function isEip1559(raw: Hex): raw is `0x02${string}` {
  return raw.startsWith('0x02');
}
