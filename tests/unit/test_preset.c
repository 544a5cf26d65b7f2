/* test_preset.c - the rules that preset.h states for every row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/preset.h"
#include "proto/view.h"

/* The text means a coordinate that a request may have, and the view has the same. */
static void check_decimal(const char *text, const struct decimal_text *in_view)
{
	struct decimal_text value;
	assert_int_equal(decimal_parse(text, strlen(text), &value), DECIMAL_OK);
	assert_string_equal(in_view->text, value.text);
	assert_true(decimal_compare_magnitude(&value, LIMIT_COORDINATE) <= 0);
}

static void test_rows_keep_the_rules(void **state)
{
	(void)state;
	struct decimal_text least;
	assert_int_equal(decimal_parse("1e-12", 5, &least), DECIMAL_OK);
	size_t count = 0;
	for (const struct preset *p; (p = preset_at(count)) != NULL; count++) {
		assert_ptr_equal(preset_by_name(p->name), p);
		assert_in_range(strlen(p->name), 1, LIMIT_NAME_CHARS);
		assert_int_equal(strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(p->name));
		assert_true(strlen(p->title) > 0);
		assert_true(p->rotate_deg > -360 && p->rotate_deg < 360);
		assert_true(p->iterations <= LIMIT_ITERATIONS);
		struct view view;
		preset_view(p, &view);
		check_decimal(p->re, &view.re);
		check_decimal(p->im, &view.im);
		check_decimal(p->width, &view.width);
		assert_string_equal(view.height.text, "");
		assert_true(decimal_compare(&view.width, &least) > 0);
	}
	assert_true(count >= 16);
	assert_null(preset_at(SIZE_MAX));
}

static void test_names(void **state)
{
	(void)state;
	assert_ptr_equal(preset_by_name("home"), preset_at(0));
	assert_non_null(preset_by_name("seahorse"));
	assert_null(preset_by_name("Home"));
	assert_null(preset_by_name(""));
}

/* The smallest n >= 1 with |z_n| > 2; 0 if there is none up to limit. */
static unsigned escape_count(double re, double im, unsigned limit)
{
	double x = 0, y = 0;
	for (unsigned n = 1; n <= limit; n++) {
		double t = x * x - y * y + re;
		y = 2 * x * y + im;
		x = t;
		if (!(x * x + y * y <= 4))
			return n;
	}
	return 0;
}

/* No row shows an even surface: a coarse look at it finds many different counts. */
static void test_places_are_worth_a_look(void **state)
{
	(void)state;
	enum { SIDE = 24, LIMIT = 3000 };
	for (size_t row = 0; preset_at(row) != NULL; row++) {
		struct view view;
		preset_view(preset_at(row), &view);
		double re = decimal_to_double(&view.re), im = decimal_to_double(&view.im);
		double step = decimal_to_double(&view.width) / SIDE;
		unsigned char seen[LIMIT + 1] = {0};
		unsigned different = 0;
		for (int j = 0; j < SIDE; j++)
			for (int i = 0; i < SIDE; i++) {
				unsigned n = escape_count(re + (i - SIDE / 2) * step,
							  im + (j - SIDE / 2) * step, LIMIT);
				different += seen[n] == 0;
				seen[n] = 1;
			}
		if (different < 10)
			fail_msg("preset %s shows only %u counts", preset_at(row)->name, different);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_keep_the_rules),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_places_are_worth_a_look),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
