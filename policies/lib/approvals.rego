# METADATA
# title: Approvals and mandates
# description: Signed approvals and mandates satisfy a review. No signature satisfies a deny.
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
# title: Whether a mandate covers the review of a control; the data lists the controls that it may cover
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

# The agent pays on its sponsor's behalf, so the data decides whether that person may also approve.
_counts(approval) if approval.is_sponsor == false

_counts(approval) if {
	approval.is_sponsor == true
	data.review.sponsor_may_approve == true
}

# METADATA
# title: The quorum and roles that satisfy several reviews together
# description: |
#   The largest quorum, and the roles that all reviews accept. If no role is accepted by all, every role is returned: signatures
#   are then counted for each review separately, and the payment stays in review until each review is satisfied.
needed(outcomes) := {
	"quorum": max({outcome.quorum | some outcome in outcomes}),
	"roles": sort(_roles({{role | some role in outcome.roles} | some outcome in outcomes})),
	"expires_in": data.review.expires_in,
}

_roles(sets) := intersection(sets) if count(intersection(sets)) > 0

_roles(sets) := union(sets) if count(intersection(sets)) == 0
