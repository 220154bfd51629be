# METADATA
# title: Payments within an hour
# description: |
#   Limits the number of the agent's payments within an hour, this one included.
package bursar.controls.velocity

import data.bursar.layers
import data.bursar.numbers

meters := {"agent_hour": {"by": ["agent"], "window": {"rolling": "PT1H"}, "refunds": "never"}}

_limit := numbers.whole(layers.pick(data.controls.velocity, "limit"))

_made := input.meters.agent_hour.count + 1

outcome := {"effect": "pass"} if {
	_made <= _limit
} else := {"effect": "deny", "code": "velocity", "observed": _made, "limit": _limit}
