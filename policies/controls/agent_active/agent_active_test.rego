package bursar.controls.agent_active_test

import data.bursar.controls.agent_active

_outcome(agent, sponsor, workflow) := outcome if {
	outcome := agent_active.outcome with input as {
		"agent": {"status": agent}, "sponsor": {"status": sponsor}, "workflow": workflow,
	}
}

test_all_active_pass if {
	_outcome("active", "active", null) == {"effect": "pass"}
	_outcome("active", "active", {"status": "active"}) == {"effect": "pass"}
}

test_who_is_not_active_is_refused if {
	every status in ["frozen", "revoked"] {
		_outcome(status, "active", null) == {
			"effect": "deny", "code": "agent_not_active", "observed": status, "limit": "active",
		}
		_outcome("active", status, null).code == "sponsor_not_active"
		_outcome("active", "active", {"status": status}).code == "workflow_not_active"
	}
}

test_a_missing_status_gives_no_answer if {
	not agent_active.outcome with input as {}
	not agent_active.outcome with input as {"agent": {"status": "active"}, "workflow": null}
	not agent_active.outcome with input as {"agent": {"status": "active"}, "sponsor": {"status": "active"}}
	not _outcome("active", "active", {})
}
