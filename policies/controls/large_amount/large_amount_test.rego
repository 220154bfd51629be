package bursar.controls.large_amount_test

import data.bursar.controls.large_amount

_thresholds := [
	{"from": "25.00", "quorum": 1, "roles": ["finance"]},
	{"from": "100.00", "quorum": 2, "roles": ["finance", "cfo"]},
]

_outcome(amount, thresholds) := outcome if {
	outcome := large_amount.outcome with input as {"payment": {"amount": amount}}
		with data.controls.large_amount as {"thresholds": thresholds}
}

test_below_the_first_threshold_passes if {
	_outcome(24999999, _thresholds) == {"effect": "pass"}
	_outcome(24999999, []) == {"effect": "pass"}
}

test_from_a_threshold_on_people_decide if {
	_outcome(25000000, _thresholds) == {
		"effect": "review", "code": "large_amount", "observed": 25000000, "limit": 25000000, "quorum": 1, "roles": ["finance"],
	}
}

test_the_highest_threshold_counts_in_any_order if {
	_outcome(100000000, _thresholds).quorum == 2
	_outcome(100000000, [_thresholds[1], _thresholds[0]]).quorum == 2
}

test_a_threshold_that_cannot_be_read_gives_no_answer if {
	not _outcome(1, [{"from": 25, "quorum": 1, "roles": ["finance"]}])
	not _outcome(1, [{"quorum": 1, "roles": ["finance"]}, _thresholds[0]])
	not _outcome(null, _thresholds)
	not _outcome(25000000, [{"from": "25.00", "roles": ["finance"]}])
}
