/* test_lib_request.c - requests of libbrot: what a view and a document make together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <brot/brot.h>

/* The canonical document; the caller frees it. */
static char *made(const char *view, const char *json)
{
	struct brot_request *request = NULL;
	struct brot_error err = {.text = ""};
	if (brot_request_new(view, json, &request, &err) != BROT_OK)
		fail_msg("%s", err.text);
	char *text = strdup(brot_request_json(request));
	brot_request_free(request);
	return text;
}

static void check_has(const char *view, const char *json, const char *part)
{
	char *text = made(view, json);
	if (strstr(text, part) == NULL)
		fail_msg("%s does not have %s", text, part);
	/* It is complete: it makes itself. */
	char *again = made(NULL, text);
	assert_string_equal(text, again);
	free(again);
	free(text);
}

static void check_same(const char *view, const char *json, const char *other)
{
	char *text = made(view, json), *same = made(NULL, other);
	assert_string_equal(text, same);
	free(text);
	free(same);
}

static void check_refused(const char *view, const char *json, enum brot_err code,
			  const char *sentence)
{
	struct brot_request *request = NULL;
	struct brot_error err = {.text = ""};
	assert_int_equal(brot_request_new(view, json, &request, &err), code);
	assert_int_equal(err.code, code);
	if (strncmp(err.text, sentence, strlen(sentence)) != 0)
		fail_msg("\"%s\" is not \"%s\"", err.text, sentence);
	assert_null(request);
	assert_int_equal(brot_request_new(view, json, &request, NULL), code);
}

static void nothing_is_the_whole_set(void **state)
{
	(void)state;
	check_same(NULL, NULL,
		   "{\"brot\": 1, \"view\": {\"re\": -0.75, \"im\": 0, \"width\": 4}, "
		   "\"size\": [1920, 1080]}");
	check_same(NULL, "{}", "{\"view\": {\"re\": -0.75, \"im\": 0, \"width\": 4}}");
}

static void a_formula_is_shown_whole(void **state)
{
	(void)state;
	check_has(NULL, "{\"formula\": \"julia\", \"parameters\": {\"re\": -0.8, \"im\": 0.1}}",
		  "\"view\":{\"re\":\"0\",\"im\":\"0\",");
	check_has(NULL,
		  "{\"kind\": \"buddhabrot\", \"size\": [40, 900], \"buddha\": {\"points\": 9}}",
		  "\"im\":\"0\",");
	check_has(NULL, "{\"iterations\": 77}", "\"iterations\":77,");
}

static void a_view_goes_before_the_documents(void **state)
{
	static const char other[] =
		"{\"view\": {\"re\": 9, \"im\": 0, \"width\": 1}, \"size\": [5, 5]}";
	(void)state;
	check_has("-0.5,0.25,1e-3", other, "\"re\":\"-0.5\",\"im\":\"0.25\",\"width\":\"1e-3\"");
	check_has("-0.5,0.25,1e-3", other, "\"size\":[5,5]");
	check_has("-0.5,0.25,1e-3", "{}", "\"iterations\":2750,");
	check_has(NULL, other, "\"re\":\"9\"");
}

static void a_preset_brings_its_formula_and_iterations(void **state)
{
	(void)state;
	check_has("seahorse", NULL, "\"iterations\":10000,");
	check_has("seahorse", "{\"iterations\": 50}", "\"iterations\":50,");
	check_has("ship", NULL, "\"formula\":\"burning-ship\"");
	check_has("ship", "{\"formula\": \"mandelbrot\"}", "\"formula\":\"mandelbrot\"");
}

static void parameters_stay_with_their_formula_alone(void **state)
{
	(void)state;
	check_has("julia-rabbit", NULL, "\"parameters\":{\"re\":");
	check_has("julia-rabbit", "{\"parameters\": {\"im\": \"0.5\"}}", "\"im\":\"0.5\"");
	check_has("julia-rabbit", "{\"formula\": \"multibrot\", \"parameters\": {\"power\": 4}}",
		  "\"parameters\":{\"power\":4}");
	check_refused("julia-rabbit", "{\"formula\": \"multibrot\"}", BROT_E_REQUEST,
		      "parameters: required");
}

static void edges_give_the_size(void **state)
{
	(void)state;
	check_has("-2:1,-1:1", NULL, "\"size\":[1920,1280]");
	check_has("-2:1,-1:1", "{\"size\": [30, 30]}", "\"height\":\"2\"");
	check_refused("-2:1,0:1e-9", NULL, BROT_E_REQUEST, "size: must be given");
}

static void bands_give_the_iterations(void **state)
{
	static const char bands[] = "{\"kind\": \"buddhabrot\", \"buddha\": "
				    "{\"points\": 9, \"bands\": [[1, 900]]}}";
	(void)state;
	check_has(NULL, bands, "\"iterations\":900,");
	check_has("-0.5,0,2", bands, "\"iterations\":900,");
	check_has("-0.5,0,2", "{\"kind\": \"buddhabrot\", \"buddha\": {\"points\": 9}}",
		  "\"bands\":[[1,500]]");
	check_has("-0.5,0,2",
		  "{\"kind\": \"buddhabrot\", \"iterations\": 60, \"buddha\": {\"points\": 9}}",
		  "\"bands\":[[1,60]]");
	check_has("-0.5,0,2", "{\"kind\": \"buddhabrot\", \"buddha\": {\"points\": 9}}",
		  "\"palette\":\"grey\"");
}

