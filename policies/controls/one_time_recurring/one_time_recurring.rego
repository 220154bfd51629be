# METADATA
# title: One-time and recurring payments
# description: |
#   A recurring payment must have the kind recurring, and has its own list of payees, cap and monthly limit. A payment of another
#   kind must not recur.
package bursar.controls.one_time_recurring

import data.bursar.money

meters := {"agent_recurring_month": {
	"by": ["agent"],
	"window": {"calendar": "month", "tz": data.settings.timezone},
	"kinds": ["recurring"],
	"refunds": "restore",
}}

_settings := data.controls.one_time_recurring

_kind := input.payment.kind

_amount := input.payment.amount

_spent := input.meters.agent_recurring_month.total + _amount

_cap := money.usdc(_settings.limit)

_monthly := money.usdc(_settings.monthly)

outcome := {"effect": "pass"} if {
	_kind != "recurring"
	input.payment.recurring == false
} else := {"effect": "pass"} if {
	_recurs
	_payee_listed
	_amount <= _cap
	_spent <= _monthly
} else := _refused("recurring_mismatch", _kind, null) if {
	not _recurs
} else := _refused("recurring_not_allowed", input.payee.name, null) if {
	not _payee_listed
} else := _refused("recurring_cap", _amount, _cap) if {
	_amount > _cap
} else := _refused("recurring_monthly", _spent, _monthly) if {
	_spent > _monthly
}

_recurs if {
	_kind == "recurring"
	input.payment.recurring == true
}

_payee_listed if _settings.payees == "any"

_payee_listed if {
	some name in _settings.payees
	name in {input.payee.id, input.payee.name}
}

_refused(code, observed, limit) := {"effect": "deny", "code": code, "observed": observed, "limit": limit}
