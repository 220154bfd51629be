# Each control declares the meters that it reads. Meters of controls that are not required are not kept, so a control that is
# off costs nothing. Two controls may share a meter if their declarations are equal.
package bursar

# METADATA
# title: Entry point; read once when the policy is loaded
# entrypoint: true
meters[name] := declaration if {
	some control in _in_use
	some name, declaration in data.bursar.controls[control].meters
}

_in_use contains control if some control in data.required[_]

_in_use contains control if some control in data.layers[_].controls
