package bursar.controls.category_limit_test

import data.bursar.controls.category_limit

_settings := {"categories": {"ocr": "5.00", "data": "1.00"}, "uncategorised": "0.50"}

_outcome(category, categories, total) := outcome if {
	outcome := category_limit.outcome with input as {
		"payment": {"category": category, "amount": 1000000},
		"payee": {"categories": categories},
		"meters": {"agent_category_month": {"total": total}},
	}
		with data.controls.category_limit as _settings
}

test_within_the_limit_of_the_category_passes if _outcome("ocr", ["data", "ocr"], 4000000) == {"effect": "pass"}

test_over_the_limit_is_refused if {
	_outcome("ocr", ["ocr"], 4000001) == {
		"effect": "deny", "code": "category_limit", "observed": 5000001, "limit": 5000000,
	}
}

test_a_category_that_is_not_listed_is_refused if {
	_outcome("games", ["games"], 0) == {
		"effect": "deny", "code": "category_not_allowed", "observed": "games", "limit": null,
	}
}

test_a_category_that_is_not_the_payees_is_refused if {
	_outcome("ocr", ["data"], 0).code == "category_not_of_payee"
	_outcome("ocr", [], 0).code == "category_not_of_payee"
	_outcome(null, ["ocr"], 0).code == "category_not_of_payee"
}

test_payees_without_category_have_a_limit_of_their_own if {
	_outcome(null, [], 0).limit == 500000
	outcome := category_limit.outcome with input as {
		"payment": {"category": null, "amount": 500000},
		"payee": {"categories": []},
		"meters": {"agent_category_month": {"total": 0}},
	}
		with data.controls.category_limit as _settings
	outcome == {"effect": "pass"}
}

test_what_is_missing_gives_no_answer if {
	not _outcome("ocr", ["ocr"], null)
	not _outcome(null, null, 0)
}

test_its_meter if {
	meters := category_limit.meters with data.settings.timezone as "UTC"
	meters.agent_category_month.by == ["agent", "category"]
}
