package bursar.controls.earned_money_test

import data.bursar.controls.earned_money

_outcome(amount, funds, percent) := _with(amount, funds, {"spendable_percent": percent, "overrides": []})

_with(amount, funds, settings) := outcome if {
	outcome := earned_money.outcome with input as {
		"payment": {"amount": amount},
		"agent": {"id": "agt_1", "name": "a"},
		"funds": funds,
	}
		with data.controls.earned_money as settings
}

_funds := {"available": 1000, "earned": 600, "passed_on": 100}

test_all_may_be_spent if {
	_outcome(1000, _funds, 100) == {"effect": "pass"}
	_outcome(1001, _funds, 100) == {"effect": "pass"}
}

test_none_may_be_spent if {
	_outcome(500, _funds, 0) == {"effect": "pass"}
	_outcome(501, _funds, 0) == {"effect": "deny", "code": "earned_money", "observed": 501, "limit": 500}
}

test_a_share_may_be_spent if {
	# 70 % of 600 stays, of which 100 is passed on already.
	_outcome(680, _funds, 30) == {"effect": "pass"}
	_outcome(681, _funds, 30).limit == 680
}

test_what_stays_is_rounded_up if {
	_outcome(0, {"available": 1, "earned": 1, "passed_on": 0}, 99) == {"effect": "pass"}
	_outcome(1, {"available": 1, "earned": 1, "passed_on": 0}, 99).limit == 0
}

test_an_agent_may_have_a_share_of_its_own if {
	settings := {"spendable_percent": 100, "overrides": [{"agent": "a", "spendable_percent": 0}]}
	_with(501, _funds, settings).code == "earned_money"
}

test_what_is_missing_gives_no_answer if {
	not _outcome(1, {}, 100)
	not _outcome(1, {"available": 1000, "earned": 600}, 0)
	not _outcome(1, {"earned": 600, "passed_on": 0}, 0)
	not _outcome(1, _funds, "0")
	not _outcome(1, _funds, 101)
	not _with(1, _funds, {"overrides": []})
}
