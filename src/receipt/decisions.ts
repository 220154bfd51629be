import { sha256 } from '../ids/digest.ts';
import { decisionHashOf } from '../payments/decide.ts';
import { readBundle } from '../policy/bundle.ts';
import { probe } from '../policy/probe.ts';
import { type Replay, replay } from '../policy/replay.ts';
import { type Finding, finding } from './finding.ts';
import type { Receipt } from './receipt.ts';

/** Longer than any decision takes; a receipt is a stranger's, and so is the policy in it. */
const LIMIT_MS = 10_000;

/** What each decision says of itself, and what its policy, run again on its input, says of it. */
export async function checkDecisions(receipt: Receipt, limitMs: number = LIMIT_MS): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [index, decision] of receipt.decisions.entries()) {
    const name = `decision ${index + 1}`;
    const hash = decisionHashOf(decision.policy_digest, sha256(decision.input), sha256(decision.result));
    findings.push(
      finding(`${name}: hash`, hash === decision.hash, `${decision.hash} is the hash of digest, input and result`),
    );
    const bundle = receipt.bundles[decision.policy_digest];
    if (bundle === undefined) {
      findings.push(finding(`${name}: policy`, false, `the bundle ${decision.policy_digest} is not in the receipt`));
      continue;
    }
    try {
      const again = await replayed(bundle, decision.input, limitMs);
      const known = again.digest === decision.policy_digest;
      findings.push(finding(`${name}: policy`, known, `the bundle's digest is ${again.digest}`));
      const same = again.resultText === decision.result && again.decision.effect === decision.effect;
      findings.push(finding(`${name}: replay`, same, `the policy, run again, says ${again.decision.effect}`));
    } catch (error) {
      findings.push(
        finding(`${name}: policy`, false, error instanceof Error ? error.message : 'the bundle cannot be loaded'),
      );
    }
  }
  const last = receipt.decisions.at(-1);
  findings.push(finding('allowed', last?.effect === 'allow', `the decision in force was ${last?.effect ?? 'none'}`));
  findings.push(
    finding('policy version', last?.policy_digest === receipt.policy_digest, `paid under ${receipt.policy_digest}`),
  );
  // With a review the chain carries the hash that people signed, which is the first decision's.
  const carried = receipt.decisions.some((decision) => decision.hash === receipt.decision_hash);
  findings.push(finding('decision on chain', carried, `${receipt.decision_hash} is one of the decisions`));
  return findings;
}

/** First in a worker that can be killed: a policy may loop on just this input. What ends there ends here, since it is deterministic. */
async function replayed(bundleText: string, input: string, limitMs: number): Promise<Replay> {
  const { bundle } = readBundle(bundleText);
  await probe(Uint8Array.from(Buffer.from(bundle.wasm, 'base64')), bundle.data, JSON.parse(input), limitMs);
  return replay(bundleText, input);
}
