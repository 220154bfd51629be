package bursar.controls.payee_allowed_test

import data.bursar.controls.payee_allowed

_settings := {"mode": "registered", "payees": [], "blocked": [], "overrides": []}

_outcome(change, payee) := outcome if {
	outcome := payee_allowed.outcome with input as {
		"agent": {"id": "agt_1", "name": "researcher", "labels": {}},
		"sponsor": {"id": "spn_1", "name": "lab"},
		"workflow": null,
		"payee": payee,
		"destination": {"address": "0xAb"},
	}
		with data.controls.payee_allowed as object.union(_settings, change)
}

_vendor := {"id": "pye_1", "name": "vendor", "status": "active"}

test_a_registered_payee_passes if _outcome({}, _vendor) == {"effect": "pass"}

test_no_payee_is_refused if {
	_outcome({}, null) == {"effect": "deny", "code": "payee_not_allowed", "observed": "0xAb", "limit": null}
}

test_only_listed_payees_pass_where_the_mode_says_so if {
	_outcome({"mode": "listed", "payees": ["vendor"]}, _vendor).effect == "pass"
	_outcome({"mode": "listed", "payees": ["pye_1"]}, _vendor).effect == "pass"
	_outcome({"mode": "listed", "payees": ["other"]}, _vendor) == {
		"effect": "deny", "code": "payee_not_allowed", "observed": "vendor", "limit": null,
	}
	_outcome({"mode": "other"}, _vendor).code == "payee_not_allowed"
}

test_blocked_payees_and_addresses_are_refused if {
	every mark in ["pye_1", "vendor", "0xAb", "0xab"] {
		_outcome({"blocked": ["x", mark]}, _vendor) == {
			"effect": "deny", "code": "payee_blocked", "observed": "vendor", "limit": null,
		}
	}
	_outcome({}, object.union(_vendor, {"status": "blocked"})).code == "payee_blocked"
	_outcome({"blocked": ["x"]}, _vendor).effect == "pass"
}

test_an_agent_may_have_a_list_of_its_own if {
	_outcome({"overrides": [{"agent": "researcher", "payees": ["vendor"]}]}, _vendor).effect == "pass"
	_outcome({"overrides": [{"agent": "researcher", "payees": ["other"]}]}, _vendor).code == "payee_not_allowed"
	_outcome({"overrides": [{"agent": "other", "payees": []}]}, _vendor).effect == "pass"
	_outcome({"overrides": [{"payees": ["vendor"]}]}, _vendor).code == "payee_not_allowed"
}

test_what_is_missing_is_not_passed if {
	not _outcome({}, {"id": "pye_1", "name": "vendor"})
	not _outcome({"blocked": ["x"]}, {"id": "pye_1", "status": "active"})
	not _outcome({"blocked": null}, _vendor)
}