static void colours_are_laid_over(void **state)
{
	(void)state;
	check_has("seahorse", "{\"colour\": {\"mode\": \"relief\"}}", "\"palette\":\"classic\"");
	check_has(
		"seahorse",
		"{\"colour\": {\"palette\": {\"cyclic\": false, \"stops\": [[0, \"#000000\"], [1, "
		"\"#ffffff\"]]}}}",
		"\"stops\":");
}

static void what_is_wrong_is_named(void **state)
{
	char *large = malloc(70001);
	(void)state;
	assert_non_null(large);
	memset(large, ' ', 70000);
	large[70000] = '\0';
	check_refused(NULL, large, BROT_E_REQUEST, "request: must have at most 65536 bytes");
	free(large);
	check_refused(NULL, "", BROT_E_REQUEST, "request: not JSON");
	check_refused(NULL, "[]", BROT_E_REQUEST, "request: must be an object");
	check_refused(NULL, "{\"size\": 3}", BROT_E_REQUEST, "size: must be");
	check_refused(NULL, "{\"size\": [3, 3], \"size\": [3, 3]}", BROT_E_REQUEST,
		      "size: duplicate key");
	check_refused(NULL, "{\"x\": 1}", BROT_E_REQUEST, "x: unknown key");
	check_refused(NULL, "{\"colour\": 7}", BROT_E_REQUEST, "colour: must be an object");
	check_refused("home", "{\"colour\": {\"x\": 7}}", BROT_E_REQUEST, "colour.x: unknown key");
	check_refused(NULL, "{\"brot\": 2}", BROT_E_REQUEST, "brot: ");
	check_refused(NULL, "{\"view\": 7}", BROT_E_REQUEST, "view: must be an object");
	check_refused("home", "{\"view\": 7}", BROT_E_REQUEST, "view: must be an object, got 7");
	check_refused("home", "{\"kind\": 7}", BROT_E_REQUEST, "kind: must be");
	check_refused("home", "{\"formula\": [[1]]}", BROT_E_REQUEST, "formula: must be");
	check_refused("home", "{\"buddha\": {\"bands\": 7}}", BROT_E_REQUEST, "buddha: ");
	check_refused("no-such", NULL, BROT_E_NOT_FOUND, "view: no preset is named \"no-such\"");
	check_refused("", NULL, BROT_E_NOT_FOUND, "view: ");
	check_refused("1,2,3,4", NULL, BROT_E_REQUEST, "view: ");
	check_refused("@/nonexistent/x.json", NULL, BROT_E_NO_INPUT, "view: cannot read");
	check_refused("\xff\xfe", NULL, BROT_E_NOT_FOUND, "view: ");
}

static void planes_are_told(void **state)
{
	static const struct {
		const char *json, *last;
		uint32_t count;
		enum brot_type type;
		uint32_t channels;
		size_t pixel_bytes;
	} formats[] = {
		{"{}", "rgb8", 1, BROT_U8, 3, 3},
		{"{\"format\": \"rgb16\"}", "rgb16", 1, BROT_U16, 3, 6},
		{"{\"format\": \"iterations\"}", "iterations", 1, BROT_U32, 1, 4},
		{"{\"format\": \"smooth\"}", "fraction", 2, BROT_F32, 1, 4},
		{"{\"format\": \"distance\"}", "distance", 1, BROT_F32, 2, 8},
		{"{\"format\": \"phase\"}", "phase", 1, BROT_F32, 1, 4},
		{"{\"format\": \"raw\"}", "interior", 7, BROT_F32, 1, 4},
		{"{\"kind\": \"buddhabrot\", \"format\": \"density\", \"buddha\": {\"points\": 9}}",
		 "density", 1, BROT_U64, 1, 8},
		{"{\"kind\": \"buddhabrot\", \"format\": \"nebula32\", \"buddha\": {\"points\": 9, "
		 "\"bands\": [[1, 2], [1, 2], [1, 2]]}}",
		 "density32", 3, BROT_U32, 1, 4},
	};
	(void)state;
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		struct brot_request *request = NULL;
		struct brot_plane planes[BROT_PLANES_MAX];
		uint32_t width = 0, height = 0;
		assert_int_equal(brot_request_new(NULL, formats[i].json, &request, NULL), BROT_OK);
		assert_int_equal(brot_request_planes(request, planes), formats[i].count);
		const struct brot_plane *last = &planes[formats[i].count - 1];
		assert_string_equal(last->name, formats[i].last);
		assert_int_equal(last->type, formats[i].type);
		assert_int_equal(last->channels, formats[i].channels);
		assert_int_equal(last->pixel_bytes, formats[i].pixel_bytes);
		brot_request_size(request, &width, &height);
		assert_int_equal(width, 1920);
		assert_int_equal(height, 1080);
		brot_request_free(request);
	}
	brot_request_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_the_whole_set),
		cmocka_unit_test(a_formula_is_shown_whole),
		cmocka_unit_test(a_view_goes_before_the_documents),
		cmocka_unit_test(a_preset_brings_its_formula_and_iterations),
		cmocka_unit_test(parameters_stay_with_their_formula_alone),
		cmocka_unit_test(edges_give_the_size),
		cmocka_unit_test(bands_give_the_iterations),
		cmocka_unit_test(colours_are_laid_over),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(planes_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
