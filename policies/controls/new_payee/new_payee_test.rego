package bursar.controls.new_payee_test

import data.bursar.controls.new_payee

_outcome(verified_at, settled) := outcome if {
	outcome := new_payee.outcome with input as {
		"payee": {"name": "vendor"},
		"destination": {"verified_at": verified_at},
		"history": {"payee": {"settled_count": settled}},
	}
		with data.controls.new_payee as {"quorum": 1, "roles": ["finance"]}
}

test_a_verified_payee_passes if _outcome(0, 0) == {"effect": "pass"}

test_a_payee_paid_before_passes if _outcome(null, 1) == {"effect": "pass"}

test_a_new_payee_is_reviewed if {
	_outcome(null, 0) == {
		"effect": "review", "code": "new_payee", "observed": "vendor", "limit": null, "quorum": 1, "roles": ["finance"],
	}
}

test_without_people_there_is_no_answer if {
	not new_payee.outcome with input as {"payee": {"name": "vendor"}} with data.controls.new_payee as {}
}
