/* test_print.c - text of strangers, cut and cleaned, and numbers for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/print.h"

static void nothing_steers_the_terminal(void **state)
{
	(void)state;
	static const char said[] = "a\033[2Jb\n\xc2\x9b"
				   "c\x7f\xc3\xa9";
	static const char clean[] = "a?[2Jb??c?\xc3\xa9";
	char text[sizeof said];
	memcpy(text, said, sizeof said);
	print_clean(text);
	assert_string_equal(text, clean);

	char *printed = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&printed, &bytes);
	assert_non_null(file);
	print_text(file, said);
	(void)fclose(file);
	assert_string_equal(printed, clean);
	free(printed);
}

static void characters_are_cut_whole(void **state)
{
	(void)state;
	static const char text[] = "a\xc3\xa9\xe2\x82\xac"
				   "b";
	assert_int_equal(print_columns(""), 0);
	assert_int_equal(print_columns(text), 4);
	static const size_t bytes[] = {0, 1, 3, 6, 7, 7};
	for (size_t columns = 0; columns < sizeof bytes / sizeof bytes[0]; columns++)
		assert_int_equal(print_bytes(text, columns), bytes[columns]);
}

static void three_digits_and_a_prefix(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{0, "0.00 "},      {1, "1.00 "},      {12.34, "12.3 "},   {999.4, "999 "},
		{999.6, "1.00 k"}, {45600, "45.6 k"}, {4.56e9, "4.56 G"}, {1e21, "1000 E"},
	};
	char text[PRINT_SCALED_BYTES];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(print_scaled(rows[i].value, text), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_steers_the_terminal),
		cmocka_unit_test(characters_are_cut_whole),
		cmocka_unit_test(three_digits_and_a_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
