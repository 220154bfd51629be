# Splits earned money. The first revenue rule of data.yaml that applies to the earner splits a receivable once it is final:
# first the fixed amounts in their order, as far as the money goes, then shares of the rest, then the balance above the float.
# Shares are rounded down and one named party gets the remainder, so the legs and the kept part add up exactly. A rule that is
# malformed gives no result, and nothing is split.
package bursar

import data.bursar.layers
import data.bursar.money

# METADATA
# title: Entry point
# entrypoint: true
route := {"legs": [], "kept": _net} if {
	_rules_well_formed
	count(_applying) == 0
} else := {"legs": [leg | some leg in _all_legs; leg.amount > 0], "kept": _rest - _shared} if {
	_rules_well_formed
	_rule_well_formed
}

_net := input.receivable.amount - input.receivable.refunded

default _revenue_rules := []

_revenue_rules := data.revenue.rules

_rules_well_formed if {
	every entry in _revenue_rules { layers.well_formed(entry, "route") }
}

_applying := [entry.route | some entry in _revenue_rules; layers.applies(entry)]

_rule := _applying[0]

_fixed := object.get(_rule, "fixed", [])

_shares := object.get(_rule, "shares", [])

_rule_well_formed if {
	_net >= 0
	every item in _fixed { money.usdc(item.amount) > 0 }
	every item in _shares { _bps(item) > 0 }
	_total_bps <= 10000
	count({item.payee | some item in _fixed}) == count(_fixed)
	count({item.payee | some item in _shares}) == count(_shares)
	_remainder_named
	_sweep_well_formed
}

_remainder_named if count(_shares) == 0

_remainder_named if {
	some item in _shares
	item.payee == _rule.remainder
}

_sweep_well_formed if not _rule.sweep

_sweep_well_formed if {
	is_string(_rule.sweep.to)
	money.usdc(_rule.sweep.float) >= 0
	is_number(input.funds.available)
}

# In hundredths of a percent.
_bps(item) := money.usdc(item.percent) / 10000 if money.usdc(item.percent) % 10000 == 0

_total_bps := sum([_bps(item) | some item in _shares])

_all_legs := array.concat(array.concat(_fixed_legs, _share_legs), _sweep_legs)

_fixed_legs := [leg |
	some index, item in _fixed
	before := sum([money.usdc(each.amount) | some each in array.slice(_fixed, 0, index)])
	amount := min([money.usdc(item.amount), max([0, _net - before])])
	leg := {"name": concat(" ", ["fixed", item.payee]), "payee": item.payee, "amount": amount}
]

_rest := _net - sum([leg.amount | some leg in _fixed_legs])

_shared := _part(_rest, _total_bps)

_share_legs := [leg |
	some item in _shares
	leg := {"name": concat(" ", ["share", item.payee]), "payee": item.payee, "amount": _share(item)}
]

_share(item) := _part(_rest, _bps(item)) if item.payee != _rule.remainder

_share(item) := _shared - sum([_part(_rest, _bps(other)) | some other in _shares; other.payee != _rule.remainder]) if {
	item.payee == _rule.remainder
}

# Rounded down, in two steps so that no product exceeds 2^53.
_part(amount, bps) := ((whole / 10000) * bps) + floor((left * bps) / 10000) if {
	left := amount % 10000
	whole := amount - left
}

_sweep_legs := [] if not _rule.sweep

_sweep_legs := [{"name": "sweep", "payee": _rule.sweep.to, "amount": amount}] if {
	paid := sum([leg.amount | some leg in array.concat(_fixed_legs, _share_legs)])
	amount := max([0, (input.funds.available - paid) - money.usdc(_rule.sweep.float)])
}
