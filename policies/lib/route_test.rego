package bursar_route_test

import data.bursar

_agent := {"id": "agt_1", "name": "vendor", "labels": {"team": "sales"}}

_route(amount, refunded, available, rules) := result if {
	result := bursar.route with input as {
		"agent": _agent,
		"receivable": {"amount": amount, "refunded": refunded},
		"funds": {"available": available},
	}
		with data.revenue.rules as rules
}

_rule(settings) := [{"agent": "vendor", "route": settings}]

_shares := [
	{"payee": "author", "percent": "70"},
	{"payee": "platform", "percent": "20"},
	{"payee": "fund", "percent": "10"},
]

_split := {"shares": _shares, "remainder": "author"}

test_without_a_rule_all_is_kept if {
	_route(5, 0, 5, []) == {"legs": [], "kept": 5}
	_route(5, 1, 5, [{"agent": "other", "route": _split}]) == {"legs": [], "kept": 4}
}

test_without_revenue_data_all_is_kept if {
	result := bursar.route with input as {"agent": _agent, "receivable": {"amount": 5, "refunded": 0}}
	result == {"legs": [], "kept": 5}
}

test_shares_with_the_rounding_to_the_named_party if {
	_route(1000001, 0, 1000001, _rule(_split)) == {
		"legs": [
			{"name": "share author", "payee": "author", "amount": 700001},
			{"name": "share platform", "payee": "platform", "amount": 200000},
			{"name": "share fund", "payee": "fund", "amount": 100000},
		],
		"kept": 0,
	}
}

test_legs_of_nothing_are_left_out if {
	_route(1, 0, 1, _rule(_split)) == {"legs": [{"name": "share author", "payee": "author", "amount": 1}], "kept": 0}
}

test_what_was_refunded_is_not_split if {
	result := _route(1000000, 400000, 600000, _rule(_split))
	[leg.amount | some leg in result.legs] == [420000, 120000, 60000]
}

test_fixed_amounts_come_first_as_far_as_the_money_goes if {
	rule := {"fixed": [{"payee": "a", "amount": "0.30"}, {"payee": "b", "amount": "0.90"}]}
	_route(1000000, 0, 1000000, _rule(rule)) == {
		"legs": [
			{"name": "fixed a", "payee": "a", "amount": 300000},
			{"name": "fixed b", "payee": "b", "amount": 700000},
		],
		"kept": 0,
	}
	_route(5000000, 0, 5000000, _rule(rule)).kept == 3800000
	_route(100000, 0, 100000, _rule(rule)).legs == [{"name": "fixed a", "payee": "a", "amount": 100000}]
}

test_shares_are_of_what_fixed_amounts_leave if {
	rule := {"fixed": [{"payee": "a", "amount": "0.50"}], "shares": [{"payee": "b", "percent": "50"}], "remainder": "b"}
	_route(1500000, 0, 1500000, _rule(rule)) == {
		"legs": [
			{"name": "fixed a", "payee": "a", "amount": 500000},
			{"name": "share b", "payee": "b", "amount": 500000},
		],
		"kept": 500000,
	}
}

test_what_is_above_the_float_is_swept if {
	rule := {"sweep": {"to": "treasury", "float": "2.00"}}
	_route(1000000, 0, 5000000, _rule(rule)) == {
		"legs": [{"name": "sweep", "payee": "treasury", "amount": 3000000}],
		"kept": 1000000,
	}
	_route(1000000, 0, 1500000, _rule(rule)).legs == []
}

test_a_sweep_leaves_what_the_legs_need if {
	rule := object.union(_split, {"sweep": {"to": "treasury", "float": "0.00"}})
	some leg in _route(1000000, 0, 1200000, _rule(rule)).legs
	leg == {"name": "sweep", "payee": "treasury", "amount": 200000}
}

test_the_first_rule_that_applies_counts if {
	rules := [{"label": {"team": "sales"}, "route": {"fixed": []}}, {"agent": "agt_1", "route": _split}]
	_route(9, 0, 9, rules) == {"legs": [], "kept": 9}
}

test_a_rule_that_is_not_well_formed_gives_no_answer if {
	not _route(9, 0, 9, [{"route": _split}])
	not _route(9, 10, 9, _rule(_split))
	not _route(9, 0, 9, _rule({"shares": _shares}))
	not _route(9, 0, 9, _rule({"shares": _shares, "remainder": "nobody"}))
	not _route(9, 0, 9, _rule({"shares": array.concat(_shares, [{"payee": "more", "percent": "1"}]), "remainder": "author"}))
	not _route(9, 0, 9, _rule({"shares": array.concat(_shares, _shares), "remainder": "author"}))
	not _route(9, 0, 9, _rule({"shares": [{"payee": "a", "percent": "0.001"}], "remainder": "a"}))
	not _route(9, 0, 9, _rule({"shares": [{"payee": "a", "percent": 70}], "remainder": "a"}))
	not _route(9, 0, 9, _rule({"fixed": [{"payee": "a", "amount": 1}]}))
	not _route(9, 0, 9, _rule({"fixed": [{"payee": "a", "amount": "0.00"}]}))
	not _route(9, 0, 9, _rule({"fixed": [{"payee": "a", "amount": "1.00"}, {"payee": "a", "amount": "1.00"}]}))
	not _route(9, 0, 9, _rule({"sweep": {"to": "treasury"}}))
	not _route(9, 0, "9", _rule({"sweep": {"to": "treasury", "float": "1.00"}}))
}
