import type { Hex } from 'viem';
import { sha256 } from '../../core/ids/digest.ts';

/** sha-256 over the canonical JSON of digest, input hash and result hash. */
export function decisionHashOf(policyDigest: string, inputHash: string, resultHash: string): Hex {
  const text = JSON.stringify({ policy_digest: policyDigest, input_hash: inputHash, result_hash: resultHash });
  return `0x${sha256(text)}`;
}
