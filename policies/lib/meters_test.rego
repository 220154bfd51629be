package bursar.meters_test

import data.bursar

test_meters_of_controls_in_use_are_kept if {
	declared := bursar.meters with data.required as {"payout": ["agent_daily"], "refund": ["velocity"]}
		with data.layers as [{"agent": "x", "controls": ["payee_limit", "agent_active"]}]
		with data.settings as {"timezone": "UTC"}
	{name | some name, _ in declared} == {"agent_day", "agent_hour", "payee_30d"}
	declared.agent_day.window == {"calendar": "day", "tz": "UTC"}
}

test_nothing_required_has_no_meters if {
	declared := bursar.meters with data.required as {} with data.layers as []
	declared == {}
}
