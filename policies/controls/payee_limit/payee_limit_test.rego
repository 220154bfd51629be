package bursar.controls.payee_limit_test

import data.bursar.controls.payee_limit

_outcome(total, amount) := outcome if {
	outcome := payee_limit.outcome with input as {"payment": {"amount": amount}, "meters": {"payee_30d": {"total": total}}}
		with data.controls.payee_limit as {"limit": "200.00", "overrides": []}
}

test_up_to_the_limit_passes if {
	_outcome(0, 200000000) == {"effect": "pass"}
	_outcome(199000000, 1000000) == {"effect": "pass"}
}

test_over_the_limit_is_refused if {
	_outcome(199000000, 1000001) == {
		"effect": "deny", "code": "payee_limit", "observed": 200000001, "limit": 200000000,
	}
}

test_without_its_meter_it_gives_no_answer if {
	not _outcome(null, 1)
	not payee_limit.outcome with input as {"payment": {"amount": 1}, "meters": {}}
		with data.controls.payee_limit as {"limit": "200.00", "overrides": []}
}

test_its_meter if {
	meters := payee_limit.meters with data.settings.timezone as "Europe/Berlin"
	meters.payee_30d.window == {"rolling": "P30D"}
}
