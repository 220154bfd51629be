package bursar.controls.working_hours_test

import data.bursar.controls.working_hours

_settings := {
	"weekdays": [1, 2, 3, 4, 5], "from_hour": 9, "to_hour": 17, "effect": "review", "quorum": 1, "roles": ["finance"],
}

_outcome(weekday, hour, settings) := outcome if {
	outcome := working_hours.outcome with input as {
		"time": {"weekday": weekday, "hour": hour, "minute": 5, "zone": "Europe/Berlin"},
	}
		with data.controls.working_hours as object.union(_settings, settings)
}

test_within_the_hours_passes if {
	_outcome(1, 9, {}) == {"effect": "pass"}
	_outcome(5, 16, {}) == {"effect": "pass"}
}

test_outside_of_the_hours_is_reviewed if {
	every case in [[1, 8], [1, 17], [6, 12], [7, 12]] {
		_outcome(case[0], case[1], {}).effect == "review"
	}
	_outcome(6, 12, {}) == {
		"effect": "review",
		"code": "outside_working_hours",
		"observed": "Saturday 12:05 (Europe/Berlin)",
		"limit": "on Monday, Tuesday, Wednesday, Thursday, Friday from 09:00 to 17:00",
		"quorum": 1,
		"roles": ["finance"],
	}
}

test_the_data_may_refuse_instead if _outcome(1, 3, {"effect": "deny"}).effect == "deny"

test_no_other_effect if not _outcome(1, 3, {"effect": "pass"})

test_from_0_to_24_is_the_whole_day if _outcome(1, 23, {"from_hour": 0, "to_hour": 24}).effect == "pass"

test_an_hour_that_is_no_number_does_not_open if {
	not _outcome(1, 23, {"to_hour": "24"})
	not _outcome(1, null, {})
}
