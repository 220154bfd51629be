# METADATA
# title: The decision
# description: |
#   Combines the results of the controls. In this order: a control that denies, or a required control without a result, denies;
#   a review without a sufficient approval or mandate is a review; a payment is allowed only if every required control
#   passes. A payment for which no control is required is denied.
package bursar

import data.bursar.approvals
import data.bursar.layers

default decision := {
	"effect": "deny",
	"reasons": [{"code": "input_incomplete", "rule": "decision"}],
	"review": null,
}

# METADATA
# title: Entry point
# entrypoint: true
decision := {"effect": "allow", "reasons": [{"code": "all_passed", "rule": "decision"}], "review": null} if {
	_complete
	_all_pass
} else := {"effect": "deny", "reasons": sort(_refusals), "review": null} if {
	_complete
	count(_refusals) > 0
} else := {
	"effect": "review",
	"reasons": sort([_reason(name, outcome) | some name, outcome in _open]),
	"review": approvals.needed(_open),
} if {
	_complete
	count(_open) > 0
} else := {"effect": "allow", "reasons": [_grounds], "review": null} if {
	_complete
	_kind_required
	count(_passed) == count(required)
}

# The common case, in which every control passes, is decided without building a set.
_all_pass if {
	_kind_required
	every name in data.required[input.payment.kind] { data.bursar.controls[name].outcome.effect == "pass" }
	every layer in data.layers { _layer_passes(layer) }
}

_layer_passes(layer) if not layers.applies(layer)

_layer_passes(layer) if {
	every name in layer.controls { data.bursar.controls[name].outcome.effect == "pass" }
}

# METADATA
# title: The names of the controls that this payment must pass
required contains name if some name in data.required[input.payment.kind]

required contains name if {
	some layer in data.layers
	layers.applies(layer)
	some name in layer.controls
}

_outcomes[name] := outcome if {
	some name in required
	outcome := data.bursar.controls[name].outcome
	outcome.effect in {"pass", "review", "deny"}
}

_denied contains _reason(name, outcome) if {
	some name, outcome in _outcomes
	outcome.effect == "deny"
}

_refusals := _denied if count(_denied) > 0

_refusals := _unanswered if count(_denied) == 0

_unanswered contains {"code": "control_undefined", "rule": name, "observed": name} if {
	some name in required
	not _outcomes[name]
}

_unanswered contains {"code": "nothing_required", "rule": "decision", "observed": input.payment.kind} if {
	not _kind_required
}

# Layers add controls to the list of a kind; they do not replace it.
_kind_required if count(data.required[input.payment.kind]) > 0

_open[name] := outcome if {
	some name, outcome in _outcomes
	outcome.effect == "review"
	not approvals.satisfied(name, outcome)
}

_approved[name] := outcome if {
	some name, outcome in _outcomes
	outcome.effect == "review"
	approvals.satisfied(name, outcome)
}

_passed contains name if {
	some name, outcome in _outcomes
	outcome.effect == "pass"
}

_passed contains name if some name, _ in _approved

_grounds := {"code": "mandated", "rule": "decision", "observed": input.mandate.id} if {
	every name, _ in _approved { approvals.covered(name) }
} else := {
	"code": "approved",
	"rule": "decision",
	"observed": count(input.approvals),
	"limit": max({outcome.quorum | some outcome in _approved}),
}

_reason(name, outcome) := object.union({"rule": name}, object.filter(outcome, ["code", "observed", "limit"]))

# The input must have the fields that selectors read. Without this check a selector of a missing field would not apply, and
# its control or its tighter limit would be lost.
_complete if {
	is_string(input.agent.id)
	is_string(input.agent.name)
	is_object(input.agent.labels)
	is_number(input.payment.amount)
	input.payment.amount > 0
	is_string(input.sponsor.id)
	is_string(input.sponsor.name)
	_workflow_complete
	every layer in data.layers {
		layers.well_formed(layer, "controls")
	}
}

_workflow_complete if input.workflow == null

_workflow_complete if {
	is_string(input.workflow.id)
	is_string(input.workflow.name)
}
