# METADATA
# title: Cap on one payment
# description: |
#   Limits the amount of one payment.
package bursar.controls.payment_cap

import data.bursar.layers
import data.bursar.money

_limit := money.usdc(layers.pick(data.controls.payment_cap, "limit"))

outcome := {"effect": "pass"} if {
	input.payment.amount <= _limit
} else := {"effect": "deny", "code": "payment_cap", "observed": input.payment.amount, "limit": _limit}
