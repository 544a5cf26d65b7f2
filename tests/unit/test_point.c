/* test_point.c - from a request's text to points in f64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>

#include "proto/point.h"

static struct request request;
static struct decimal_text decimal;

static double of_text(const char *text)
{
	(void)snprintf(decimal.text, sizeof decimal.text, "%s", text);
	return decimal_to_double(&decimal);
}

static const struct request *request_for(const char *re, const char *im, const char *width,
					 uint32_t width_px, uint32_t height_px)
{
	memset(&request, 0, sizeof request);
	(void)snprintf(request.view.re.text, sizeof request.view.re.text, "%s", re);
	(void)snprintf(request.view.im.text, sizeof request.view.im.text, "%s", im);
	(void)snprintf(request.view.width.text, sizeof request.view.width.text, "%s", width);
	request.width_px = width_px;
	request.height_px = height_px;
	request.samples = 1;
	return &request;
}

static void check_decimals(void)
{
	assert_true(of_text("0") == 0.0);
	assert_true(of_text("-0.75") == -0.75);
	assert_true(of_text("1024") == 1024.0);
	assert_true(of_text("3e-5") == 3e-5);
	assert_true(of_text("-1.25e2") == -125.0);
	assert_true(of_text("-0.743643887037151") == -0.743643887037151);
	assert_true(of_text("0.1318259042053300001e-3") == 0.1318259042053300001e-3);
	assert_true(of_text("1e-9999") == 0.0);
}

static void test_decimals(void **state)
{
	(void)state;
	check_decimals();
	/* Just above the middle between 1 and the next double: the last digit of many decides. */
	static char text[LIMIT_DECIMAL_CHARS + 1];
	memset(text, '0', LIMIT_DECIMAL_CHARS);
	memcpy(text, "1.00000000000000011102230246251565404236316680908203125", 55);
	assert_true(of_text(text) == 1.0);
	text[LIMIT_DECIMAL_CHARS - 1] = '1';
	assert_true(of_text(text) == 1.0 + 0x1p-52);
}

static void test_locale(void **state)
{
	(void)state;
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF"};
	size_t i = 0;
	while (i < sizeof names / sizeof names[0] && setlocale(LC_ALL, names[i]) == NULL)
		i++;
	if (i == sizeof names / sizeof names[0])
		skip();
	check_decimals();
	assert_non_null(setlocale(LC_ALL, "C"));
}

static void test_rotation(void **state)
{
	(void)state;
	static const double turns[][3] = {{0, 1, 0},    {90, 0, 1},    {180, -1, 0}, {270, 0, -1},
					  {-90, 0, -1}, {-180, -1, 0}, {-270, 0, 1}};
	double c, s;
	for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
		point_rotation(turns[i][0], &c, &s);
		assert_true(c == turns[i][1] && s == turns[i][2]);
	}
	for (double degrees = -359.95; degrees < 360.0; degrees += 0.0371) {
		/* Reduced in degrees first: M_PI / 180 times a large angle has an error of its own.
		 */
		const double rest = remainder(degrees, 90.0);
		const long double x = (long double)rest * 3.14159265358979323846264338328L / 180;
		const int quadrant = (int)lround((degrees - rest) / 90.0) & 3;
		const long double cosines[] = {cosl(x), -sinl(x), -cosl(x), sinl(x)};
		const long double sines[] = {sinl(x), cosl(x), -sinl(x), -cosl(x)};
		point_rotation(degrees, &c, &s);
		assert_true(fabsl((long double)c - cosines[quadrant]) <=
			    1.5L * (long double)(nextafter(fabs(c), 2.0) - fabs(c)));
		assert_true(fabsl((long double)s - sines[quadrant]) <=
			    1.5L * (long double)(nextafter(fabs(s), 2.0) - fabs(s)));
	}
}

static void test_frame(void **state)
{
	(void)state;
	struct point_frame frame;
	struct brot_error err;
	assert_int_equal(point_frame_make(request_for("-0.5", "0.25", "4", 4, 2), &frame, &err),
			 BROT_OK);
	assert_int_equal(frame.columns, 4);
	assert_int_equal(frame.rows, 2);
	double re, im;
	struct point_row row = point_row_of(&frame, 0);
	point_of(&frame, &row, 0, &re, &im);
	assert_true(re == -2.0 && im == 0.75); /* row 0 is on top */
	row = point_row_of(&frame, 1);
	point_of(&frame, &row, 3, &re, &im);
	assert_true(re == 1.0 && im == -0.25);

	/* The middle sample of an odd grid is the centre, whatever the rotation. */
	struct request *r = &request;
	(void)request_for("-0.5", "0.25", "1", 3, 5);
	r->samples = 3;
	r->view.rotate_deg = 12.5;
	(void)snprintf(r->view.height.text, sizeof r->view.height.text, "10");
	assert_int_equal(point_frame_make(r, &frame, &err), BROT_OK);
	assert_int_equal(frame.columns, 9);
	assert_int_equal(frame.rows, 15);
	assert_true(frame.step_im == 10.0 / 30.0);
	row = point_row_of(&frame, 7);
	point_of(&frame, &row, 4, &re, &im);
	assert_true(re == -0.5 && im == 0.25);

	/* Counter-clockwise: with 90 degrees, right is up. */
	(void)request_for("0", "0", "2", 2, 2);
	request.view.rotate_deg = 90.0;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	row = point_row_of(&frame, 0);
	point_of(&frame, &row, 1, &re, &im);
	assert_true(re == -0.5 && im == 0.5);
}

