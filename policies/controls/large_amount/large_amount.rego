# METADATA
# title: Approval of large amounts
# description: |
#   A payment that reaches a threshold needs its quorum of approvals by people with one of its roles. Of several thresholds
#   that the amount reaches, the highest applies.
package bursar.controls.large_amount

import data.bursar.money

_thresholds := data.controls.large_amount.thresholds

_amounts := [money.usdc(threshold.from) | some threshold in _thresholds]

_reached := {amount | some amount in _amounts; amount <= input.payment.amount} if {
	is_number(input.payment.amount)

	# Every threshold must be well formed: a malformed one would be skipped and protect nothing.
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
