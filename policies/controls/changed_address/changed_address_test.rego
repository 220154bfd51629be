package bursar.controls.changed_address_test

import data.bursar.controls.changed_address

_place := {
	"address": "0xAb", "known": true, "retired": false, "changed_at": null, "verified_at": null, "payee_count": 1,
}

_settings := {"cooling_hours": 0, "quorum": 1, "roles": ["finance"]}

_outcome(change, last, settings) := outcome if {
	outcome := changed_address.outcome with input as {
		"time": {"ms": 10000000},
		"destination": object.union(_place, change),
		"history": {"host_last_address": last},
		"payment": {"host": null},
	}
		with data.controls.changed_address as object.union(_settings, settings)
}

test_the_known_address_passes if {
	_outcome({}, null, {}) == {"effect": "pass"}
	_outcome({}, "0xab", {}) == {"effect": "pass"}
}

test_a_retired_address_is_refused if {
	_outcome({"retired": true, "known": false}, null, {}) == {
		"effect": "deny", "code": "address_retired", "observed": "0xAb", "limit": null,
	}
}

test_an_unknown_address_is_reviewed if {
	_outcome({"known": false}, null, {}) == {
		"effect": "review", "code": "address_unknown", "observed": "0xAb", "limit": null, "quorum": 1, "roles": ["finance"],
	}
}

test_a_change_is_reviewed_until_it_is_verified if {
	_outcome({"changed_at": 5000000}, null, {}).code == "address_changed"
	_outcome({"changed_at": 5000000, "verified_at": 4999999}, null, {}).code == "address_changed"
	_outcome({"changed_at": 5000000, "verified_at": 5000000}, null, {}).effect == "pass"
}

test_a_verified_change_cools_for_the_hours_of_the_data if {
	verified := {"changed_at": 5000000, "verified_at": 6400000}
	_outcome(verified, null, {"cooling_hours": 1}).effect == "pass"
	_outcome(verified, null, {"cooling_hours": 2}).code == "address_changed"
	_outcome(verified, null, {"cooling_hours": null}).code == "address_changed"
}

test_an_address_of_several_payees_is_reviewed if {
	outcome := _outcome({"payee_count": 2}, null, {})
	outcome.code == "address_shared"
	outcome.observed == 2
}

test_a_host_that_names_another_address_is_reviewed if {
	outcome := _outcome({}, "0xcd", {})
	outcome.code == "host_address_changed"
	outcome.limit == "0xcd"
}

test_what_is_missing_is_not_passed if {
	not changed_address.outcome with input as {"destination": {"changed_at": null, "known": true, "retired": false}}
		with data.controls.changed_address as _settings
}

_asked(payment, payee) := outcome if {
	outcome := changed_address.outcome with input as {
		"time": {"ms": 10000000},
		"destination": _place,
		"history": {"host_last_address": null},
		"payment": payment,
		"payee": payee,
	}
		with data.controls.changed_address as _settings
}

test_a_host_that_is_not_the_payees_is_reviewed if {
	payee := {"name": "Grace", "hosts": ["grace.example"]}
	_asked({"host": "grace.example"}, payee) == {"effect": "pass"}
	_asked({"host": "evil.example"}, payee).code == "host_not_known"
	not _asked({}, payee)
}
