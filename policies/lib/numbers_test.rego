package bursar.numbers_test

import data.bursar.numbers

test_whole_numbers_pass if {
	numbers.whole(0) == 0
	numbers.whole(120) == 120
}

test_all_else_is_undefined if {
	every value in ["120", -1, 1.5, null, true, [1]] {
		not numbers.whole(value)
	}
}
