# METADATA
# title: An agent's limit for a month
# description: |
#   Limits the sum of the agent's payments, this one included, in a calendar month of the policy's time zone.
package bursar.controls.agent_monthly

import data.bursar.layers
import data.bursar.money

meters := {"agent_month": {"by": ["agent"], "window": {"calendar": "month", "tz": data.settings.timezone}, "refunds": "restore"}}

_limit := money.usdc(layers.pick(data.controls.agent_monthly, "limit"))

_spent := input.meters.agent_month.total + input.payment.amount

outcome := {"effect": "pass"} if {
	_spent <= _limit
} else := {"effect": "deny", "code": "agent_monthly", "observed": _spent, "limit": _limit}
