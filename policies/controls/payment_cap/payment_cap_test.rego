package bursar.controls.payment_cap_test

import data.bursar.controls.payment_cap

_outcome(amount, settings) := outcome if {
	outcome := payment_cap.outcome with input as {"payment": {"amount": amount}, "agent": {"id": "agt_1", "name": "a"}}
		with data.controls.payment_cap as settings
}

_settings := {"limit": "50.00", "overrides": []}

test_up_to_the_cap_passes if _outcome(50000000, _settings) == {"effect": "pass"}

test_over_the_cap_is_refused if {
	_outcome(50000001, _settings) == {"effect": "deny", "code": "payment_cap", "observed": 50000001, "limit": 50000000}
}

test_an_agent_may_have_a_cap_of_its_own if {
	_outcome(10000001, {"limit": "50.00", "overrides": [{"agent": "agt_1", "limit": "10.00"}]}).limit == 10000000
}

test_a_cap_that_is_no_amount_gives_no_answer if {
	not _outcome(1, {"limit": 50, "overrides": []})
	not _outcome(1, {"overrides": []})
	not _outcome(1, {"limit": "50.00"})
}
