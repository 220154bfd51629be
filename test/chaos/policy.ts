import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { compilePolicyDirectory } from '../../src/decide/policy/compile.ts';
import { POLICIES } from '../../src/decide/policy/sources.ts';

/** All agents together, for ever: the budget that requests race for. */
const sharedBudget = (micro: bigint): string => `# METADATA
# title: One budget of all agents
# description: The payouts of all agents together, this one included, are at most the budget.
package bursar.controls.shared_budget

meters := {"all_ever": {"by": [], "window": "lifetime", "refunds": "restore"}}

_spent := input.meters.all_ever.total + input.payment.amount

outcome := {"effect": "pass"} if {
	_spent <= ${micro}
} else := {"effect": "deny", "code": "shared_budget", "observed": _spent, "limit": ${micro}}
`;

const UNLIMITED = '1000000000.00';

/** The starter policy with its own sums and counts out of the way, and one budget that all agents share. */
export async function chaosPolicy(budgetMicro: bigint): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'bursar-chaos-policy-'));
  try {
    const data = parse(readFileSync(join(POLICIES, 'starter/data.yaml'), 'utf8')) as {
      required: Record<string, string[]>;
      controls: Record<string, Record<string, unknown>>;
    };
    data.required.payout?.unshift('shared_budget');
    // Below what the wallet's contract allows in a day: a policy above it raises an alert.
    data.controls.agent_daily = { ...data.controls.agent_daily, limit: '4500.00' };
    for (const name of ['agent_monthly', 'payee_limit']) {
      data.controls[name] = { ...data.controls[name], limit: UNLIMITED };
    }
    data.controls.velocity = { ...data.controls.velocity, limit: 1_000_000_000 };
    data.controls.category_limit = { categories: { contractor: UNLIMITED }, uncategorised: '0.00' };
    mkdirSync(join(dir, 'controls/shared_budget'), { recursive: true });
    writeFileSync(join(dir, 'controls/shared_budget/shared_budget.rego'), sharedBudget(budgetMicro));
    writeFileSync(join(dir, 'data.yaml'), stringify(data));
    return await compilePolicyDirectory(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
