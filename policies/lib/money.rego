# METADATA
# title: Amounts
# description: |
#   Policy data has amounts as decimal text, "12.50". Rules compute with integers of micro-USDC (6 decimals, at most 2^53-1), so
#   nothing is rounded.
package bursar.money

# METADATA
# title: usdc("12.50") is 12500000
# description: |
#   Undefined for text that is not a plain decimal with at most 6 decimals, so the control that reads it denies. The compiler
#   writes `data.amounts`: every amount of data.yaml, converted once. This saves a third of a decision's time.
usdc(text) := micro if {
	micro := data.amounts[text]
} else := _exact(text)

_exact(text) := to_number(concat("", ["1", digits])) - 10000000000000000 if {
	parts := split(text, ".")
	digits := concat("", [
		substring("0000000000", count(parts[0]), -1), parts[0],
		_fraction(parts), substring("000000", count(_fraction(parts)), -1),
	])
	_plain(parts[0])

	# At most ten digits before the point and six after it.
	count(digits) == 16
	digits <= "9007199254740991"
	trim_left(digits, "0123456789") == ""
}

_plain("0")

_plain(whole) if {
	whole != ""
	not startswith(whole, "0")
}

_fraction(parts) := "" if count(parts) == 1

_fraction(parts) := parts[1] if {
	count(parts) == 2
	parts[1] != ""
}
