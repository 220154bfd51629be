package bursar_test

import data.bursar

_input := {
	"agent": {"id": "agt_1", "name": "researcher", "labels": {"risk": "high"}},
	"sponsor": {"id": "spn_1", "name": "lab"},
	"workflow": null,
	"payment": {"kind": "payout", "amount": 1},
	"approvals": [],
	"mandate": null,
}

_review := {"expires_in": "PT24H", "sponsor_may_approve": false, "mandate_covers": ["asks"]}

_outcomes := {
	"passes": {"outcome": {"effect": "pass"}},
	"asks": {"outcome": {
		"effect": "review", "code": "asked", "observed": 1, "limit": 0, "quorum": 1, "roles": ["finance"],
	}},
	"asks_too": {"outcome": {
		"effect": "review", "code": "asked_too", "observed": 1, "limit": 0, "quorum": 2, "roles": ["finance"],
	}},
	"refuses": {"outcome": {"effect": "deny", "code": "refused", "observed": 2, "limit": 1}},
	"odd": {"outcome": {"effect": "shrug"}},
	"silent": {},
}

_decide(names, document, layers) := decision if {
	decision := bursar.decision with input as document
		with data.required as {"payout": names}
		with data.layers as layers
		with data.review as _review
		with data.bursar.controls as _outcomes
}

_codes(decision) := [reason.code | some reason in decision.reasons]

test_all_controls_pass if {
	_decide(["passes"], _input, []) == {
		"effect": "allow",
		"reasons": [{"code": "all_passed", "rule": "decision"}],
		"review": null,
	}
}

test_a_deny_comes_before_all if {
	_decide(["passes", "asks", "silent", "refuses"], _input, []) == {
		"effect": "deny",
		"reasons": [{"code": "refused", "rule": "refuses", "observed": 2, "limit": 1}],
		"review": null,
	}
}

test_a_control_without_an_answer_comes_before_a_review if {
	every name in ["silent", "odd", "no_such_control"] {
		_decide(["passes", "asks", name], _input, []) == {
			"effect": "deny",
			"reasons": [{"code": "control_undefined", "rule": name, "observed": name}],
			"review": null,
		}
	}
}

test_a_review_comes_before_an_allow if {
	_decide(["passes", "asks"], _input, []) == {
		"effect": "review",
		"reasons": [{"code": "asked", "rule": "asks", "observed": 1, "limit": 0}],
		"review": {"quorum": 1, "roles": ["finance"], "expires_in": "PT24H"},
	}
}

test_nothing_required_is_a_deny if {
	_codes(_decide([], _input, [])) == ["nothing_required"]
	other := json.patch(_input, [{"op": "replace", "path": "/payment/kind", "value": "split"}])
	_codes(_decide(["passes"], other, [])) == ["nothing_required"]
	_codes(_decide(["passes"], other, [{"agent": "agt_1", "controls": ["passes"]}])) == ["nothing_required"]
}

test_a_layer_adds_controls if {
	layer := {"label": {"risk": "high"}, "controls": ["refuses"]}
	_codes(_decide(["passes"], _input, [layer])) == ["refused"]
	_decide(["passes"], _input, [{"agent": "agt_1", "controls": ["passes"]}]).effect == "allow"
	_decide(["passes"], _input, [{"agent": "other", "controls": ["refuses"]}]).effect == "allow"
}

test_a_malformed_layer_is_a_deny if {
	_codes(_decide(["passes"], _input, [{"controls": ["passes"]}])) == ["input_incomplete"]
}

test_approvals_satisfy_reviews if {
	one := {"approver_id": "apr_1", "roles": ["finance"], "is_sponsor": false}
	two := object.union(one, {"approver_id": "apr_2"})
	_codes(_decide(["passes", "asks", "asks_too"], object.union(_input, {"approvals": [one]}), [])) == ["asked_too"]
	_decide(["passes", "asks", "asks_too"], object.union(_input, {"approvals": [one, two]}), []) == {
		"effect": "allow",
		"reasons": [{"code": "approved", "rule": "decision", "observed": 2, "limit": 2}],
		"review": null,
	}
}

test_a_mandate_satisfies_a_review_but_no_deny if {
	mandated := object.union(_input, {"mandate": {"id": "mdt_1"}})
	_decide(["passes", "asks"], mandated, []) == {
		"effect": "allow",
		"reasons": [{"code": "mandated", "rule": "decision", "observed": "mdt_1"}],
		"review": null,
	}
	_codes(_decide(["asks", "asks_too"], mandated, [])) == ["asked_too"]
	_codes(_decide(["asks", "refuses"], mandated, [])) == ["refused"]
}

test_a_workflow_must_be_whole if {
	_decide(["passes"], object.union(_input, {"workflow": {"id": "wfl_1", "name": "n"}}), []).effect == "allow"
	_codes(_decide(["passes"], object.union(_input, {"workflow": {"id": "wfl_1"}}), [])) == ["input_incomplete"]
}

test_without_input_nothing_is_allowed if {
	_codes(_decide(["passes"], {}, [])) == ["input_incomplete"]
	_codes(bursar.decision) == ["input_incomplete"]
}
