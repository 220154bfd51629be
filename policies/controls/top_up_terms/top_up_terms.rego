# METADATA
# title: Top-ups of the x402 purse
# description: |
#   Limits one transfer from an agent's wallet to its own purse. The money in the purse is what sellers can take.
package bursar.controls.top_up_terms

import data.bursar.money

_limit := money.usdc(data.controls.top_up_terms.limit)

outcome := {"effect": "pass"} if {
	input.payment.amount <= _limit
} else := {"effect": "deny", "code": "top_up_cap", "observed": input.payment.amount, "limit": _limit}
