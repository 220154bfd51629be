# METADATA
# title: Working hours
# description: |
#   Payments are allowed on the listed weekdays, from from_hour to before to_hour, in the policy's time zone. At other times a
#   payment is denied or goes to review; the data says which.
package bursar.controls.working_hours

import data.bursar.numbers

_settings := data.controls.working_hours

_open if {
	input.time.weekday in _settings.weekdays
	numbers.whole(_settings.from_hour) <= input.time.hour
	input.time.hour < numbers.whole(_settings.to_hour)
	is_number(input.time.hour)
}

outcome := {"effect": "pass"} if {
	_open
} else := {
	"effect": _settings.effect,
	"code": "outside_working_hours",
	"observed": _clock,
	"limit": _hours,
	"quorum": _settings.quorum,
	"roles": _settings.roles,
} if {
	_settings.effect in {"review", "deny"}
}

_days := ["", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

_clock := concat("", [_days[input.time.weekday], " ", _two(input.time.hour), ":", _two(input.time.minute), " (", input.time.zone, ")"])

_hours := concat("", [
	"on ",
	concat(", ", [_days[day] | some day in _settings.weekdays]),
	" from ",
	_two(_settings.from_hour),
	":00 to ",
	_two(_settings.to_hour),
	":00",
])

_two(number) := concat("", ["0", format_int(number, 10)]) if number < 10

_two(number) := format_int(number, 10) if number >= 10
