# METADATA
# title: The terms of an x402 seller
# description: |
#   The offer that was selected from the 402 must have a listed asset, scheme, network and payment flow, and a validity of at
#   most max_timeout_seconds. Payments by the wallet have no such terms and pass.
package bursar.controls.x402_terms

import data.bursar.numbers

_settings := data.controls.x402_terms

_terms := input.payment.x402

_timeout := numbers.whole(_terms.max_timeout_seconds)

_longest := numbers.whole(_settings.max_timeout_seconds)

outcome := {"effect": "pass"} if {
	input.payment.rail == "wallet"
} else := {"effect": "pass"} if {
	input.payment.rail == "x402"
	_asset_accepted
	_scheme_accepted
	_network_accepted
	_flow_accepted
	_timeout <= _longest
} else := _refused("x402_asset", input.payment.asset, null) if {
	not _asset_accepted
} else := _refused("x402_scheme", _terms.scheme, null) if {
	not _scheme_accepted
} else := _refused("x402_network", input.payment.network, null) if {
	not _network_accepted
} else := _refused("x402_payment_flow", _terms.payment_flow, null) if {
	not _flow_accepted
} else := _refused("x402_timeout", _timeout, _longest) if {
	_timeout > _longest
}

_asset_accepted if input.payment.asset in _settings.assets

_scheme_accepted if _terms.scheme in _settings.schemes

_network_accepted if input.payment.network in _settings.networks

_flow_accepted if _terms.payment_flow in _settings.payment_flows

_refused(code, observed, limit) := {"effect": "deny", "code": code, "observed": observed, "limit": limit}
