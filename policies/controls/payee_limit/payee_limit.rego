# METADATA
# title: An agent's limit for one payee
# description: |
#   Limits the sum of the agent's payments to one payee within 30 days, this one included.
package bursar.controls.payee_limit

import data.bursar.layers
import data.bursar.money

meters := {"payee_30d": {"by": ["agent", "payee"], "window": {"rolling": "P30D"}, "refunds": "restore"}}

_limit := money.usdc(layers.pick(data.controls.payee_limit, "limit"))

_spent := input.meters.payee_30d.total + input.payment.amount

outcome := {"effect": "pass"} if {
	_spent <= _limit
} else := {"effect": "deny", "code": "payee_limit", "observed": _spent, "limit": _limit}
