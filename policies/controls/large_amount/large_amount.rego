# METADATA
# title: People decide on large amounts
# description: |
#   From each threshold on a payment needs so many approvals by people with one of the roles. The highest threshold that the
#   amount reaches counts.
package bursar.controls.large_amount

import data.bursar.money

_thresholds := data.controls.large_amount.thresholds

_amounts := [money.usdc(threshold.from) | some threshold in _thresholds]

_reached := {amount | some amount in _amounts; amount <= input.payment.amount} if {
	is_number(input.payment.amount)

	# Each must be readable: a threshold that is skipped is one that does not guard.
	count(_amounts) == count(_thresholds)
}

_highest := max(_reached)

outcome := {"effect": "pass"} if {
	_reached == set()
} else := {
	"effect": "review",
	"code": "large_amount",
	"observed": input.payment.amount,
	"limit": _highest,
	"quorum": _threshold.quorum,
	"roles": _threshold.roles,
}

_threshold := [threshold | some index, threshold in _thresholds; _amounts[index] == _highest][0]
