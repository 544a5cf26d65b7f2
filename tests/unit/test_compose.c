/* test_compose.c - a request from the words of a command line. */
#define _XOPEN_SOURCE 700 /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/compose.h"

static struct request request;
static struct brot_error err;

/* Composes for a file of that name; returns the code. */
static enum brot_err compose(struct compose_words words, const char *out)
{
	const struct filetype *filetype = NULL;
	json_t *json = NULL;
	assert_int_equal(filetype_of_path(out, &filetype, &err), BROT_OK);
	err.text[0] = '\0';
	enum brot_err code = compose_request(&words, filetype, &request, &json, &err);
	if (code == BROT_OK) {
		struct request again;
		assert_int_equal(request_from_json(json, &again, &err), BROT_OK);
		json_decref(json);
	} else {
		assert_null(json);
		assert_true(err.text[0] != '\0');
	}
	return code;
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(compose((struct compose_words){0}, "a.png"), BROT_OK);
	assert_int_equal(request.width_px, 1920);
	assert_int_equal(request.height_px, 1080);
	assert_int_equal(request.format, FORMAT_RGB8);
	assert_int_equal(request.iterations, request_default_iterations(&request.view));
}

static void options_win(void **state)
{
	(void)state;
	struct compose_words words = {.view = "seahorse",
				      .palette = "hot",
				      .size = {40, 30},
				      .iterations = 123,
				      .samples = 2};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_string_equal(request.view.re.text, "-0.7453");
	assert_string_equal(request.colour.palette.name, "hot");
	assert_int_equal(request.width_px, 40);
	assert_int_equal(request.height_px, 30);
	assert_int_equal(request.iterations, 123);
	assert_int_equal(request.samples, 2);
}

static void zoom_raises_iterations(void **state)
{
	(void)state;
	assert_int_equal(compose((struct compose_words){.view = "0,0,1"}, "a.png"), BROT_OK);
	uint32_t wide = request.iterations;
	assert_int_equal(compose((struct compose_words){.view = "0,0,1e-9"}, "a.png"), BROT_OK);
	assert_true(request.iterations > wide);
}

static void range_gives_the_height(void **state)
{
	(void)state;
	assert_int_equal(compose((struct compose_words){.view = "-2:1,-1:1"}, "a.png"), BROT_OK);
	assert_int_equal(request.width_px, 1920);
	assert_int_equal(request.height_px, 1280);
	struct compose_words sized = {.view = "-2:1,-1:1", .size = {100, 100}};
	assert_int_equal(compose(sized, "a.png"), BROT_OK);
	assert_int_equal(request.height_px, 100);
	struct compose_words flat = {.view = "-2:1,0:1e-9"};
	assert_int_equal(compose(flat, "a.png"), BROT_E_REQUEST);
	assert_true(strncmp(err.text, "--size: ", 8) == 0);
	flat.size = (struct option_size){100, 100};
	assert_int_equal(compose(flat, "a.png"), BROT_OK);
}

static void formula_and_view(void **state)
{
	(void)state;
	struct compose_words words = {.formula = "burning-ship"};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.formula, FORMULA_BURNING_SHIP);
	assert_string_equal(request.view.im.text, "-0.5");
	words = (struct compose_words){.formula = "julia:-0.8,0.156", .view = "0.1,0.2,1e-5"};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_string_equal(request.c_im.text, "0.156");
	assert_string_equal(request.view.re.text, "0.1");
	assert_int_equal(request.iterations, request_default_iterations(&request.view));
	/* A preset has a formula of its own, which the option replaces. */
	words = (struct compose_words){.view = "julia-dendrite"};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.formula, FORMULA_JULIA);
	assert_string_equal(request.c_im.text, "1");
	words.formula = "multibrot:5";
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.power, 5);
	assert_string_equal(request.view.width.text, "4");
	words = (struct compose_words){.view = "ship"};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_true(request.view.rotate_deg == 180.0);
}

