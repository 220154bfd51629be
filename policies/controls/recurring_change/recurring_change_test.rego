package bursar.controls.recurring_change_test

import data.bursar.controls.recurring_change

_settings := {"max_rise_percent": 10, "idle_days": 30, "quorum": 1, "roles": ["finance"]}

_past(count, amount, at) := {"payee": {"settled_count": count, "last_amount": amount, "last_at": at}}

_outcome(kind, amount, history) := outcome if {
	outcome := recurring_change.outcome with input as {
		"time": {"ms": 100 * 86400000},
		"payment": {"kind": kind, "amount": amount},
		"history": history,
	}
		with data.controls.recurring_change as _settings
}

_wanted(code, observed, limit) := {
	"effect": "review",
	"code": code,
	"observed": observed,
	"limit": limit,
	"quorum": 1,
	"roles": ["finance"],
}

test_other_kinds_pass if _outcome("payout", 99, {}) == {"effect": "pass"}

test_the_first_one_passes if _outcome("recurring", 99, _past(0, null, null)) == {"effect": "pass"}

test_the_same_price_passes if _outcome("recurring", 100, _past(3, 100, 90 * 86400000)) == {"effect": "pass"}

test_a_rise_up_to_the_percentage_passes if {
	_outcome("recurring", 110, _past(3, 100, 70 * 86400000)) == {"effect": "pass"}
}

test_a_larger_rise_is_reviewed if {
	_outcome("recurring", 111, _past(3, 100, 99 * 86400000)) == _wanted("recurring_price_rise", 111, 100)
}

test_one_long_not_made_is_reviewed if {
	_outcome("recurring", 100, _past(3, 100, 69 * 86400000)) == _wanted("recurring_idle", 31, 30)
}

test_without_history_there_is_no_answer if not _outcome("recurring", 100, {})
