# METADATA
# title: Numbers from policy data
# description: |
#   Rego orders values across types, and every number is below every string: `3 <= "2"` is true. A quoted number in data.yaml
#   would therefore open a limit. Every bare number of the data passes through here.
package bursar.numbers

# METADATA
# title: The value, if it is a whole number of zero or more
whole(value) := value if {
	is_number(value)
	value >= 0
	floor(value) == value
}
