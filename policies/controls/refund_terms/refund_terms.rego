# METADATA
# title: Refunds
# description: |
#   A refund must name the payment that it returns, and a large one goes to review. The ledger limits the sum of refunds to
#   the amount of that payment.
package bursar.controls.refund_terms

import data.bursar.money

_settings := data.controls.refund_terms

_from := money.usdc(_settings.review_from)

outcome := {"effect": "pass"} if {
	is_string(input.payment.refund_of)
	input.payment.amount < _from
} else := {"effect": "deny", "code": "refund_unlinked", "observed": null, "limit": null} if {
	input.payment.refund_of == null
} else := {
	"effect": "review",
	"code": "refund_review",
	"observed": input.payment.amount,
	"limit": _from,
	"quorum": _settings.quorum,
	"roles": _settings.roles,
} if {
	is_string(input.payment.refund_of)
}
