/* test_formula.c - the table of formulas, and the words for a formula and its parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/request.h"

static struct request request;
static struct brot_error err;

static void test_rows_keep_the_rules(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FORMULA_COUNT; i++) {
		const struct formula_info *info = formula_info((enum formula_id)i);
		enum formula_id id = FORMULA_COUNT;
		assert_true(formula_by_name(info->name, &id));
		assert_int_equal(id, i);
		assert_int_equal(strspn(info->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(info->name));
		assert_true(strlen(info->meaning) > 0);
		request_init(&request);
		request.formula = id;
		request.power = info->has_power ? 4 : 2;
		request_set_home(&request);
		assert_string_equal(request.view.re.text, info->home_re);
		assert_string_equal(request.view.im.text, info->home_im);
		assert_string_equal(request.view.width.text, info->home_width);
		json_t *json = request_to_json(&request);
		assert_int_equal(request_from_json(json, &request, NULL), BROT_OK);
		json_decref(json);
	}
}

static void test_names(void **state)
{
	(void)state;
	enum formula_id id = FORMULA_COUNT;
	assert_false(formula_by_name("Julia", &id));
	assert_false(formula_by_name("", &id));
	assert_false(formula_by_name("julia:0,0", &id));
	assert_int_equal(id, FORMULA_COUNT);
}

static void set(const char *text)
{
	if (request_set_formula(text, &request, &err) != BROT_OK)
		fail_msg("%s: %s", text, err.text);
}

static void test_words(void **state)
{
	(void)state;
	request_init(&request);
	set("julia:-0.80,+0.156");
	assert_int_equal(request.formula, FORMULA_JULIA);
	assert_string_equal(request.c_re.text, "-0.8");
	assert_string_equal(request.c_im.text, "0.156");
	assert_int_equal(request.power, 2);
	set("julia"); /* what it has stays */
	assert_string_equal(request.c_re.text, "-0.8");
	set("julia: 1e-1 , 0");
	assert_string_equal(request.c_re.text, "0.1");
	set("multibrot:3");
	assert_int_equal(request.formula, FORMULA_MULTIBROT);
	assert_int_equal(request.power, 3);
	assert_string_equal(request.c_re.text, "0");
	set("multibrot: 6 ");
	assert_int_equal(request.power, 6);
	set("multibrot");
	assert_int_equal(request.power, 6);
	set("burning-ship");
	assert_int_equal(request.formula, FORMULA_BURNING_SHIP);
	assert_int_equal(request.power, 2);
	set("tricorn");
	set("mandelbrot");
	assert_int_equal(request.formula, FORMULA_MANDELBROT);
}

static void check_refused(const char *text, const char *sentence)
{
	request_init(&request);
	set("julia:0.25,0.5");
	struct request before = request;
	if (strncmp(text, "julia", 5) == 0)
		set("mandelbrot"), before = request;
	assert_int_equal(request_set_formula(text, &request, &err), BROT_E_REQUEST);
	assert_string_equal(err.text, sentence);
	assert_memory_equal(&request, &before, sizeof request);
}

#define CHOICES \
	"formula: must be mandelbrot, julia:RE,IM, multibrot:POWER, burning-ship or tricorn, got "

static void test_refused_words(void **state)
{
	(void)state;
	check_refused("", CHOICES "\"\"");
	check_refused("phoenix", CHOICES "\"phoenix\"");
	check_refused(":3", CHOICES "\":3\"");
	check_refused("Tricorn", CHOICES "\"Tricorn\"");
	check_refused("\xff", CHOICES "\"?\"");
	check_refused("julia", CHOICES "\"julia\"");
	check_refused("julia:", CHOICES "\"julia:\"");
	check_refused("julia:0.1", CHOICES "\"julia:0.1\"");
	check_refused("julia:0,1,2", CHOICES "\"julia:0,1,2\"");
	check_refused("multibrot", CHOICES "\"multibrot\"");
	check_refused("mandelbrot:2", CHOICES "\"mandelbrot:2\"");
	check_refused("tricorn:", CHOICES "\"tricorn:\"");
	check_refused("julia:a,0", "formula: RE: must be a decimal number, got \"a\"");
	check_refused("julia:0,", "formula: IM: must be a decimal number, got \"\"");
	check_refused("julia:0,1025", "formula: IM: must be -1024..1024, got 1025");
	check_refused("multibrot:", "formula: POWER: must be 3..6, got \"\"");
	check_refused("multibrot:2", "formula: POWER: must be 3..6, got \"2\"");
	check_refused("multibrot:7", "formula: POWER: must be 3..6, got \"7\"");
	check_refused("multibrot:03", "formula: POWER: must be 3..6, got \"03\"");
	check_refused("multibrot:3,4", "formula: POWER: must be 3..6, got \"3,4\"");
	char longest[2 * LIMIT_NAME_CHARS];
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	request_init(&request);
	assert_int_equal(request_set_formula(longest, &request, NULL), BROT_E_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_keep_the_rules),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_refused_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
