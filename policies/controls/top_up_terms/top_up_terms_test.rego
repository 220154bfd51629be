package bursar.controls.top_up_terms_test

import data.bursar.controls.top_up_terms

_outcome(amount, limit) := outcome if {
	outcome := top_up_terms.outcome with input as {"payment": {"amount": amount}}
		with data.controls.top_up_terms as {"limit": limit}
}

test_up_to_the_cap_passes if _outcome(10000000, "10.00") == {"effect": "pass"}

test_over_the_cap_is_refused if {
	_outcome(10000001, "10.00") == {"effect": "deny", "code": "top_up_cap", "observed": 10000001, "limit": 10000000}
}

test_a_cap_that_is_no_amount_gives_no_answer if not _outcome(1, 10)
