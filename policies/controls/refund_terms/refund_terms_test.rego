package bursar.controls.refund_terms_test

import data.bursar.controls.refund_terms

_outcome(amount, refund_of) := outcome if {
	outcome := refund_terms.outcome with input as {"payment": {"amount": amount, "refund_of": refund_of}}
		with data.controls.refund_terms as {"review_from": "25.00", "quorum": 1, "roles": ["finance"]}
}

test_a_small_linked_refund_passes if _outcome(24999999, "pay_1") == {"effect": "pass"}

test_an_unlinked_refund_is_refused if _outcome(1, null).code == "refund_unlinked"

test_a_large_refund_is_reviewed if {
	_outcome(25000000, "pay_1") == {
		"effect": "review", "code": "refund_review", "observed": 25000000, "limit": 25000000, "quorum": 1, "roles": ["finance"],
	}
}

test_what_is_missing_gives_no_answer if {
	not refund_terms.outcome with input as {"payment": {"amount": 1, "refund_of": "pay_1"}} with data.controls.refund_terms as {}
	not refund_terms.outcome with input as {"payment": {"amount": 1}}
		with data.controls.refund_terms as {"review_from": "25.00", "quorum": 1, "roles": ["finance"]}
}
