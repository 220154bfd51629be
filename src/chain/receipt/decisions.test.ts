import { expect, it } from 'vitest';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { digestOf, readBundle } from '../../decide/policy/bundle.ts';
import { decisionHashOf } from '../../decide/policy/decision.ts';
import { checkDecisions } from './decisions.ts';
import type { Receipt } from './receipt.ts';

it('a policy that comes to no end on the receipt’s own input is a failed check', async () => {
  const deny = '{"effect": "deny", "reasons": [], "review": null}';
  const bundle = await handMade(
    `meters := {}\n\ndecision := ${deny} if input.payment.amount < 10000000\n\nelse := count([1 | some x in numbers.range(1, 3000); some y in numbers.range(1, 3000); some z in numbers.range(1, 3000); x + y + z < 0])`,
  );
  const policy_digest = digestOf(readBundle(bundle).bundle);
  const input = JSON.stringify({ payment: { amount: 10_000_001 } });
  const hash = decisionHashOf(policy_digest, sha256(input), sha256(deny));
  const decision = { hash, policy_digest, input, result: deny, effect: 'allow' as const, decided_at: 0 };
  const receipt = {
    decisions: [decision],
    bundles: { [policy_digest]: bundle },
    policy_digest,
    decision_hash: hash,
  } as Partial<Receipt> as Receipt;
  const findings = await checkDecisions(receipt, 1_000);
  expect(findings.filter(({ ok }) => !ok)).toEqual([
    { check: 'decision 1: policy', ok: false, detail: expect.stringMatching(/The policy (failed|did not answer)/) },
  ]);
}, 60_000);
