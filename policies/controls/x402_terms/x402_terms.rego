# METADATA
# title: The terms of an x402 seller
# description: |
#   Of the requirement that was selected from the 402: asset, scheme, network and payment flow are on the lists, and the
#   authorization is not asked to be valid for too long. Payments over the wallet have no such terms.
package bursar.controls.x402_terms

import data.bursar.numbers

_settings := data.controls.x402_terms

_terms := input.payment.x402

_timeout := numbers.whole(_terms.max_timeout_seconds)

_longest := numbers.whole(_settings.max_timeout_seconds)

outcome := {"effect": "pass"} if {
	input.payment.rail == "wallet"
} else := _refused("x402_asset", input.payment.asset, null) if {
	not input.payment.asset in _settings.assets
} else := _refused("x402_scheme", _terms.scheme, null) if {
	not _terms.scheme in _settings.schemes
} else := _refused("x402_network", input.payment.network, null) if {
	not input.payment.network in _settings.networks
} else := _refused("x402_payment_flow", _terms.payment_flow, null) if {
	not _terms.payment_flow in _settings.payment_flows
} else := _refused("x402_timeout", _timeout, _longest) if {
	_timeout > _longest
} else := {"effect": "pass"} if {
	input.payment.rail == "x402"
	_timeout <= _longest
}

_refused(code, observed, limit) := {"effect": "deny", "code": code, "observed": observed, "limit": limit}
