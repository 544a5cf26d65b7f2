/* test_lib_thread.c - what the caller's thread has set for itself: rounding, traps, a locale and
 * signals, which neither reach the library nor change by it. */
#define _GNU_SOURCE /* feenableexcept() */
#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <brot/brot.h>

#define TRAPS (FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW)
#define LARGE 600000 /* bytes, over those of every image here */

/* Tests have no order but that of main(): this is the first of the process that needs a kernel. */
static void a_kernel_is_chosen_in_any_mode(void **state)
{
	(void)state;
	assert_int_equal(fesetround(FE_UPWARD), 0);
	const char *kernel = brot_kernel();
	assert_int_equal(fegetround(), FE_UPWARD);
	assert_int_equal(fesetround(FE_TONEAREST), 0);
	assert_non_null(kernel);
}

struct made {
	char *json;
	uint8_t *pixels; /* LARGE bytes: of a render, then of the same colours */
	double smooth[2];
};

/* Keeps the mode that it finds. */
static bool on_progress(double done, void *context)
{
	(void)done;
	assert_int_equal(fegetround(), *(const int *)context);
	return true;
}

static void arrays_in(const struct brot_request *request, uint8_t *to,
		      struct brot_array *ret_arrays)
{
	struct brot_plane planes[BROT_PLANES_MAX];
	uint32_t width, height, count = brot_request_planes(request, planes);
	brot_request_size(request, &width, &height);
	for (uint32_t p = 0; p < count; p++) {
		ret_arrays[p] = (struct brot_array){to, 0};
		to += (size_t)width * height * planes[p].pixel_bytes;
	}
}

/* Colours for numbers that need a survey, in both depths. */
static void colour(const char *json, uint8_t *to)
{
	static uint32_t whole[90 * 60];
	static float fraction[90 * 60];
	const struct brot_numbers numbers = {
		.width_px = 90, .height_px = 60, .whole = whole, .fraction = fraction};
	struct brot_colour *made = NULL;
	static bool is_made;
	/* Once, for the rounding of this is the test's. */
	for (uint32_t i = 0; i < 90 * 60 && !is_made; i++) {
		whole[i] = 1 + i * 2654435761u % 1000;
		fraction[i] = (float)(i % 97) / 97.0f;
	}
	is_made = true;
	assert_int_equal(brot_colour_new(json, strlen(json), &made, NULL), BROT_OK);
	assert_int_equal(brot_colour_check(made, &numbers, NULL), BROT_OK);
	brot_colour_survey(made, &numbers, 0, 60);
	brot_colour_rows8(made, &numbers, 0, 60, to, 90 * 3);
	brot_colour_rows16(made, &numbers, 0, 60, (uint16_t *)(void *)(to + 90 * 60 * 3), 90 * 6);
	brot_colour_free(made);
}

static void make(const char *view, const char *json, struct made *ret_made)
{
	static const uint32_t whole[2] = {4000000001, 3};
	static const float fraction[2] = {0x1.fffffep-25f, 0x1p-60f};
	struct brot_request *request = NULL;
	struct brot_error err = {.text = ""};
	struct brot_array arrays[BROT_PLANES_MAX];
	int mode = fegetround();
	const struct brot_local local = {
		.threads = 2, .on_progress = on_progress, .context = &mode};
	ret_made->pixels = calloc(2, LARGE);
	assert_non_null(ret_made->pixels);
	if (brot_request_new(view, json, &request, &err) != BROT_OK)
		fail_msg("%s", err.text);
	ret_made->json = strdup(brot_request_json(request));
	arrays_in(request, ret_made->pixels, arrays);
	if (brot_render(request, arrays, &local, &err) != BROT_OK)
		fail_msg("%s", err.text);
	brot_smooth(whole, fraction, 2, ret_made->smooth);
	brot_request_free(request);
	colour("{\"brot\": 1, \"view\": {\"re\": 0, \"im\": 0, \"width\": 4}, \"size\": [90, 60], "
	       "\"colour\": {\"mode\": \"histogram\", \"density\": 1.7, \"palette\": \"classic\"}}",
	       ret_made->pixels + LARGE);
}

static void made_free(struct made *made)
{
	free(made->json);
	free(made->pixels);
}

static const char *const documents[][2] = {
	{"seahorse", "{\"size\": [90, 60], \"format\": \"raw\"}"},
	{"-1.25:0.5,-1:0.3", "{\"size\": [90, 60], \"samples\": 2, \"colour\": {\"mode\": "
			     "\"histogram\", \"density\": 1.25}}"},
	{NULL, "{\"kind\": \"buddhabrot\", \"size\": [160, 90], \"iterations\": 90, \"buddha\": "
	       "{\"points\": 20000}}"},
};
#define DOCUMENTS (sizeof documents / sizeof documents[0])

