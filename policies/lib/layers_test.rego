package bursar.layers_test

import data.bursar.layers

_input := {
	"agent": {"id": "agt_1", "name": "researcher", "labels": {"team": "red"}},
	"sponsor": {"id": "spn_1", "name": "lab"},
	"workflow": {"id": "wfl_1", "name": "nightly"},
}

_pick(overrides) := value if {
	value := layers.pick({"limit": "1.00", "overrides": overrides}, "limit") with input as _input
}

test_without_overrides_the_setting_counts if _pick([]) == "1.00"

test_an_override_is_found_by_each_selector if {
	every selector in [
		{"agent": "agt_1"}, {"agent": "researcher"}, {"sponsor": "spn_1"}, {"sponsor": "lab"},
		{"workflow": "wfl_1"}, {"workflow": "nightly"}, {"label": {"team": "red"}},
	] {
		_pick([object.union(selector, {"limit": "2.00"})]) == "2.00"
	}
}

test_an_override_of_others_does_not_count if {
	every selector in [{"agent": "x"}, {"sponsor": "x"}, {"workflow": "x"}, {"label": {"team": "x"}}, {"label": {"x": "red"}}] {
		_pick([object.union(selector, {"limit": "2.00"})]) == "1.00"
	}
}

test_the_first_override_counts if {
	_pick([{"agent": "x", "limit": "3.00"}, {"agent": "agt_1", "limit": "2.00"}, {"sponsor": "lab", "limit": "4.00"}]) == "2.00"
}

test_a_malformed_override_leaves_no_value if {
	every override in [
		{"limit": "2.00"}, {"agent": "agt_1"}, {"agent": "agt_1", "sponsor": "lab", "limit": "2.00"},
		{"agnt": "agt_1", "limit": "2.00"},
		{"agent": null, "limit": "2.00"}, {"label": {"team": null}, "limit": "2.00"}, {"label": {}, "limit": "2.00"},
		{"label": {"team": "red", "tier": "one"}, "limit": "2.00"}, {},
	] {
		not _pick([override])
		not _pick([{"agent": "agt_1", "limit": "3.00"}, override])
	}
}

test_missing_overrides_leave_no_value if {
	not layers.pick({"limit": "1.00"}, "limit") with input as _input
}
