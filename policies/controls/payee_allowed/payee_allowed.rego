# METADATA
# title: Only payees on the list
# description: |
#   Allows payees that operators have added, or only those that the data lists. An agent, sponsor, workflow or label may have
#   its own list, which narrows the first one. Blocked payees and addresses are never paid.
package bursar.controls.payee_allowed

import data.bursar.layers

_settings := data.controls.payee_allowed

outcome := {"effect": "pass"} if {
	_unblocked
	_allowed
} else := {"effect": "deny", "code": "payee_blocked", "observed": input.payee.name, "limit": null} if {
	_blocked
} else := {"effect": "deny", "code": "payee_not_allowed", "observed": _asked, "limit": null} if {
	not _allowed
}

_unblocked if {
	_settings.blocked == []
	input.payee.status == "active"
}

# The payee or address must be defined: "not in blocked" would also be true of an undefined one.
_unblocked if {
	count(_settings.blocked) > 0
	input.payee.status == "active"
	count(_marks) > 0
	every name in _settings.blocked { not _marks[name] }
}

_blocked if input.payee.status == "blocked"

_blocked if {
	some name in _settings.blocked
	name in _marks
}

_marks := {
	input.payee.id,
	input.payee.name,
	input.destination.address,
	lower(input.destination.address),
}

_allowed if {
	_listed
	_in_own_list
}

_listed if {
	_settings.mode == "registered"
	is_string(input.payee.id)
}

_listed if {
	_settings.mode == "listed"
	some name in _settings.payees
	_is_payee(name)
}

_in_own_list if _settings.overrides == []

_in_own_list if _own_lists == []

_in_own_list if {
	some name in _own_lists[0]
	_is_payee(name)
}

_own_lists := [override.payees | some override in _settings.overrides; layers.applies(override)] if {
	every override in _settings.overrides { layers.well_formed(override, "payees") }
}

_is_payee(name) if name in {input.payee.id, input.payee.name}

_asked := input.destination.address if input.payee == null

_asked := input.payee.name
