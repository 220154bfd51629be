# METADATA
# title: Earned money
# description: |
#   Limits the share of its earnings that an agent may spend. The rest is kept for refunds and splits, which are charged to the
#   kept part first. Money from the sponsor is not limited by this control.
package bursar.controls.earned_money

import data.bursar.layers

_percent := layers.pick(data.controls.earned_money, "spendable_percent")

# Rounded up, in two steps so that no product exceeds 2^53.
_locked := (((input.funds.earned - left) / 100) * (100 - _percent)) + ceil((left * (100 - _percent)) / 100) if {
	_percent >= 0
	_percent <= 100
	left := input.funds.earned % 100
}

# At 100 percent nothing is kept, regardless of what was refunded or split.
_spendable := input.funds.available - max([0, _locked - input.funds.passed_on])

outcome := {"effect": "pass"} if {
	input.payment.amount <= _spendable
} else := {"effect": "pass"} if {
	# The gate itself denies a payment above the available balance.
	_percent == 100
	_locked == 0
	is_number(_spendable)
} else := {
	"effect": "deny",
	"code": "earned_money",
	"observed": input.payment.amount,
	"limit": max([0, _spendable]),
}
