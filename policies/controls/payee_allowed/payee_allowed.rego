# METADATA
# title: Only payees on the list
# description: |
#   Payees that operators have added, or only those that the data lists; some agents, sponsors, workflows or labels may have a
#   list of their own, which narrows the first. Blocked payees and addresses are never paid.
package bursar.controls.payee_allowed

import data.bursar.layers

_settings := data.controls.payee_allowed

outcome := {"effect": "pass"} if {
	_blocked == set()
	_listed
	_in_own_list
} else := {"effect": "deny", "code": "payee_blocked", "observed": input.payee.name, "limit": null} if {
	count(_blocked) > 0
} else := {"effect": "deny", "code": "payee_not_allowed", "observed": _asked, "limit": null} if {
	_blocked == set()
	not _allowed
}

_allowed if {
	_listed
	_in_own_list
}

_names := {input.payee.id, input.payee.name}

# Both must be there before "not among them" means anything.
_blocked := {name | some name in _settings.blocked; name in _marks} | _status_block if {
	is_array(_settings.blocked)
	is_set(_marks)
}

_marks := _names | {input.destination.address, lower(input.destination.address)}

_status_block := set() if input.payee.status == "active"

_status_block := {input.payee.id} if input.payee.status == "blocked"

_listed if {
	_settings.mode == "registered"
	is_string(input.payee.id)
}

_listed if {
	_settings.mode == "listed"
	some name in _settings.payees
	name in _names
}

_own_lists := [override.payees | some override in _settings.overrides; layers.applies(override)] if {
	every override in _settings.overrides { layers.well_formed(override, "payees") }
}

_in_own_list if _own_lists == []

_in_own_list if {
	some name in _own_lists[0]
	name in _names
}

_asked := input.destination.address if input.payee == null

_asked := input.payee.name
