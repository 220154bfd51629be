package bursar.approvals_test

import data.bursar.approvals

_review := {"effect": "review", "quorum": 2, "roles": ["finance", "cfo"]}

_approval(id, roles, is_sponsor) := {"approver_id": id, "roles": roles, "is_sponsor": is_sponsor}

_satisfied(given, mandate, settings) if {
	approvals.satisfied("large_amount", _review) with input as {"approvals": given, "mandate": mandate}
		with data.review as settings
}

_strict := {"sponsor_may_approve": false, "mandate_covers": ["large_amount"], "expires_in": "PT1H"}

test_enough_approvers_with_a_role_satisfy if {
	_satisfied([_approval("a", ["finance"], false), _approval("b", ["x", "cfo"], false)], null, _strict)
}

test_one_approver_twice_is_one if {
	not _satisfied([_approval("a", ["finance"], false), _approval("a", ["cfo"], false)], null, _strict)
}

test_an_approver_without_a_role_does_not_count if {
	not _satisfied([_approval("a", ["finance"], false), _approval("b", ["x"], false)], null, _strict)
}

test_the_sponsor_counts_by_data if {
	given := [_approval("a", ["finance"], false), _approval("b", ["finance"], true)]
	not _satisfied(given, null, _strict)
	_satisfied(given, null, object.union(_strict, {"sponsor_may_approve": true}))
}

test_a_mandate_satisfies_what_it_may_cover if {
	_satisfied([], {"id": "mdt_1"}, _strict)
	not _satisfied([], {"id": "mdt_1"}, object.union(_strict, {"mandate_covers": []}))
	not _satisfied([], null, _strict)
}

test_a_quorum_that_is_no_number_is_never_reached if {
	every quorum in [0, -1, "0", null] {
		not approvals.satisfied("x", {"quorum": quorum, "roles": ["finance"]}) with input as {"approvals": []}
	}
}

test_several_reviews_need_what_satisfies_all if {
	outcomes := {"a": {"quorum": 1, "roles": ["finance", "cfo"]}, "b": {"quorum": 2, "roles": ["cfo"]}}
	needed := approvals.needed(outcomes) with data.review as _strict
	needed == {"quorum": 2, "roles": ["cfo"], "expires_in": "PT1H"}
}

test_reviews_without_a_role_in_common_name_all_roles if {
	outcomes := {"a": {"quorum": 1, "roles": ["finance"]}, "b": {"quorum": 1, "roles": ["cfo"]}}
	needed := approvals.needed(outcomes) with data.review as _strict
	needed == {"quorum": 1, "roles": ["cfo", "finance"], "expires_in": "PT1H"}
}
