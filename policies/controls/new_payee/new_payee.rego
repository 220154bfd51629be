# METADATA
# title: A new payee
# description: |
#   An agent's first payment to a payee goes to review unless the payee's address was verified.
package bursar.controls.new_payee

_settings := data.controls.new_payee

outcome := {"effect": "pass"} if {
	is_number(input.destination.verified_at)
} else := {"effect": "pass"} if {
	input.destination.verified_at == null
	input.history.payee.settled_count >= 1
	is_number(input.history.payee.settled_count)
} else := {
	"effect": "review",
	"code": "new_payee",
	"observed": input.payee.name,
	"limit": null,
	"quorum": _settings.quorum,
	"roles": _settings.roles,
}
