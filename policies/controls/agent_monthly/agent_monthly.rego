# METADATA
# title: An agent's limit for a month
# description: |
#   What the agent spends in a calendar month of the policy's zone, this payment included, is at most the limit.
package bursar.controls.agent_monthly

import data.bursar.layers
import data.bursar.money

meters := {"agent_month": {"by": ["agent"], "window": {"calendar": "month", "tz": data.settings.timezone}, "refunds": "restore"}}

_limit := money.usdc(layers.pick(data.controls.agent_monthly, "limit"))

_spent := input.meters.agent_month.total + input.payment.amount

outcome := {"effect": "pass"} if {
	_spent <= _limit
} else := {"effect": "deny", "code": "agent_monthly", "observed": _spent, "limit": _limit}
