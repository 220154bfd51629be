# METADATA
# title: A changed or unknown address
# description: |
#   A payment goes to review if its address was changed and not verified since, is not one of the payee's, belongs to several
#   payees, is requested by a host that is not the payee's, or differs from the address at which the host was paid last. A
#   payment to a retired address is denied.
package bursar.controls.changed_address

import data.bursar.numbers

_settings := data.controls.changed_address

_address := input.destination.address

# All conditions to pass are in one rule: a branch that is undefined falls through to the next one.
outcome := {"effect": "pass"} if {
	input.destination.retired == false
	input.destination.known == true
	_change_settled
	numbers.whole(input.destination.payee_count) <= 1
	_host_address_same
	_host_known
} else := {"effect": "deny", "code": "address_retired", "observed": _address, "limit": null} if {
	input.destination.retired == true
} else := _review("address_unknown", _address, null) if {
	input.destination.known == false
} else := _review("host_not_known", input.payment.host, input.payee.name) if {
	not _host_known
} else := _review("address_changed", _address, null) if {
	not _change_settled
} else := _review("address_shared", input.destination.payee_count, 1) if {
	input.destination.payee_count > 1
} else := _review("host_address_changed", _address, input.history.host_last_address) if {
	not _host_address_same
}

_change_settled if input.destination.changed_at == null

_change_settled if {
	verified_at := numbers.whole(input.destination.verified_at)
	verified_at >= numbers.whole(input.destination.changed_at)
	input.time.ms >= verified_at + (numbers.whole(_settings.cooling_hours) * 3600000)
}

_host_known if input.payment.host == null

_host_known if input.payment.host in input.payee.hosts

_host_address_same if input.history.host_last_address == null

_host_address_same if lower(input.history.host_last_address) == lower(_address)

_review(code, observed, limit) := {
	"effect": "review",
	"code": code,
	"observed": observed,
	"limit": limit,
	"quorum": _settings.quorum,
	"roles": _settings.roles,
}
