/*
 * test_request.c - requests: every file of tests/cases/request, the round trip, the defaults, and
 * that request.schema.json says what the code does.
 *
 * A case is NAME.json and NAME.expect: the one sentence of the refusal, or "ok" and, on the next
 * line, the canonical document.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/preset.h"
#include "proto/request.h"

#define FOLDER     BROT_CASES_DIR "/request"
#define FILE_BYTES (LIMIT_REQUEST_BYTES + 4096)

static size_t read_file(const char *path, char *buffer, size_t buffer_bytes)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("cannot read %s", path);
	size_t bytes = fread(buffer, 1, buffer_bytes - 1, file);
	(void)fclose(file);
	buffer[bytes] = '\0';
	return bytes;
}

static enum brot_err parse_text(const char *text, struct request *request, struct brot_error *err)
{
	return request_parse(text, strlen(text), request, err);
}

static char *canonical(const struct request *request)
{
	json_t *json = request_to_json(request);
	assert_non_null(json);
	char *text = json_dumps(json, 0);
	assert_non_null(text);
	json_decref(json);
	return text;
}

/* The canonical text of a request means the same request, and is its own canonical text. */
static void check_round_trip(const struct request *request)
{
	char *text = canonical(request);
	struct request again;
	struct brot_error err = {BROT_OK, ""};
	if (parse_text(text, &again, &err) != BROT_OK)
		fail_msg("%s: %s", text, err.text);
	char *text_again = canonical(&again);
	assert_string_equal(text, text_again);
	assert_int_equal(again.iterations, request->iterations);
	assert_int_equal(again.formula, request->formula);
	assert_string_equal(again.c_re.text, request->c_re.text);
	assert_string_equal(again.c_im.text, request->c_im.text);
	assert_int_equal(again.power, request->power);
	assert_int_equal(again.precision, request->precision);
	assert_int_equal(again.has_shortcuts, request->has_shortcuts);
	assert_string_equal(again.view.re.text, request->view.re.text);
	assert_true(again.view.rotate_deg == request->view.rotate_deg);
	free(text);
	free(text_again);
}

static void run_case(const char *name)
{
	static char document[FILE_BYTES], wanted[FILE_BYTES];
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/%s.json", FOLDER, name);
	size_t bytes = read_file(path, document, sizeof document);
	(void)snprintf(path, sizeof path, "%s/%s.expect", FOLDER, name);
	size_t wanted_bytes = read_file(path, wanted, sizeof wanted);
	assert_true(wanted_bytes > 0 && wanted[wanted_bytes - 1] == '\n');
	wanted[wanted_bytes - 1] = '\0';

	struct request request, before;
	memset(&request, 0x5a, sizeof request);
	memset(&before, 0x5a, sizeof before);
	struct brot_error err = {BROT_OK, ""};
	enum brot_err code = request_parse(document, bytes, &request, &err);
	if (code == BROT_OK) {
		char *text = canonical(&request);
		if (strncmp(wanted, "ok\n", 3) != 0 || strcmp(wanted + 3, text) != 0)
			fail_msg("case %s:\n  wanted %s\n  got ok\n%s", name, wanted, text);
		free(text);
		check_round_trip(&request);
		return;
	}
	if (strcmp(wanted, err.text) != 0)
		fail_msg("case %s:\n  wanted %s\n  got    %s", name, wanted, err.text);
	assert_int_equal(code, BROT_E_REQUEST);
	assert_int_equal(err.code, BROT_E_REQUEST);
	assert_memory_equal(&request, &before, sizeof request);
	assert_int_equal(request_parse(document, bytes, &request, NULL), code);
}

static void test_cases(void **state)
{
	(void)state;
	DIR *folder = opendir(FOLDER);
	assert_non_null(folder);
	unsigned good = 0, bad = 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char name[sizeof entry->d_name];
		(void)snprintf(name, sizeof name, "%s", entry->d_name);
		char *suffix = strrchr(name, '.');
		if (suffix == NULL || strcmp(suffix, ".json") != 0)
			continue;
		*suffix = '\0';
		run_case(name);
		*(strncmp(name, "ok-", 3) == 0 ? &good : &bad) += 1;
	}
	(void)closedir(folder);
	assert_true(good > 0 && bad > 0);
}

