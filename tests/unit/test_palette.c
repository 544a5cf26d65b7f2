/* test_palette.c - the rules that palette.h states for every row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/palette.h"

static void test_rows_keep_the_rules(void **state)
{
	(void)state;
	size_t count = 0;
	for (const struct palette *p; (p = palette_at(count)) != NULL; count++) {
		assert_ptr_equal(palette_by_name(p->name), p);
		assert_in_range(strlen(p->name), 1, LIMIT_NAME_CHARS);
		assert_int_equal(strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(p->name));
		assert_true(strlen(p->title) > 0);
		assert_true(p->stop_count >= 2);
		assert_true(p->stops[0].position == 0.0);
		for (uint32_t i = 1; i < p->stop_count; i++)
			assert_true(p->stops[i].position > p->stops[i - 1].position);
		double last = p->stops[p->stop_count - 1].position;
		assert_true(p->cyclic ? last < 1.0 : last == 1.0);
	}
	assert_true(count >= 36);
	assert_null(palette_at(count));
	assert_null(palette_at(SIZE_MAX));
}

static void test_default_exists(void **state)
{
	(void)state;
	assert_non_null(palette_by_name(PALETTE_DEFAULT));
}

static void test_unknown_names(void **state)
{
	(void)state;
	assert_null(palette_by_name("Hot"));
	assert_null(palette_by_name(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_keep_the_rules),
		cmocka_unit_test(test_default_exists),
		cmocka_unit_test(test_unknown_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
