/* test_preset.c - the rules that preset.h states for every row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/preset.h"
#include "proto/request.h"

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
	size_t count = 0, formulas[FORMULA_COUNT] = {0};
	for (const struct preset *p; (p = preset_at(count)) != NULL; count++) {
		assert_ptr_equal(preset_by_name(p->name), p);
		assert_in_range(strlen(p->name), 1, LIMIT_NAME_CHARS);
		assert_int_equal(strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(p->name));
		assert_true(strlen(p->title) > 0);
		assert_true(p->rotate_deg > -360 && p->rotate_deg < 360);
		assert_true(p->iterations <= LIMIT_ITERATIONS);
		struct request request;
		request_init(&request);
		struct brot_error err = {0};
		if (request_set_formula(p->formula, &request, &err) != BROT_OK)
			fail_msg("preset %s: %s", p->name, err.text);
		json_t *json = request_to_json(&request);
		assert_int_equal(request_from_json(json, &request, NULL), BROT_OK);
		json_decref(json);
		formulas[request.formula]++;
		struct view view;
		preset_view(p, &view);
		check_decimal(p->re, &view.re);
		check_decimal(p->im, &view.im);
		check_decimal(p->width, &view.width);
		assert_string_equal(view.height.text, "");
		assert_true(decimal_compare(&view.width, &least) > 0);
	}
	assert_true(count >= 16);
	for (int i = 0; i < FORMULA_COUNT; i++)
		assert_true(formulas[i] > 0);
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

/* One iteration in plain arithmetic, which is near enough to tell what a place looks like. */
static void iterate(const struct request *request, double *x, double *y, double re, double im)
{
	const bool is_ship = request->formula == FORMULA_BURNING_SHIP;
	const double a = is_ship ? fabs(*x) : *x;
	const double b = is_ship ? fabs(*y) : request->formula == FORMULA_TRICORN ? -*y : *y;
	double u = a, v = b;
	for (uint32_t power = 1; power < request->power; power++) {
		double t = u * a - v * b;
		v = u * b + v * a;
		u = t;
	}
	*x = u + re;
	*y = v + im;
}

/* The smallest n >= 1 with |z_n| > 2; 0 if there is none up to limit. */
static unsigned escape_count(const struct request *request, double re, double im, unsigned limit)
{
	const bool is_julia = request->formula == FORMULA_JULIA;
	double x = is_julia ? re : 0, y = is_julia ? im : 0;
	const double c_re = is_julia ? decimal_to_double(&request->c_re) : re;
	const double c_im = is_julia ? decimal_to_double(&request->c_im) : im;
	for (unsigned n = 1; n <= limit; n++) {
		iterate(request, &x, &y, c_re, c_im);
		if (!(x * x + y * y <= 4))
			return n;
	}
	return 0;
}

/* No row shows an even surface: a coarse look at it finds many different counts. */
static void test_places_are_worth_a_look(void **state)
{
	(void)state;
	enum { SIDE = 48, LIMIT = 3000 };
	for (size_t row = 0; preset_at(row) != NULL; row++) {
		struct request request;
		request_init(&request);
		assert_int_equal(request_set_formula(preset_at(row)->formula, &request, NULL),
				 BROT_OK);
		struct view view;
		preset_view(preset_at(row), &view);
		double re = decimal_to_double(&view.re), im = decimal_to_double(&view.im);
		double step = decimal_to_double(&view.width) / SIDE;
		unsigned char seen[LIMIT + 1] = {0};
		unsigned different = 0;
		for (int j = 0; j < SIDE; j++)
			for (int i = 0; i < SIDE; i++) {
				unsigned n = escape_count(&request, re + (i - SIDE / 2) * step,
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
