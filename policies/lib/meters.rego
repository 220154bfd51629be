# Meters: each control declares the meters that it reads. Those of controls that nothing requires are not kept, so a control that
# is off costs nothing. Two controls may share a meter if they declare it alike.
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
