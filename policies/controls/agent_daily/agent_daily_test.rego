package bursar.controls.agent_daily_test

import data.bursar.controls.agent_daily

_outcome(total, amount) := outcome if {
	outcome := agent_daily.outcome with input as {"payment": {"amount": amount}, "meters": {"agent_day": {"total": total}}}
		with data.controls.agent_daily as {"limit": "200.00", "overrides": []}
}

test_up_to_the_limit_passes if {
	_outcome(0, 200000000) == {"effect": "pass"}
	_outcome(199000000, 1000000) == {"effect": "pass"}
}

test_over_the_limit_is_refused if {
	_outcome(199000000, 1000001) == {
		"effect": "deny", "code": "agent_daily", "observed": 200000001, "limit": 200000000,
	}
}

test_without_its_meter_it_gives_no_answer if {
	not _outcome(null, 1)
	not agent_daily.outcome with input as {"payment": {"amount": 1}, "meters": {}}
		with data.controls.agent_daily as {"limit": "200.00", "overrides": []}
}

test_its_meter if {
	meters := agent_daily.meters with data.settings.timezone as "Europe/Berlin"
	meters.agent_day.window == {"calendar": "day", "tz": "Europe/Berlin"}
}