static void bad_formulas(void **state)
{
	(void)state;
	assert_int_equal(compose((struct compose_words){.formula = "phoenix"}, "a.png"),
			 BROT_E_REQUEST);
	assert_int_equal(compose((struct compose_words){.formula = "julia"}, "a.png"),
			 BROT_E_REQUEST);
	assert_int_equal(compose((struct compose_words){.formula = "julia:2,2"}, "a.png"),
			 BROT_E_REQUEST);
	assert_string_equal(err.text,
			    "parameters: re and im must be at most 2 away from 0, got 2 and 2");
	/* but what the preset has will do */
	struct compose_words words = {.formula = "julia", .view = "julia-dendrite"};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
}

static void precision_and_shortcuts(void **state)
{
	(void)state;
	struct compose_words words = {0};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.precision, PRECISION_F64);
	assert_true(request.has_shortcuts);
	words = (struct compose_words){.precision = "f32", .has_no_shortcuts = true};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.precision, PRECISION_F32);
	assert_false(request.has_shortcuts);
	words.precision = "f128";
	assert_int_equal(compose(words, "a.png"), BROT_E_REQUEST);
	assert_string_equal(err.text, "precision: must be \"f64\" or \"f32\", got \"f128\"");
}

/* The options replace what a file says; what they leave out stays. */
static void formula_of_a_file(void **state)
{
	(void)state;
	char folder[] = "/tmp/brot-test-XXXXXX", view[64];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(view, sizeof view, "@%s/r.json", folder);
	FILE *file = fopen(view + 1, "wb");
	assert_non_null(file);
	(void)fputs("{\"brot\":1,\"view\":{\"re\":\"0.25\",\"im\":\"0\",\"width\":\"1\"},"
		    "\"size\":[64,48],\"formula\":\"multibrot\",\"parameters\":{\"power\":5},"
		    "\"precision\":\"f32\",\"shortcuts\":false}",
		    file);
	(void)fclose(file);
	struct compose_words words = {.view = view};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.power, 5);
	assert_int_equal(request.precision, PRECISION_F32);
	assert_false(request.has_shortcuts);
	words.precision = "f64";
	words.formula = "multibrot:4";
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.power, 4);
	assert_int_equal(request.precision, PRECISION_F64);
	words.formula = "mandelbrot";
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.formula, FORMULA_MANDELBROT);
	assert_string_equal(request.view.re.text, "0.25");
	assert_int_equal(unlink(view + 1), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void suffix_and_format(void **state)
{
	(void)state;
	assert_int_equal(compose((struct compose_words){0}, "a.npy"), BROT_OK);
	assert_int_equal(request.format, FORMAT_ITERATIONS);
	assert_int_equal(compose((struct compose_words){.format = "smooth"}, "a.npy"), BROT_OK);
	assert_int_equal(request.format, FORMAT_SMOOTH);
	assert_int_equal(compose((struct compose_words){.format = "smooth"}, "a.png"),
			 BROT_E_USAGE);
	assert_int_equal(compose((struct compose_words){.format = "rgb8"}, "a.npy"), BROT_E_USAGE);
	assert_int_equal(compose((struct compose_words){.format = "rgb9"}, "a.png"),
			 BROT_E_REQUEST);
	assert_int_equal(compose((struct compose_words){.palette = "hot"}, "a.npy"), BROT_E_USAGE);
	/* but a file that carries its request has colours, too */
	assert_int_equal(compose((struct compose_words){.palette = "hot"}, "a.exr"), BROT_OK);
	assert_int_equal(request.format, FORMAT_RAW);
	assert_string_equal(request.colour.palette.name, "hot");
	assert_int_equal(compose((struct compose_words){.samples = 2}, "a.npy"), BROT_E_REQUEST);
}

static void numbers_of_a_picture(void **state)
{
	(void)state;
	char folder[] = "/tmp/brot-test-XXXXXX", view[64];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(view, sizeof view, "@%s/r.json", folder);
	FILE *file = fopen(view + 1, "wb");
	assert_non_null(file);
	(void)fputs("{\"brot\":1,\"view\":{\"re\":\"0.25\",\"im\":\"0\",\"width\":\"1\"},"
		    "\"size\":[64,48],\"iterations\":99,\"samples\":4,\"format\":\"rgb8\","
		    "\"colour\":{\"palette\":\"hot\"}}",
		    file);
	(void)fclose(file);
	struct compose_words words = {.view = view};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.samples, 4);
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.samples, 1);
	words.format = "smooth";
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.samples, 1);
	/* but what is asked for is not put aside */
	words.samples = 4;
	assert_int_equal(compose(words, "a.npy"), BROT_E_REQUEST);
	assert_int_equal(unlink(view + 1), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void sentences_of_suffixes(void **state)
{
	(void)state;
	const struct filetype *filetype = NULL;
	assert_int_equal(filetype_of_path(NULL, &filetype, &err), BROT_E_USAGE);
	assert_string_equal(
		err.text,
		"--out: must name a file whose suffix is .png, .ppm, .npy, .exr or .dzi, got none");
	assert_int_equal(filetype_of_path("x/.png", &filetype, &err), BROT_E_USAGE);
	assert_string_equal(
		err.text,
		"--out: the file's suffix must be .png, .ppm, .npy, .exr or .dzi, got \"x/.png\"");
	assert_int_equal(compose((struct compose_words){.format = "rgb8"}, "a.npy"), BROT_E_USAGE);
	assert_string_equal(err.text,
			    "--format: a .npy file holds iterations, smooth, distance, phase, "
			    "raw, density, density32, nebula or nebula32, not rgb8, which goes "
			    "into .png, .ppm or .dzi");
}

static void wrong_words(void **state)
{
	(void)state;
	assert_int_equal(compose((struct compose_words){.view = "seahors"}, "a.png"),
			 BROT_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "seahorse"));
	static const char *const views[] = {"0,0,0",   "nan,0,1",        "0,0",
					    "1:0,0:1", "0,0,1e99999999", ""};
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
		assert_true(compose((struct compose_words){.view = views[i]}, "a.png") != BROT_OK);
	assert_int_equal(compose((struct compose_words){.view = "@/nowhere"}, "a.png"),
			 BROT_E_NO_INPUT);
	assert_true(compose((struct compose_words){.kind = "escap"}, "a.png") != BROT_OK);
	assert_true(compose((struct compose_words){.formula = "\xff"}, "a.png") != BROT_OK);
	assert_true(compose((struct compose_words){.palette = "hott"}, "a.png") != BROT_OK);
}