static void test_too_deep(void **state)
{
	(void)state;
	struct point_frame frame = {.columns = 7};
	struct brot_error err = {0};
	assert_int_equal(
		point_frame_make(request_for("-0.74", "0.13", "1e-16", 800, 600), &frame, &err),
		BROT_E_REQUEST);
	assert_int_equal(err.code, BROT_E_REQUEST);
	assert_string_equal(err.text, "view.width: 1e-16 is too deep for f64 at this place and "
				      "size, must be at least 8.9e-14");
	assert_int_equal(frame.columns, 7);
	/* What the sentence says must be so. */
	assert_int_equal(
		point_frame_make(request_for("-0.74", "0.13", "8.9e-14", 800, 600), &frame, &err),
		BROT_OK);
	/* Subsamples are closer; near 0 there is room for more. */
	request.samples = 2;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
	assert_int_equal(
		point_frame_make(request_for("0", "1e-20", "1e-30", 800, 600), &frame, &err),
		BROT_OK);
	assert_int_equal(point_frame_make(request_for("0", "0", "1e-500", 8, 6), &frame, &err),
			 BROT_E_REQUEST);
	(void)request_for("-0.74", "0.13", "1e-3", 800, 600);
	(void)snprintf(request.view.height.text, sizeof request.view.height.text, "1e-15");
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "view.height: 1e-15"));
}

/* The points of two neighbouring samples, in that precision, are never the same. */
static void check_columns_differ(const struct point_frame *frame)
{
	const struct point_row row = point_row_of(frame, 0);
	double last_re, im;
	point_of(frame, &row, 0, &last_re, &im);
	for (uint32_t column = 1; column < frame->columns; column++) {
		double re;
		point_of(frame, &row, column, &re, &im);
		assert_true((float)re > (float)last_re);
		last_re = re;
	}
}

static void test_too_deep_for_f32(void **state)
{
	(void)state;
	struct point_frame frame = {.columns = 7};
	struct brot_error err = {0};
	(void)request_for("-0.74", "0.13", "4.7e-5", 800, 600);
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	frame.columns = 7;
	request.precision = PRECISION_F32;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
	assert_string_equal(err.text, "view.width: 4.7e-5 is too deep for f32 at this place and "
				      "size, must be at least 4.8e-5; f64 goes deeper");
	assert_int_equal(frame.columns, 7);
	/* What the sentence says must be so. */
	(void)request_for("-0.74", "0.13", "4.8e-5", 800, 600);
	request.precision = PRECISION_F32;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	check_columns_differ(&frame);
	/* The frame itself stays in f64. */
	struct point_frame same;
	request.precision = PRECISION_F64;
	assert_int_equal(point_frame_make(&request, &same, &err), BROT_OK);
	assert_memory_equal(&same, &frame, sizeof frame);

	(void)request_for("-1.5", "0", "1e-3", 800, 600);
	request.precision = PRECISION_F32;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	check_columns_differ(&frame);
	(void)snprintf(request.view.height.text, sizeof request.view.height.text, "1e-6");
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "view.height: 1e-6 is too deep for f32"));
	/* Near 0 there is room for more. */
	(void)request_for("0", "0", "1e-30", 800, 600);
	request.precision = PRECISION_F32;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	check_columns_differ(&frame);
	(void)request_for("0", "0", "1e-500", 8, 6);
	request.precision = PRECISION_F32;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
}

/* Neighbours in the first row have different points, in f64. */
static void check_points_differ(const struct point_frame *frame)
{
	const struct point_row row = point_row_of(frame, 0);
	double re, im, last_re, last_im;
	point_of(frame, &row, 0, &last_re, &last_im);
	for (uint32_t column = 1; column < frame->columns; column++) {
		point_of(frame, &row, column, &re, &im);
		assert_true(re != last_re || im != last_im);
		last_re = re;
		last_im = im;
	}
}

static void test_too_deep_at_an_angle(void **state)
{
	(void)state;
	struct point_frame frame;
	struct brot_error err;
	/* Just as far apart as doubles is too near: halves would be rounded to even. */
	(void)request_for("-1.75", "0", "1.1368683772161603e-13", 512, 512);
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
	(void)request_for("-1.75", "0", "1.14e-13", 512, 512);
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	check_points_differ(&frame);
	request.view.rotate_deg = 30.0;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
	(void)snprintf(request.view.width.text, sizeof request.view.width.text, "1.4e-13");
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	check_points_differ(&frame);
}

/* Where z^2 vanishes beside c all points have the same orbit. */
static void test_too_deep_beside_c(void **state)
{
	(void)state;
	struct point_frame frame;
	struct brot_error err;
	(void)request_for("0", "0", "1e-8", 320, 240);
	request.formula = FORMULA_JULIA;
	(void)snprintf(request.c_re.text, sizeof request.c_re.text, "0");
	(void)snprintf(request.c_im.text, sizeof request.c_im.text, "1");
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "too deep for f64"));
	(void)snprintf(request.view.width.text, sizeof request.view.width.text, "1e-6");
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_OK);
	request.precision = PRECISION_F32;
	assert_int_equal(point_frame_make(&request, &frame, &err), BROT_E_REQUEST);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_locale),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_too_deep_for_f32),
		cmocka_unit_test(test_too_deep_at_an_angle),
		cmocka_unit_test(test_too_deep_beside_c),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
