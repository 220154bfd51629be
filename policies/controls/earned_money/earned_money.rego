# METADATA
# title: Earned money
# description: |
#   How much of what an agent has earned it may spend itself. The rest stays for refunds and splits, which count against it
#   first; money that its sponsor gave it is not touched by this.
package bursar.controls.earned_money

import data.bursar.layers

_percent := layers.pick(data.controls.earned_money, "spendable_percent")

# Rounded up; in two steps, so that no product is beyond 2^53.
_locked := (((input.funds.earned - left) / 100) * (100 - _percent)) + ceil((left * (100 - _percent)) / 100) if {
	_percent >= 0
	_percent <= 100
	left := input.funds.earned % 100
}

# Nothing is kept back where all may be spent, whatever was passed on.
_spendable := input.funds.available - max([0, _locked - input.funds.passed_on])

outcome := {"effect": "pass"} if {
	input.payment.amount <= _spendable
} else := {"effect": "pass"} if {
	# What is not there at all is for the gate to say.
	_percent == 100
	_locked == 0
	is_number(_spendable)
} else := {
	"effect": "deny",
	"code": "earned_money",
	"observed": input.payment.amount,
	"limit": max([0, _spendable]),
}
