/* test_hex.c - bytes and their digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/hex.h"

static void digits_are_lower_case(void **state)
{
	(void)state;
	static const uint8_t data[] = {0x00, 0x01, 0x7f, 0x80, 0xab, 0xcd, 0xef, 0xff};
	char text[2 * sizeof data + 2];
	memset(text, '~', sizeof text);
	hex_write(data, sizeof data, text);
	assert_string_equal(text, "00017f80abcdefff");
	assert_int_equal(text[2 * sizeof data + 1], '~');
	hex_write(data, 0, text);
	assert_string_equal(text, "");
}

static void every_byte_comes_back(void **state)
{
	(void)state;
	uint8_t data[256], back[257];
	char text[513];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)i;
	hex_write(data, sizeof data, text);
	assert_int_equal(strlen(text), 512);
	memset(back, 0x5a, sizeof back);
	assert_true(hex_read(text, back, sizeof data));
	assert_memory_equal(back, data, sizeof data);
	assert_int_equal(back[256], 0x5a);
	assert_true(hex_read("", back, 0));
}

static void refused(const char *text)
{
	uint8_t data[4] = {9, 9, 9, 9};
	static const uint8_t untouched[4] = {9, 9, 9, 9};
	if (hex_read(text, data, sizeof data))
		fail_msg("\"%s\" was taken", text);
	assert_memory_equal(data, untouched, sizeof data);
}

static void what_is_not_exactly_the_digits_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"0",
		"0123456",
		"012345678",
		"0123456g",
		" 1234567",
		"0123456 ",
		"0x234567",
		"ABCDEF01",
		"0123456F",
		"+1234567",
		"01234567\n",
		"0123456\xff",
		"0123456:",
		"0123456/",
		"0123456`",
		"012345678901234567",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(bad[i]);
	/* Each place with each other character. */
	for (size_t place = 0; place < 8; place++)
		for (int c = 1; c < 256; c++) {
			char text[] = "01234567";
			text[place] = (char)c;
			if (strchr("0123456789abcdef", c) == NULL)
				refused(text);
		}
	uint8_t data[4] = {0};
	static const uint8_t want[4] = {0x01, 0x23, 0x45, 0x67};
	assert_true(hex_read("01234567", data, sizeof data));
	assert_memory_equal(data, want, sizeof want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_lower_case),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(what_is_not_exactly_the_digits_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
