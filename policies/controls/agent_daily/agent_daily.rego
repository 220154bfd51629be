# METADATA
# title: An agent's limit for a day
# description: |
#   Limits the sum of the agent's payments, this one included, in a calendar day of the policy's time zone.
package bursar.controls.agent_daily

import data.bursar.layers
import data.bursar.money

meters := {"agent_day": {"by": ["agent"], "window": {"calendar": "day", "tz": data.settings.timezone}, "refunds": "never"}}

_limit := money.usdc(layers.pick(data.controls.agent_daily, "limit"))

_spent := input.meters.agent_day.total + input.payment.amount

outcome := {"effect": "pass"} if {
	_spent <= _limit
} else := {"effect": "deny", "code": "agent_daily", "observed": _spent, "limit": _limit}
