/* test_nearest.c - the name somebody meant, and foreign text in a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/nearest.h"
#include "proto/quote.h"

static const char *nearest_of(const char *wanted)
{
	static const char *const names[] = {"width", "height", "rotate", "re", "im", "iterations"};
	struct nearest nearest = nearest_start(wanted);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		nearest_offer(&nearest, names[i]);
	return nearest_found(&nearest);
}

static void test_slips(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("widht"), "width");
	assert_string_equal(nearest_of("wdth"), "width");
	assert_string_equal(nearest_of("widthh"), "width");
	assert_string_equal(nearest_of("hieght"), "height");
	assert_string_equal(nearest_of("itertions"), "iterations");
	assert_string_equal(nearest_of("itteratoins"), "iterations");
	assert_string_equal(nearest_of("er"), "re");
	assert_string_equal(nearest_of("width"), "width");
}

static void test_strangers(void **state)
{
	(void)state;
	assert_null(nearest_of("colour"));
	assert_null(nearest_of(""));
	assert_null(nearest_of("x"));
	assert_null(nearest_of("abc"));
	char longest[300];
	memset(longest, 'w', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_null(nearest_of(longest));
	struct nearest nearest = nearest_start("width");
	nearest_offer(&nearest, longest);
	assert_null(nearest_found(&nearest));
	char sixty_four[65];
	memset(sixty_four, 'w', 64);
	sixty_four[64] = '\0';
	nearest = nearest_start(sixty_four);
	nearest_offer(&nearest, sixty_four);
	assert_ptr_equal(nearest_found(&nearest), sixty_four);
}

static void test_hint(void **state)
{
	(void)state;
	char buffer[NEAREST_HINT_BYTES];
	struct nearest nearest = nearest_start("widht");
	assert_string_equal(nearest_hint(&nearest, buffer), "");
	nearest_offer(&nearest, "width");
	assert_string_equal(nearest_hint(&nearest, buffer), "; did you mean \"width\"?");
}

static void test_quote(void **state)
{
	(void)state;
	char buffer[8];
	assert_string_equal(quote_text("", 0, buffer, sizeof buffer), "");
	assert_string_equal(quote_text("seven77", 7, buffer, sizeof buffer), "seven77");
	assert_string_equal(quote_text("eight888", 8, buffer, sizeof buffer), "eigh...");
	assert_string_equal(quote_text("a\n\x7f\xc3\xa9", 5, buffer, sizeof buffer), "a?\?\?\?");
	assert_string_equal(quote_text("a\0b", 3, buffer, sizeof buffer), "a?b");
	assert_string_equal(quote_text("abcd", 4, buffer, 4), "...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_quote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
