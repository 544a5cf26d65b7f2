/* test_view.c - the words for a view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/preset.h"
#include "proto/view.h"

static void check_view(const char *text, const char *re, const char *im, const char *width,
		       const char *height)
{
	struct view view;
	uint32_t iterations = 77;
	struct brot_error err = {BROT_OK, ""};
	if (view_parse(text, &view, &iterations, &err) != BROT_OK)
		fail_msg("\"%s\" was refused: %s", text, err.text);
	assert_string_equal(view.re.text, re);
	assert_string_equal(view.im.text, im);
	assert_string_equal(view.width.text, width);
	assert_string_equal(view.height.text, height);
	assert_true(view.rotate_deg == 0.0);
	assert_int_equal(iterations, 0);
}

static void check_refused(const char *text, enum brot_err code, const char *sentence)
{
	struct view view, before;
	memset(&view, 0x5a, sizeof view);
	memset(&before, 0x5a, sizeof before);
	uint32_t iterations = 77;
	struct brot_error err = {BROT_OK, ""};
	assert_int_equal(view_parse(text, &view, &iterations, &err), code);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, sentence);
	assert_memory_equal(&view, &before, sizeof view);
	assert_int_equal(iterations, 77);
	assert_int_equal(view_parse(text, &view, &iterations, NULL), code);
}

static void test_centre_and_width(void **state)
{
	(void)state;
	check_view("-0.75,0,4", "-0.75", "0", "4", "");
	check_view("-.5,+1e-3,3.50", "-0.5", "1e-3", "3.5", "");
	check_view(" -0.5 , 0.25 , 3e-5 ", "-0.5", "0.25", "3e-5", "");
	check_view("-0.743643887037158704752191506114774,0.131825904205311970493132056385139,3e-50",
		   "-0.743643887037158704752191506114774", "0.131825904205311970493132056385139",
		   "3e-50", "");
	check_view("1024,-1024,1024", "1024", "-1024", "1024", "");
}

static void test_edges(void **state)
{
	(void)state;
	check_view("-2:1,-1.5:1.5", "-0.5", "0", "3", "3");
	check_view("-2:0.47,-1.12:1.13", "-0.765", "5e-3", "2.47", "2.25");
	/* Exact where doubles would not be. */
	check_view("0.1:0.30000000000000000000000001,1:2", "0.200000000000000000000000005", "1.5",
		   "0.20000000000000000000000001", "1");
	check_view("-1e-40:1e-40,0:1", "0", "0.5", "2e-40", "1");
}

static void test_presets(void **state)
{
	(void)state;
	struct view view;
	uint32_t iterations = 0;
	for (size_t i = 0; preset_at(i) != NULL; i++) {
		assert_int_equal(view_parse(preset_at(i)->name, &view, &iterations, NULL), BROT_OK);
		struct view same;
		preset_view(preset_at(i), &same);
		assert_string_equal(view.re.text, same.re.text);
		assert_string_equal(view.im.text, same.im.text);
		assert_string_equal(view.width.text, same.width.text);
		assert_int_equal(iterations, preset_at(i)->iterations);
	}
	check_refused("seahorze", BROT_E_NOT_FOUND,
		      "view: no preset is named \"seahorze\"; did you mean \"seahorse\"?");
	check_refused("sea-horse", BROT_E_NOT_FOUND,
		      "view: no preset is named \"sea-horse\"; did you mean \"seahorse\"?");
	check_refused("supercalifragilistic", BROT_E_NOT_FOUND,
		      "view: no preset is named \"supercalifragilistic\"");
	check_refused("", BROT_E_NOT_FOUND, "view: no preset is named \"\"");
	check_refused("\xff\x01home", BROT_E_NOT_FOUND,
		      "view: no preset is named \"?\?home\"; did you mean \"home\"?");
}

static void test_refusals(void **state)
{
	(void)state;
	check_refused("1,2", BROT_E_REQUEST, "view: must be RE,IM,WIDTH, got \"1,2\"");
	check_refused("1,2,3,4", BROT_E_REQUEST, "view: must be RE,IM,WIDTH, got \"1,2,3,4\"");
	check_refused("a,2,3", BROT_E_REQUEST, "view: RE: must be a decimal number, got \"a\"");
	check_refused("1,,3", BROT_E_REQUEST, "view: IM: must be a decimal number, got \"\"");
	check_refused("1,0x10,3", BROT_E_REQUEST,
		      "view: IM: must be a decimal number, got \"0x10\"");
	check_refused("1,2,nan", BROT_E_REQUEST,
		      "view: WIDTH: must be a decimal number, got \"nan\"");
	check_refused("1,2,0", BROT_E_REQUEST, "view: WIDTH: must be over 0, got 0");
	check_refused("1,2,-3", BROT_E_REQUEST, "view: WIDTH: must be over 0, got -3");
	check_refused("1,2,1024.5", BROT_E_REQUEST,
		      "view: WIDTH: must be at most 1024, got 1024.5");
	check_refused("-1025,2,1", BROT_E_REQUEST, "view: RE: must be -1024..1024, got -1025");
	check_refused("1,2,1e-10001", BROT_E_REQUEST,
		      "view: WIDTH: must have a power of ten within +-10000, got \"1e-10001\"");
	check_refused("1:2", BROT_E_REQUEST, "view: must be XMIN:XMAX,YMIN:YMAX, got \"1:2\"");
	check_refused("1:2,3", BROT_E_REQUEST, "view: must be XMIN:XMAX,YMIN:YMAX, got \"3\"");
	check_refused("1:2:3,4:5", BROT_E_REQUEST,
		      "view: must be XMIN:XMAX,YMIN:YMAX, got \"1:2:3\"");
	check_refused("2:1,0:1", BROT_E_REQUEST, "view: XMAX: must be over XMIN, got \"2:1\"");
	check_refused("0:1,1:1.0", BROT_E_REQUEST, "view: YMAX: must be over YMIN, got \"1:1.0\"");
	check_refused("-1000:1000,0:1", BROT_E_REQUEST,
		      "view: XMAX - XMIN: must be at most 1024, got 2e3");
	check_refused("1e-9999:1,0:1", BROT_E_REQUEST,
		      "view: the x range: must have at most 4096 characters, got \"1e-9999:1\"");
}

static void test_any_length(void **state)
{
	(void)state;
	char text[LIMIT_DECIMAL_CHARS + 64];
	struct view view;
	uint32_t iterations;
	struct brot_error err;
	memset(text, '1', sizeof text);
	memcpy(text, "0.", 2);
	strcpy(text + LIMIT_DECIMAL_CHARS, ",0,1");
	assert_int_equal(view_parse(text, &view, &iterations, &err), BROT_OK);
	assert_int_equal(strlen(view.re.text), LIMIT_DECIMAL_CHARS);
	memset(text + LIMIT_DECIMAL_CHARS, '1', 1);
	strcpy(text + LIMIT_DECIMAL_CHARS + 1, ",0,1");
	assert_int_equal(view_parse(text, &view, &iterations, &err), BROT_E_REQUEST);
	assert_string_equal(err.text, "view: RE: must have at most 4096 characters, got 4097");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_centre_and_width), cmocka_unit_test(test_edges),
		cmocka_unit_test(test_presets),          cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_any_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
