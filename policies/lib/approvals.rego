# METADATA
# title: Approvals and mandates
# description: What people have signed for satisfies a review. Nothing that people sign satisfies a deny.
package bursar.approvals

# METADATA
# title: Whether the review of a control is satisfied
satisfied(name, _) if covered(name)

satisfied(_, outcome) if {
	is_number(outcome.quorum)
	outcome.quorum >= 1
	count(signers(outcome.roles)) >= outcome.quorum
}

# METADATA
# title: Whether a mandate covers the review of a control; which it may cover is data
covered(name) if {
	is_string(input.mandate.id)
	name in data.review.mandate_covers
}

# METADATA
# title: The approvers that have signed and have one of the roles
signers(roles) := {approval.approver_id |
	some approval in input.approvals
	some role in approval.roles
	role in roles
	_counts(approval)
}

# The sponsor asks for the money through the agent; whether that person may also approve it is data.
_counts(approval) if approval.is_sponsor == false

_counts(approval) if {
	approval.is_sponsor == true
	data.review.sponsor_may_approve == true
}

# METADATA
# title: What one must do to satisfy all of several reviews
# description: |
#   The largest quorum. Of the roles those that all reviews accept; where there are none, all of them: the signatures are
#   then counted for each review by itself, and the payment stays in review until each has its own.
needed(outcomes) := {
	"quorum": max({outcome.quorum | some outcome in outcomes}),
	"roles": sort(_roles({{role | some role in outcome.roles} | some outcome in outcomes})),
	"expires_in": data.review.expires_in,
}

_roles(sets) := intersection(sets) if count(intersection(sets)) > 0

_roles(sets) := union(sets) if count(intersection(sets)) == 0
