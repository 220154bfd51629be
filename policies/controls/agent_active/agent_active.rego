# METADATA
# title: Only active agents pay
# description: |
#   The agent, its sponsor and the workflow, if there is one, must be active: not frozen and not revoked.
package bursar.controls.agent_active

outcome := {"effect": "pass"} if {
	input.agent.status == "active"
	input.sponsor.status == "active"
	_workflow_active
} else := _refused("agent_not_active", input.agent.status) if {
	input.agent.status != "active"
} else := _refused("sponsor_not_active", input.sponsor.status) if {
	input.sponsor.status != "active"
} else := _refused("workflow_not_active", input.workflow.status) if {
	input.workflow.status != "active"
}

_workflow_active if input.workflow == null

_workflow_active if input.workflow.status == "active"

_refused(code, status) := {"effect": "deny", "code": code, "observed": status, "limit": "active"}
