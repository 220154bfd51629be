package bursar.controls.x402_terms_test

import data.bursar.controls.x402_terms

_settings := {
	"assets": ["USDC"], "schemes": ["exact"], "networks": ["eip155:8453"], "payment_flows": ["authorization"],
	"max_timeout_seconds": 300,
}

_terms := {"scheme": "exact", "payment_flow": "authorization", "max_timeout_seconds": 300}

_payment := {"rail": "x402", "asset": "USDC", "network": "eip155:8453", "x402": _terms}

_outcome(payment) := outcome if {
	outcome := x402_terms.outcome with input as {"payment": payment} with data.controls.x402_terms as _settings
}

test_accepted_terms_pass if _outcome(_payment) == {"effect": "pass"}

test_the_wallet_rail_has_no_terms if _outcome({"rail": "wallet", "x402": null}) == {"effect": "pass"}

test_each_term_is_looked_at if {
	_outcome(object.union(_payment, {"asset": "EURC"})).code == "x402_asset"
	_outcome(object.union(_payment, {"network": "eip155:1"})).code == "x402_network"
	_outcome(object.union(_payment, {"x402": {"scheme": "upto"}})).code == "x402_scheme"
	_outcome(object.union(_payment, {"x402": {"payment_flow": "upfront"}})).code == "x402_payment_flow"
	_outcome(object.union(_payment, {"x402": {"max_timeout_seconds": 301}})) == {
		"effect": "deny", "code": "x402_timeout", "observed": 301, "limit": 300,
	}
}

test_what_is_missing_gives_no_answer if {
	not _outcome(object.union(_payment, {"x402": null}))
	not _outcome(object.union(_payment, {"rail": "other"}))
	not _outcome({})
}