static void test_defaults(void **state)
{
	(void)state;
	struct request request, parsed;
	request_init(&request);
	assert_int_equal(request.width_px, 1920);
	assert_int_equal(request.height_px, 1080);
	assert_int_equal(request.iterations, 500);
	check_round_trip(&request);
	assert_int_equal(parse_text("{\"brot\": 1, \"size\": [1920, 1080], "
				    "\"view\": {\"re\": \"-0.75\", \"im\": 0, \"width\": 4}}",
				    &parsed, NULL),
			 BROT_OK);
	char *a = canonical(&request), *b = canonical(&parsed);
	assert_string_equal(a, b);
	free(a);
	free(b);
	assert_int_equal(parsed.precision, PRECISION_F64);
	assert_true(parsed.has_shortcuts);
	struct view home;
	preset_view(preset_at(0), &home);
	assert_string_equal(home.re.text, request.view.re.text);
	assert_string_equal(home.im.text, request.view.im.text);
	assert_string_equal(home.width.text, request.view.width.text);
}

static uint32_t iterations_at(const char *width, const char *height)
{
	struct view view = {.rotate_deg = 0};
	assert_int_equal(decimal_parse(width, strlen(width), &view.width), DECIMAL_OK);
	if (height != NULL)
		assert_int_equal(decimal_parse(height, strlen(height), &view.height), DECIMAL_OK);
	return request_default_iterations(&view);
}

static void test_default_iterations(void **state)
{
	(void)state;
	assert_int_equal(iterations_at("1024", NULL), 500);
	assert_int_equal(iterations_at("4", NULL), 500);
	assert_int_equal(iterations_at("1e-5", NULL), 5000);
	assert_int_equal(iterations_at("9.9e-5", NULL), 5000);
	assert_int_equal(iterations_at("1e-13", NULL), 20000);
	assert_int_equal(iterations_at("1e-10000", NULL), LIMIT_ITERATIONS);
	assert_int_equal(iterations_at("4", "1e-5"), 5000);
	assert_int_equal(iterations_at("1e-5", "4"), 5000);
	uint32_t last = 0;
	for (int power = 3; power >= -10000; power--) {
		char width[16];
		(void)snprintf(width, sizeof width, "1e%d", power);
		uint32_t now = iterations_at(width, NULL);
		assert_true(now >= last && now >= 500 && now <= LIMIT_ITERATIONS);
		last = now;
	}
}

static void test_from_json(void **state)
{
	(void)state;
	struct request request;
	struct brot_error err;
	json_t *json = json_pack("{s:i, s:[i,i], s:{s:s, s:f, s:s}}", "brot", 1, "size", 3, 2,
				 "view", "re", "0", "im", 0.1, "width", "1");
	assert_int_equal(request_from_json(json, &request, &err), BROT_OK);
	assert_string_equal(request.view.im.text, "0.1");
	json_decref(json);
	json = json_integer(5);
	assert_int_equal(request_from_json(json, &request, &err), BROT_E_REQUEST);
	assert_string_equal(err.text, "request: must be an object, got 5");
	json_decref(json);
	assert_int_equal(request_from_json(NULL, &request, &err), BROT_E_REQUEST);
	assert_int_equal(request_parse("", 0, &request, &err), BROT_E_REQUEST);
}

