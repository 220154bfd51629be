# METADATA
# title: Categories and their limits
# description: |
#   A payment's category must be listed in the data and must be one of the payee's. Each category has a limit per agent and
#   calendar month. Payees without a category have a separate limit.
package bursar.controls.category_limit

import data.bursar.money

meters := {"agent_category_month": {
	"by": ["agent", "category"],
	"window": {"calendar": "month", "tz": data.settings.timezone},
	"refunds": "restore",
}}

_settings := data.controls.category_limit

_category := input.payment.category

_limit := money.usdc(_settings.categories[_category])

_limit := money.usdc(_settings.uncategorised) if {
	_category == null
	input.payee.categories == []
}

_spent := input.meters.agent_category_month.total + input.payment.amount

outcome := {"effect": "pass"} if {
	_payees_own
	_spent <= _limit
} else := {"effect": "deny", "code": "category_not_of_payee", "observed": _category, "limit": null} if {
	not _payees_own
	is_array(input.payee.categories)
} else := {"effect": "deny", "code": "category_not_allowed", "observed": _category, "limit": null} if {
	is_string(_category)
	not _listed
} else := {"effect": "deny", "code": "category_limit", "observed": _spent, "limit": _limit}

_listed if _settings.categories[_category]

_payees_own if _category in input.payee.categories

_payees_own if {
	_category == null
	input.payee.categories == []
}