/* Whether all documents make the same as they did. */
static void check_same(const struct made expected[DOCUMENTS])
{
	for (size_t i = 0; i < DOCUMENTS; i++) {
		struct made made;
		make(documents[i][0], documents[i][1], &made);
		assert_string_equal(made.json, expected[i].json);
		assert_memory_equal(made.pixels, expected[i].pixels, 2 * LARGE);
		assert_memory_equal(made.smooth, expected[i].smooth, sizeof made.smooth);
		made_free(&made);
	}
}

static void numbers_round_as_ever(void **state)
{
	static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST};
	struct made expected[DOCUMENTS];
	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++)
		make(documents[i][0], documents[i][1], &expected[i]);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		assert_int_equal(fesetround(modes[i]), 0);
		check_same(expected);
		assert_int_equal(fegetround(), modes[i]);
	}
	/* Where the CPU has traps. */
	if (feenableexcept(TRAPS) != -1) {
		const int traps = fegetexcept();
		check_same(expected);
		assert_int_equal(fegetexcept(), traps);
		assert_int_equal(fesetenv(FE_DFL_ENV), 0);
	}
	for (size_t i = 0; i < DOCUMENTS; i++)
		made_free(&expected[i]);
}

/* ---- the locale ---- */

static char folder[] = "/tmp/brot-test-XXXXXX";

static const char *file_of(const char *name, const char *text)
{
	static char path[80];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	memmove(path + 1, path, strlen(path) + 1);
	path[0] = '@';
	return path;
}

static void check_place(const char *name, const char *text, const char *part)
{
	struct made made;
	make(file_of(name, text), "{\"size\": [40, 30]}", &made);
	if (strstr(made.json, part) == NULL)
		fail_msg("%s does not have %s", made.json, part);
	made_free(&made);
}

static void check_locale(const char *name, const char *half, const struct made expected[DOCUMENTS])
{
	char text[16];
	if (setlocale(LC_ALL, name) == NULL)
		skip();
	(void)snprintf(text, sizeof text, "%.1f", 0.5);
	assert_string_equal(text, half);
	check_same(expected);
	check_place("a.kfr",
		    "Re: -0.75\nIm: 0.1\nZoom: 1.5E3\nIterations: 999\nRotateAngle: 12.5\n",
		    "\"rotate\":-12.5");
	check_place(
		"a.par",
		"place { type=mandel center-mag=-0.7453/0.1127/205.13/1.25/7.5 maxiter=1000 }\n",
		"\"rotate\":7.5");
	(void)snprintf(text, sizeof text, "%.1f", 0.5);
	assert_string_equal(text, half);
	assert_non_null(setlocale(LC_ALL, "C"));
}

static void numbers_have_a_point_in_any_locale(void **state)
{
	struct made expected[DOCUMENTS];
	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++)
		make(documents[i][0], documents[i][1], &expected[i]);
	check_locale("de_DE.UTF-8", "0,5", expected);
	/* U+066B, of which a single byte is no character. */
	check_locale("ps_AF.UTF-8", "0\u066b5", expected);
	for (size_t i = 0; i < DOCUMENTS; i++)
		made_free(&expected[i]);
}

/* ---- signals ---- */

static void a_file_that_is_too_large_is_an_error(void **state)
{
	char path[80];
	struct rlimit before;
	sigset_t mask;
	struct brot_request *request = NULL;
	static uint8_t pixels[90 * 60 * 3];
	const struct brot_array array = {pixels, 0};
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	const struct rlimit little = {4096, before.rlim_max};
	assert_int_equal(brot_request_new(NULL, "{\"size\": [90, 60]}", &request, NULL), BROT_OK);
	(void)snprintf(path, sizeof path, "%s/a.ppm", folder);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	const enum brot_err code = brot_write(path, request, &array, NULL, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(code, BROT_E_OUTPUT);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	assert_int_equal(sigismember(&mask, SIGXFSZ), 0);
	assert_int_equal(brot_write(path, request, &array, NULL, NULL), BROT_OK);
	brot_request_free(request);
}

static int enter(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int leave(void **state)
{
	static const char *const names[] = {"a.kfr", "a.par", "a.ppm"};
	char path[80];
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_is_chosen_in_any_mode),
		cmocka_unit_test(numbers_round_as_ever),
		cmocka_unit_test(numbers_have_a_point_in_any_locale),
		cmocka_unit_test(a_file_that_is_too_large_is_an_error),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