/* Text cut at any place is refused, and nothing is read past its end. */
static void test_cut_anywhere(void **state)
{
	(void)state;
	struct request request;
	request_init(&request);
	char *text = canonical(&request);
	size_t bytes = strlen(text);
	for (size_t i = 0; i < bytes; i++) {
		char *cut = malloc(i + 1);
		assert_non_null(cut);
		memcpy(cut, text, i);
		assert_int_equal(request_parse(cut, i, &request, NULL), BROT_E_REQUEST);
		free(cut);
	}
	free(text);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(request_kind_name(KIND_ESCAPE), "escape");
	assert_string_equal(precision_name(PRECISION_F64), "f64");
	assert_string_equal(precision_name(PRECISION_F32), "f32");
	assert_string_equal(colour_mode_name(COLOUR_SMOOTH), "smooth");
	assert_string_equal(colour_mode_name(COLOUR_BANDED), "banded");
}

/* The schema. A complete document is changed one value at a time, and must be accepted or
 * refused as the schema has it. */

/* The formula of these documents, as the keys depend on it. */
static enum formula_id formula;
static enum request_kind kind;

static json_t *complete_document(void)
{
	struct request request;
	request_init(&request);
	request.kind = kind;
	request.buddha.points = 2; /* a grid may have so many */
	request.buddha.channels = 1;
	request.buddha.bands[0] = (struct buddha_band){1, request.iterations};
	request.formula = formula;
	request.power = formula_info(formula)->has_power ? 4 : 2;
	request.view.height = request.view.width;
	json_t *document = request_to_json(&request);
	assert_non_null(document);
	return document;
}

/* Parses `document` with `value` at object_name.key (object_name NULL: at the top). Takes the
 * reference to value; NULL leaves the key out. */
static enum brot_err parse_with(const char *object_name, const char *key, json_t *value)
{
	json_t *document = complete_document();
	json_t *object = object_name ? json_object_get(document, object_name) : document;
	assert_int_equal(value != NULL ? json_object_set_new(object, key, value)
				       : json_object_del(object, key),
			 0);
	/* Saving samples takes some to save. */
	if (strcmp(key, "adaptive") == 0)
		json_object_set_new(document, "samples", json_integer(2));
	struct request request;
	enum brot_err code = request_from_json(document, &request, NULL);
	json_decref(document);
	return code;
}

static bool has_word(const json_t *words, const char *word)
{
	for (size_t i = 0; i < json_array_size(words); i++)
		if (strcmp(json_string_value(json_array_get(words, i)), word) == 0)
			return true;
	return false;
}

/* What the schema has for the formula of the documents alone. */
static const json_t *branch(const json_t *schema)
{
	const json_t *branches = json_object_get(schema, "allOf"), *found = NULL;
	for (size_t i = 0; i < json_array_size(branches); i++) {
		const json_t *words, *then;
		json_t *entry = json_array_get(branches, i);
		if (json_unpack(entry, "{s:{s:{s:{s:o}}}, s:o}", "if", "properties", "formula",
				"enum", &words, "then", &then) != 0 ||
		    !has_word(words, formula_info(formula)->name))
			continue;
		assert_null(found);
		found = then;
	}
	assert_non_null(found);
	return found;
}

static json_t *number_of(bool is_whole, double number)
{
	return is_whole ? json_integer((json_int_t)number) : json_real(number);
}

static void check_limit(const char *object_name, const char *key, const json_t *schema,
			const char *word, double step)
{
	const json_t *limit = json_object_get(schema, word);
	if (limit == NULL)
		return;
	bool is_exclusive = strncmp(word, "exclusive", 9) == 0;
	bool is_whole = json_is_integer(limit);
	double edge = json_number_value(limit);
	enum brot_err at = parse_with(object_name, key, number_of(is_whole, edge));
	assert_int_equal(at, is_exclusive ? BROT_E_REQUEST : BROT_OK);
	enum brot_err past = parse_with(object_name, key, number_of(is_whole, edge + step));
	assert_int_equal(past, BROT_E_REQUEST);
	enum brot_err within = parse_with(object_name, key, number_of(is_whole, edge - step));
	assert_int_equal(within, BROT_OK);
}

static void check_limits(const char *object_name, const char *key, const json_t *schema)
{
	if (strcmp(key, "adaptive") == 0 && formula != FORMULA_MANDELBROT)
		return;
	check_limit(object_name, key, schema, "minimum", -1);
	check_limit(object_name, key, schema, "exclusiveMinimum", -1);
	check_limit(object_name, key, schema, "maximum", 1);
	check_limit(object_name, key, schema, "exclusiveMaximum", 1);
}

