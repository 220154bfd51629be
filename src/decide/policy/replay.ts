import { sha256 } from '../../core/ids/digest.ts';
import type { Decision } from './decision.ts';
import { loadPolicy } from './loadPolicy.ts';

export type Replay = {
  /** `sha256:<64 hex>` of the bundle, verified. */
  digest: string;
  decision: Decision;
  resultText: string;
  /** sha-256 hex of the exact texts, as in a decision hash. */
  inputHash: string;
  resultHash: string;
};

/**
 * Repeats a decision: the same bundle and the same input text give the same result text, on any machine. The time limit is wide,
 * since a slow machine must not change the answer. Throws as `loadPolicy` does.
 */
export async function replay(bundleText: string, inputText: string): Promise<Replay> {
  const policy = await loadPolicy(bundleText, { evaluationLimitMs: 10_000, probeLimitMs: 30_000 });
  const { decision, resultText } = policy.evaluate(inputText);
  return { digest: policy.digest, decision, resultText, inputHash: sha256(inputText), resultHash: sha256(resultText) };
}
