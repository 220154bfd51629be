import { sha256 } from '../../core/ids/digest.ts';
import { decisionHashOf } from '../../decide/policy/decision.ts';
import { compared, type Finding, finding } from './finding.ts';
import { toldOf } from './input.ts';
import type { Receipt } from './receipt.ts';
import { replayIn } from './replays.ts';

/** Longer than any decision takes. A receipt is outside input, and so is the policy in it. */
const LIMIT_MS = 10_000;

/** Compares each stored decision with the result of its policy, run again on its input. */
export async function checkDecisions(receipt: Receipt, limitMs: number = LIMIT_MS): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [index, decision] of receipt.decisions.entries()) {
    const name = `decision ${index + 1}`;
    const at = `decisions.${index}`;
    const hash = decisionHashOf(decision.policy_digest, sha256(decision.input), sha256(decision.result));
    findings.push(
      finding(
        `${name}: hash`,
        hash === decision.hash,
        `${decision.hash} is the hash of policy digest, input and result`,
        [`${at}.hash`, `${at}.policy_digest`, `${at}.input`, `${at}.result`],
      ),
    );
    // A decision that no hash covers is no evidence, and is not run.
    if (hash === decision.hash) findings.push(...(await checkReplay(receipt, index, limitMs)));
  }
  const last = receipt.decisions.at(-1);
  findings.push(
    finding('allowed', last?.effect === 'allow', `the decision in force was ${last?.effect ?? 'none'}`, [
      `decisions.${receipt.decisions.length - 1}.effect`,
    ]),
    compared('policy version', `paid under ${receipt.policy_digest}`, 'the decision in force says', [
      ['policy_digest', receipt.policy_digest, last?.policy_digest],
    ]),
    // After a review the chain has the hash that people signed, which is the first decision's.
    compared('decision on chain', `${receipt.decision_hash} is the first decision`, 'the first decision is', [
      ['decision_hash', receipt.decision_hash, receipt.decisions[0]?.hash],
    ]),
    checkOrder(receipt),
    checkBundles(receipt),
  );
  return findings;
}

async function checkReplay(receipt: Receipt, index: number, limitMs: number): Promise<Finding[]> {
  const decision = receipt.decisions[index];
  if (!decision) return [];
  const name = `decision ${index + 1}`;
  const field = `bundles.${decision.policy_digest}`;
  const bundle = Object.hasOwn(receipt.bundles, decision.policy_digest)
    ? receipt.bundles[decision.policy_digest]
    : undefined;
  if (bundle === undefined) {
    const detail = `the bundle ${decision.policy_digest} is not in the receipt`;
    return [finding(`${name}: policy`, false, detail, [field, `decisions.${index}.policy_digest`])];
  }
  try {
    const again = await replayIn(bundle, decision.input, limitMs);
    const known = again.digest === decision.policy_digest;
    return [
      finding(`${name}: policy`, known, `the bundle's digest is ${again.digest}`, [field]),
      compared(
        `${name}: replay`,
        `the policy, run again, says ${again.decision.effect}`,
        'the policy, run again, says',
        [
          [`decisions.${index}.effect`, decision.effect, again.decision.effect],
          [`decisions.${index}.result`, decision.result, again.resultText],
        ],
      ),
    ];
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'the bundle cannot be loaded';
    return [finding(`${name}: policy`, false, detail, [field, `decisions.${index}.input`])];
  }
}

/** Each input has the hash of the decision before it, so none can be left out or moved. */
function checkOrder({ decisions }: Receipt): Finding {
  const wrong = decisions.findIndex(({ input }, index) => {
    const told = toldOf(input);
    return told !== undefined && told.previous !== (decisions[index - 1]?.hash ?? null);
  });
  if (wrong < 0) return finding('order of decisions', true, `${decisions.length}, each naming the one before it`);
  return finding('order of decisions', false, `the input of decision ${wrong + 1} names another decision before it`, [
    `decisions.${Math.max(wrong - 1, 0)}`,
    `decisions.${wrong}`,
  ]);
}

/** A bundle that no decision used is no evidence of this payment. */
function checkBundles({ bundles, decisions }: Receipt): Finding {
  const unused = Object.keys(bundles).filter((digest) => !decisions.some((each) => each.policy_digest === digest));
  const detail = unused.length === 0 ? 'each decided here' : `no decision was made by ${unused.join(', ')}`;
  return finding(
    'bundles',
    unused.length === 0,
    detail,
    unused.map((digest) => `bundles.${digest}`),
  );
}