/* Whether a document is right for either formula. */
static bool is_like(const char *name)
{
	enum formula_id id = FORMULA_COUNT;
	assert_true(formula_by_name(name, &id));
	const struct formula_info *a = formula_info(formula), *b = formula_info(id);
	return a->has_c == b->has_c && a->has_power == b->has_power;
}

static void check_property(const char *object_name, const char *key, const json_t *schema)
{
	const json_t *words = json_object_get(schema, "enum");
	for (size_t i = 0; i < json_array_size(words); i++) {
		json_t *word = json_array_get(words, i);
		bool is_right = strcmp(key, "formula") != 0 || is_like(json_string_value(word));
		if (strcmp(key, "kind") == 0)
			is_right = i == (size_t)kind;
		if (strcmp(key, "format") == 0)
			is_right = i < FORMAT_DENSITY;
		if (strcmp(key, "inside") == 0)
			is_right = i == 0 || formula == FORMULA_MANDELBROT ||
				   formula == FORMULA_MULTIBROT;
		assert_int_equal(parse_with(object_name, key, json_incref(word)),
				 is_right ? BROT_OK : BROT_E_REQUEST);
	}
	if (words != NULL)
		assert_int_equal(parse_with(object_name, key, json_string("?")), BROT_E_REQUEST);
	if (strcmp(key, "format") == 0)
		assert_int_equal(json_array_size(words), FORMAT_COUNT);
	if (strcmp(key, "kind") == 0)
		assert_int_equal(json_array_size(words), KIND_COUNT);
	if (strcmp(key, "formula") == 0)
		assert_int_equal(json_array_size(words), FORMULA_COUNT);
	if (strcmp(key, "precision") == 0)
		assert_int_equal(json_array_size(words), PRECISION_COUNT);
	if (strcmp(key, "mode") == 0)
		assert_int_equal(json_array_size(words), COLOUR_MODE_COUNT);
	check_limits(object_name, key, schema);
	/* What is not spelled out is what the schema calls the default. */
	const json_t *wanted = json_object_get(schema, "default");
	if (wanted != NULL && strcmp(key, "formula") != 0) {
		json_t *document = complete_document();
		const json_t *object = object_name ? json_object_get(document, object_name)
						   : document;
		assert_true(json_equal(json_object_get(object, key), wanted));
		json_decref(document);
	}
}

/* Checks the keys of one object of the schema against the code's. `more` is what the formula adds
 * to the keys required. The keys that documents have are noted in seen, for all_seen(). */
static void check_object(const char *object_name, const json_t *schema, const json_t *more,
			 json_t *seen)
{
	assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
	json_t *properties = json_object_get(schema, "properties");
	json_t *document = complete_document();
	json_t *object = object_name ? json_object_get(document, object_name) : document;
	assert_true(json_object_size(object) > 0);
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		bool is_required = has_word(json_object_get(schema, "required"), key) ||
				   has_word(json_object_get(more, "required"), key) ||
				   (strcmp(key, "formula") == 0 && !is_like("mandelbrot"));
		assert_non_null(json_object_get(properties, key));
		assert_int_equal(parse_with(object_name, key, NULL),
				 is_required ? BROT_E_REQUEST : BROT_OK);
		check_property(object_name, key, json_object_get(properties, key));
		json_object_set_new(seen, key, json_true());
	}
	json_decref(document);
}

/* Takes the reference to seen. */
static void all_seen(json_t *seen, const json_t *schema)
{
	assert_int_equal(json_object_size(seen),
			 json_object_size(json_object_get(schema, "properties")));
	json_decref(seen);
}

