import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { POLICIES } from '../../src/decide/policy/sources.ts';

const EVER = `# METADATA
# title: What an agent may ever spend
# description: All payments of an agent together, this one included, are at most 12.52 USDC.
package bursar.controls.ever

meters := {"spent_ever": {"by": ["agent"], "window": "lifetime", "refunds": "restore"}}

_spent := input.meters.spent_ever.total + input.payment.amount

outcome := {"effect": "pass"} if {
	_spent <= 12520000
} else := {"effect": "deny", "code": "spent_ever", "observed": _spent, "limit": 12520000}
`;

/** Writes the starter policy with one more control on payouts, `ever`, whose meter the starter does not keep. Gives the directory. */
export function writeOwnMeterPolicy(dir: string): string {
  mkdirSync(join(dir, 'controls/ever'), { recursive: true });
  const starter = readFileSync(join(POLICIES, 'starter/data.yaml'), 'utf8');
  writeFileSync(join(dir, 'data.yaml'), starter.replace('  payout:\n', '  payout:\n    - ever\n'));
  writeFileSync(join(dir, 'controls/ever/ever.rego'), EVER);
  return dir;
}