static void file_and_options(void **state)
{
	(void)state;
	char folder[] = "/tmp/brot-test-XXXXXX", view[64];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(view, sizeof view, "@%s/r.json", folder);
	FILE *file = fopen(view + 1, "wb");
	assert_non_null(file);
	(void)fputs("{\"brot\":1,\"view\":{\"re\":\"0.25\",\"im\":\"0\",\"width\":\"1\"},"
		    "\"size\":[64,48],\"iterations\":99,\"format\":\"smooth\"}",
		    file);
	(void)fclose(file);
	assert_int_equal(compose((struct compose_words){.view = view}, "a.npy"), BROT_OK);
	assert_int_equal(request.format,
			 FORMAT_SMOOTH); /* a .npy can hold what the file asks for */
	assert_int_equal(request.iterations, 99);
	assert_int_equal(request.width_px, 64);
	struct compose_words words = {.view = view, .iterations = 7};
	assert_int_equal(compose(words, "a.png"), BROT_OK);
	assert_int_equal(request.format, FORMAT_RGB8); /* a .png cannot */
	assert_int_equal(request.iterations, 7);
	assert_int_equal(unlink(view + 1), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(options_win),
		cmocka_unit_test(zoom_raises_iterations),
		cmocka_unit_test(range_gives_the_height),
		cmocka_unit_test(formula_and_view),
		cmocka_unit_test(bad_formulas),
		cmocka_unit_test(precision_and_shortcuts),
		cmocka_unit_test(formula_of_a_file),
		cmocka_unit_test(suffix_and_format),
		cmocka_unit_test(numbers_of_a_picture),
		cmocka_unit_test(sentences_of_suffixes),
		cmocka_unit_test(wrong_words),
		cmocka_unit_test(file_and_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
