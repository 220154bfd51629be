package bursar.controls.one_time_recurring_test

import data.bursar.controls.one_time_recurring

_settings := {"payees": "any", "limit": "50.00", "monthly": "500.00"}

_outcome(payment, total, settings) := outcome if {
	outcome := one_time_recurring.outcome with input as {
		"payment": payment,
		"payee": {"id": "pye_1", "name": "host"},
		"meters": {"agent_recurring_month": {"total": total}},
	}
		with data.controls.one_time_recurring as object.union(_settings, settings)
}

_recurring(amount) := {"kind": "recurring", "recurring": true, "amount": amount}

test_a_one_time_payment_passes if {
	_outcome({"kind": "payout", "recurring": false, "amount": 99000000}, 0, {}) == {"effect": "pass"}
}

test_kind_and_flag_must_agree if {
	_outcome({"kind": "payout", "recurring": true, "amount": 1}, 0, {}) == {
		"effect": "deny", "code": "recurring_mismatch", "observed": "payout", "limit": null,
	}
	_outcome({"kind": "recurring", "recurring": false, "amount": 1}, 0, {}).code == "recurring_mismatch"
}

test_a_recurring_payment_within_its_limits_passes if _outcome(_recurring(50000000), 450000000, {}) == {"effect": "pass"}

test_a_recurring_payment_has_a_cap_and_a_month_of_its_own if {
	_outcome(_recurring(50000001), 0, {}) == {
		"effect": "deny", "code": "recurring_cap", "observed": 50000001, "limit": 50000000,
	}
	_outcome(_recurring(50000000), 450000001, {}) == {
		"effect": "deny", "code": "recurring_monthly", "observed": 500000001, "limit": 500000000,
	}
}

test_recurring_payees_may_be_listed if {
	_outcome(_recurring(1), 0, {"payees": ["host"]}).effect == "pass"
	_outcome(_recurring(1), 0, {"payees": ["other"]}).code == "recurring_not_allowed"
}

test_what_is_missing_gives_no_answer if {
	not _outcome(_recurring(1), null, {})
	not _outcome(_recurring(1), 0, {"limit": 50})
	not _outcome(_recurring(1), 0, {"monthly": null})
}

test_its_meter_counts_recurring_payments_only if {
	meters := one_time_recurring.meters with data.settings.timezone as "UTC"
	meters.agent_recurring_month.kinds == ["recurring"]
}
