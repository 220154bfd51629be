# METADATA
# title: Layers
# description: |
#   Limits and required controls may differ by agent, sponsor, workflow or label. An entry must have exactly one selector: an
#   entry whose selector is missing would otherwise apply to every payment.
package bursar.layers

_selectors := {"agent", "sponsor", "workflow", "label"}

# METADATA
# title: The value of a setting for this payment
# description: The value of the first override that applies, in the order of the file; without one, the setting itself.
pick(settings, key) := settings[key] if {
	settings.overrides == []
}

pick(settings, key) := array.concat(chosen, [settings[key]])[0] if {
	count(settings.overrides) > 0
	every override in settings.overrides {
		well_formed(override, key)
	}
	chosen := [override[key] | some override in settings.overrides; applies(override)]
}

# METADATA
# title: An entry has one selector and one value
well_formed(entry, key) if {
	count(entry) == 2
	some selector in _selectors
	{field | some field, _ in entry} == {selector, key}
	_nameable(entry[selector])
}

_nameable(name) if is_string(name)

_nameable(label) if {
	is_object(label)
	count(label) == 1
	every value in label { is_string(value) }
}

# METADATA
# title: Whether an entry applies to this payment; its selector may be an id or a name
applies(entry) if entry.agent in {input.agent.id, input.agent.name}

applies(entry) if entry.sponsor in {input.sponsor.id, input.sponsor.name}

applies(entry) if entry.workflow in {input.workflow.id, input.workflow.name}

applies(entry) if {
	count(entry.label) == 1
	some name, value in entry.label
	input.agent.labels[name] == value
}
