# METADATA
# title: A recurring payment that has changed
# description: |
#   A recurring payment goes to review if its amount exceeds the last one to this payee by more than max_rise_percent, or if
#   the last one is more than idle_days ago. The first payment to a payee passes this control.
package bursar.controls.recurring_change

import data.bursar.numbers

_settings := data.controls.recurring_change

_amount := input.payment.amount

_last := input.history.payee.last_amount

_last_at := input.history.payee.last_at

_day_ms := 86400000

_idle_days := floor((input.time.ms - _last_at) / _day_ms)

_max_percent := 100 + numbers.whole(_settings.max_rise_percent)

_max_idle_days := numbers.whole(_settings.idle_days)

outcome := {"effect": "pass"} if {
	input.payment.kind != "recurring"
} else := {"effect": "pass"} if {
	_last == null
	_last_at == null
	input.history.payee.settled_count == 0
} else := {"effect": "pass"} if {
	_amount * 100 <= _last * _max_percent
	_idle_days <= _max_idle_days
} else := _review("recurring_price_rise", _amount, _last) if {
	_amount * 100 > _last * _max_percent
} else := _review("recurring_idle", _idle_days, _max_idle_days) if {
	_idle_days > _max_idle_days
}

_review(code, observed, limit) := {
	"effect": "review",
	"code": code,
	"observed": observed,
	"limit": limit,
	"quorum": _settings.quorum,
	"roles": _settings.roles,
}