/* The keys of that kind alone. */
static void check_buddhabrot(const json_t *properties, json_t *seen)
{
	static const char *const names[] = {"buddha", "tone"};
	kind = KIND_BUDDHABROT;
	for (size_t i = 0; i < 2; i++) {
		const json_t *schema = json_object_get(properties, names[i]);
		json_t *inner = json_object();
		check_object(names[i], schema, NULL, inner);
		all_seen(inner, schema);
		json_object_set_new(seen, names[i], json_true());
	}
	assert_int_equal(parse_with(NULL, "buddha", NULL), BROT_E_REQUEST);
	assert_int_equal(parse_with(NULL, "tone", NULL), BROT_OK);
	kind = KIND_ESCAPE;
}

static void check_formulas(const json_t *schema)
{
	const json_t *parameters = json_object_get(json_object_get(schema, "properties"),
						   "parameters");
	json_t *seen = json_object(), *seen_parameters = json_object();
	for (formula = 0; formula < FORMULA_COUNT; formula++) {
		const struct formula_info *info = formula_info(formula);
		const json_t *then = branch(schema);
		const json_t *more = json_object_get(json_object_get(then, "properties"),
						     "parameters");
		check_object(NULL, schema, then, seen);
		assert_int_equal(json_is_false(more), !info->has_c && !info->has_power);
		if (json_is_false(more))
			continue;
		check_object("parameters", parameters, more, seen_parameters);
		assert_int_equal(json_integer_value(json_object_get(more, "maxProperties")),
				 json_array_size(json_object_get(more, "required")));
	}
	formula = FORMULA_MANDELBROT;
	check_buddhabrot(json_object_get(schema, "properties"), seen);
	all_seen(seen, schema);
	all_seen(seen_parameters, parameters);
	const json_t *wanted = json_object_get(
		json_object_get(json_object_get(schema, "properties"), "formula"), "default");
	struct request request;
	request_init(&request);
	assert_string_equal(json_string_value(wanted), formula_info(request.formula)->name);
}

static void check_plain_object(const char *name, const json_t *schema)
{
	json_t *seen = json_object();
	check_object(name, schema, NULL, seen);
	all_seen(seen, schema);
}

static void test_schema(void **state)
{
	(void)state;
	json_error_t error;
	json_t *schema = json_load_file(BROT_SCHEMA_FILE, JSON_REJECT_DUPLICATES, &error);
	if (schema == NULL)
		fail_msg("%s:%d: %s", BROT_SCHEMA_FILE, error.line, error.text);
	const json_t *properties = json_object_get(schema, "properties");
	check_formulas(schema);
	check_plain_object("view", json_object_get(properties, "view"));
	check_plain_object("colour", json_object_get(properties, "colour"));

	const json_t *side = json_object_get(json_object_get(properties, "size"), "items");
	assert_int_equal(json_integer_value(json_object_get(side, "maximum")), LIMIT_SIZE_PX);
	assert_int_equal(json_integer_value(json_object_get(side, "minimum")), 1);
	const json_t *interior = json_object_get(
		json_object_get(json_object_get(properties, "colour"), "properties"), "interior");
	assert_string_equal(json_string_value(json_object_get(interior, "default")), "#000000");

	const json_t *defs = json_object_get(schema, "$defs");
	const json_t *length = json_object_get(json_object_get(defs, "decimal"), "maxLength");
	assert_int_equal(json_integer_value(length), LIMIT_DECIMAL_CHARS);
	const json_t *number = json_array_get(
		json_object_get(json_object_get(defs, "coordinate"), "anyOf"), 1);
	check_limits("view", "re", number);
	check_limits("view", "im", number);
	formula = FORMULA_JULIA;
	number = json_array_get(json_object_get(json_object_get(defs, "component"), "anyOf"), 1);
	check_limits("parameters", "re", number);
	check_limits("parameters", "im", number);
	formula = FORMULA_MANDELBROT;
	number = json_array_get(json_object_get(json_object_get(defs, "extent"), "anyOf"), 1);
	check_limits("view", "width", number);
	check_limits("view", "height", number);
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_default_iterations),
		cmocka_unit_test(test_from_json),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
