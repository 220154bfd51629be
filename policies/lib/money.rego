# METADATA
# title: Amounts
# description: |
#   Policy data holds amounts as people write them, "12.50". Rules compute with integers of micro-USDC (6 decimals, at most
#   2^53-1), so nothing is ever rounded.
package bursar.money

_digits := "0123456789"

# METADATA
# title: usdc("12.50") is 12500000
# description: Undefined for anything that is not a plain decimal with at most 6 places, so the control that asked is a deny.
usdc(text) := micro if {
	is_string(text)
	parts := split(text, ".")
	whole := parts[0]
	_plain(whole)
	micro := (to_number(whole) * 1000000) + _fraction(parts)
	micro <= 9007199254740991
}

_plain("0")

_plain(whole) if {
	count(whole) in {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	trim_left(whole, _digits) == ""
	not startswith(whole, "0")
}

_fraction(parts) := 0 if count(parts) == 1

# A leading 1 keeps "05" from being read as octal or refused.
_fraction(parts) := to_number(concat("", ["1", parts[1], padding])) - 1000000 if {
	count(parts) == 2
	trim_left(parts[1], _digits) == ""
	padding := ["", "00000", "0000", "000", "00", "0", ""][count(parts[1])]
	parts[1] != ""
}
