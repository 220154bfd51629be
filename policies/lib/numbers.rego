# METADATA
# title: Numbers from policy data
# description: |
#   Rego compares values of different types, and every number is less than every string: `3 <= "2"` is true. A quoted number in
#   data.yaml would therefore lift a limit, so rules read every number of the data through this function.
package bursar.numbers

# METADATA
# title: The value, if it is a whole number of zero or more
whole(value) := value if {
	is_number(value)
	value >= 0
	floor(value) == value
}
