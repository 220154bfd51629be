package bursar.money_test

import data.bursar.money

test_amounts_are_exact if {
	money.usdc("2.50") == 2500000
	money.usdc("0") == 0
	money.usdc("0.05") == 50000
	money.usdc("25") == 25000000
	money.usdc("0.000001") == 1
	money.usdc("9007199254.740991") == 9007199254740991
}

test_what_is_no_amount_is_undefined if {
	every text in [
		"", ".", "1.", ".5", "-1", "+1", "1e3", "01", "00", "1.0000001", "1.2.3", "1,5", " 1", "1 ", "0x1",
		"9007199254.740992", "12345678901", "a", "1.a", "٣",
	] {
		not money.usdc(text)
	}
}

test_what_is_no_text_is_undefined if {
	every value in [1, null, true, [], {}] {
		not money.usdc(value)
	}
}

test_worked_out_amounts_are_used if money.usdc("7.00") == 1 with data.amounts as {"7.00": 1}
