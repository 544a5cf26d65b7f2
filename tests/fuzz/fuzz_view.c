/*
 * fuzz_view.c - the words of a command line: views, formulas, palettes, and the decimal numbers in
 * them.
 *
 * The input: four lines, any of which may be empty: view, formula, palette, a URL. A view that
 * or a palette that names a file is left out; fuzz_png.c and fuzz_file.c have those.
 */
#include "client/compose.h"
#include "client/filetype.h"
#include "proto/palette.h"
#include "proto/preset.h"
#include "proto/sys/sock.h"
#include "tests/fuzz/fuzz.h"

#define WORDS 4

static void check_decimal(const char *text)
{
	static struct decimal_text a, b, sum, back;
	if (decimal_parse(text, strlen(text), &a) != DECIMAL_OK)
		return;
	FUZZ_CHECK(decimal_parse(a.text, strlen(a.text), &b) == DECIMAL_OK &&
			   strcmp(a.text, b.text) == 0,
		   "\"%s\" is not canonical", a.text);
	FUZZ_CHECK(decimal_compare(&a, &b) == 0, "\"%s\" is not itself", a.text);
	if (decimal_add(&a, &a, &sum) == DECIMAL_OK) {
		FUZZ_CHECK(decimal_compare(&sum, &a) == decimal_sign(&a), "\"%s\" twice", a.text);
		FUZZ_CHECK(decimal_halve(&sum, &back) != DECIMAL_OK ||
				   decimal_compare(&back, &a) == 0,
			   "half of twice \"%s\" is \"%s\"", a.text, back.text);
	}
	if (decimal_subtract(&a, &b, &sum) == DECIMAL_OK)
		FUZZ_CHECK(decimal_sign(&sum) == 0 && strcmp(sum.text, "0") == 0, "\"%s\"",
			   sum.text);
	(void)decimal_to_double(&a);
	(void)decimal_log10(&a);
}

static void check_view(const char *text)
{
	static struct view view, again;
	uint32_t iterations = 0;
	struct brot_error err = {.code = BROT_OK};
	if (view_parse(text, &view, &iterations, &err) != BROT_OK) {
		FUZZ_CHECK(err.text[0] != '\0', "no sentence");
		return;
	}
	FUZZ_CHECK(decimal_sign(&view.width) > 0, "a width of %s", view.width.text);
	FUZZ_CHECK(decimal_compare_magnitude(&view.re, LIMIT_COORDINATE) <= 0 &&
			   decimal_compare_magnitude(&view.im, LIMIT_COORDINATE) <= 0,
		   "far away");
	FUZZ_CHECK(request_default_iterations(&view) - 1 < LIMIT_ITERATIONS, "iterations");
	if (view.height.text[0] != '\0' || preset_by_name(text) != NULL)
		return;
	size_t bytes = strlen(view.re.text) + strlen(view.im.text) + strlen(view.width.text) + 3;
	char *word = malloc(bytes);
	FUZZ_CHECK(word != NULL, "no memory");
	(void)snprintf(word, bytes, "%s,%s,%s", view.re.text, view.im.text, view.width.text);
	FUZZ_CHECK(view_parse(word, &again, &iterations, &err) == BROT_OK &&
			   strcmp(view.re.text, again.re.text) == 0 &&
			   strcmp(view.width.text, again.width.text) == 0,
		   "%s is another view", word);
	free(word);
}

static void check_compose(char *words[WORDS])
{
	static struct request request;
	struct compose_words said = {
		.view = words[0][0] != '\0' && words[0][0] != '@' ? words[0] : NULL,
		.formula = words[1][0] != '\0' ? words[1] : NULL,
		.palette = words[2][0] != '\0' && words[2][0] != '@' ? words[2] : NULL,
	};
	struct brot_error err = {.code = BROT_OK};
	json_t *json = NULL;
	if (compose_request(&said, NULL, &request, &json, &err) == BROT_OK) {
		FUZZ_CHECK(said.palette == NULL ||
				   palette_by_name(request.colour.palette.name) != NULL,
			   "palette %s", said.palette);
		struct request *again = malloc(sizeof *again);
		FUZZ_CHECK(again != NULL && request_from_json(json, again, &err) == BROT_OK,
			   "the document is no request: %s", err.text);
		free(again);
		json_decref(json);
	} else {
		FUZZ_CHECK(err.text[0] != '\0' && json == NULL, "no sentence");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words[WORDS];
	bool is_local;
	struct brot_error err;
	for (int i = 0; i < WORDS; i++) {
		const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
		size_t bytes = end != NULL ? (size_t)(end - data) : size;
		words[i] = fuzz_text(data, bytes);
		size -= bytes + (end != NULL);
		data += bytes + (end != NULL);
	}
	check_decimal(words[0]);
	check_view(words[0]);
	check_compose(words);
	(void)sock_url_check(words[3], &is_local, &err);
	for (int i = 0; i < WORDS; i++)
		free(words[i]);
	return 0;
}
