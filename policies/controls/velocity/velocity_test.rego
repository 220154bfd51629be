package bursar.controls.velocity_test

import data.bursar.controls.velocity

_outcome(count, limit) := outcome if {
	outcome := velocity.outcome with input as {"meters": {"agent_hour": {"count": count}}}
		with data.controls.velocity as {"limit": limit, "overrides": []}
}

test_up_to_the_count_passes if _outcome(119, 120) == {"effect": "pass"}

test_over_the_count_is_refused if {
	_outcome(120, 120) == {"effect": "deny", "code": "velocity", "observed": 121, "limit": 120}
}

test_a_quoted_limit_gives_no_answer if not _outcome(1, "120")

test_without_its_meter_it_gives_no_answer if {
	not velocity.outcome with input as {"meters": {}} with data.controls.velocity as {"limit": 1, "overrides": []}
}

test_its_meter if velocity.meters.agent_hour == {"by": ["agent"], "window": {"rolling": "PT1H"}, "refunds": "never"}
