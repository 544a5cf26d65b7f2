/* test_buddha_words.c - a Buddhabrot's request from the words of a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "client/compose.h"

static struct request request;
static struct brot_error err;

static enum brot_err compose(struct compose_words words, const char *out)
{
	const struct filetype *filetype = NULL;
	json_t *json = NULL;
	assert_int_equal(filetype_of_path(out, &filetype, &err), BROT_OK);
	const enum brot_err code = compose_request(&words, filetype, &request, &json, &err);
	json_decref(json);
	return code;
}

static struct compose_words words_of(struct buddha_words buddha)
{
	return (struct compose_words){.kind = "buddhabrot", .size = {80, 90}, .buddha = buddha};
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t number;
	} good[] = {
		{"0", 0},
		{"1000000", 1000000},
		{"1e6", 1000000},
		{"1E+6", 1000000},
		{"2.5e9", 2500000000},
		{"0.5e1", 5},
		{"12.00", 12},
		{"1.50e1", 15},
		{"9223372036854775807", INT64_MAX},
		{"9.223372036854775807e18", INT64_MAX},
		{"0e999", 0},
	};
	static const char *const bad[] = {"",
					  "-1",
					  "1.5",
					  "1e",
					  "e6",
					  "1e6x",
					  "1e-6",
					  "0x10",
					  " 1",
					  "1 ",
					  "1.",
					  ".",
					  "1..0",
					  "1e1.0",
					  "1e19",
					  "9223372036854775808",
					  "1e9999999999",
					  "nan"};
	uint64_t number = 0;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(buddha_words_number("--points", good[i].text, &number, &err),
				 BROT_OK);
		assert_true(number == good[i].number);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		number = 77;
		if (buddha_words_number("--points", bad[i], &number, &err) != BROT_E_USAGE)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_int_equal(number, 77);
		assert_non_null(strstr(err.text, "--points: must be a whole number"));
	}
}

static void defaults(void **state)
{
	(void)state;
	const struct buddha_words words = {.points = "1e6"};
	assert_int_equal(compose(words_of(words), "a.png"), BROT_OK);
	assert_int_equal(request.kind, KIND_BUDDHABROT);
	assert_int_equal(request.format, FORMAT_RGB8);
	assert_int_equal(request.buddha.points, 1000000);
	assert_int_equal(request.buddha.channels, 1);
	assert_int_equal(request.buddha.bands[0].min, 1);
	assert_int_equal(request.buddha.bands[0].max, request.iterations);
	assert_string_equal(request.colour.palette.name, "grey");
	assert_true(request.view.rotate_deg == 90.0);
	assert_int_equal(compose(words_of(words), "a.npy"), BROT_OK);
	assert_int_equal(request.format, FORMAT_DENSITY);
	assert_int_equal(compose(words_of(words), "a.exr"), BROT_OK);
	assert_int_equal(request.format, FORMAT_DENSITY);
}

/* The square of the orbits, but for its corners: 3.2 high and 2.8 wide at least. */
static void home_fits_any_size(void **state)
{
	(void)state;
	static const struct option_size sizes[] = {
		{80, 90}, {1, 100}, {1000, 1}, {16, 9}, {100, 1}};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct compose_words words = words_of((struct buddha_words){.points = "1"});
		words.size = sizes[i];
		assert_int_equal(compose(words, "a.png"), BROT_OK);
		const double width = decimal_to_double(&request.view.width);
		const double height = width * sizes[i].height / sizes[i].width;
		assert_true(width >= 2.8);
		assert_true(height >= 3.19 || width == LIMIT_COORDINATE);
	}
}

static void bands(void **state)
{
	(void)state;
	struct compose_words words = words_of(
		(struct buddha_words){.points = "1", .bands = "1:500,20:5000,3:3"});
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.format, FORMAT_NEBULA);
	assert_int_equal(request.iterations, 5000);
	assert_int_equal(request.buddha.channels, 3);
	assert_int_equal(request.buddha.bands[1].min, 20);
	assert_int_equal(request.buddha.bands[2].max, 3);
	words.iterations = 4999;
	assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
	assert_non_null(strstr(err.text, "--bands: must be within --iterations, 4999, got"));
	words.iterations = 6000;
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.iterations, 6000);
	words.palette = "hot";
	assert_int_equal(compose(words, "a.png"), BROT_E_USAGE);
	words = words_of((struct buddha_words){.points = "1", .min_iterations = "3e1"});
	words.iterations = 40;
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.buddha.bands[0].min, 30);
	assert_int_equal(request.buddha.bands[0].max, 40);
	words.iterations = 29;
	assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
	assert_non_null(strstr(err.text, "must be at most the iterations, 29, got 30"));
	words.iterations = 0;
	words.buddha.min_iterations = "1e8";
	assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
	assert_non_null(
		strstr(err.text, "must be at most the iterations, 500 without --iterations, got"));
	static const char *const bad_min[] = {"0", "1.5", "1e10", "", "x", "2e9"};
	for (size_t i = 0; i < sizeof bad_min / sizeof bad_min[0]; i++) {
		words.buddha.min_iterations = bad_min[i];
		assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
		assert_non_null(strstr(err.text, "--min-iterations: must be"));
	}
	words.buddha.min_iterations = "5";
	words.buddha.is_inside = true;
	assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
	assert_non_null(strstr(err.text, "--min-iterations: cannot stand beside --inside"));
	words = words_of((struct buddha_words){.points = "1", .bands = "1:1e3,2.5e1:3e1,7:1e9"});
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.iterations, 1000000000);
	assert_int_equal(request.buddha.bands[1].min, 25);
	static const char many_zeros[] = "1:000000000000000000000000000000000000000000"
					 "0000000000000000000000000000000000001";
	static const char *const bad[] = {"",
					  "1",
					  "1:",
					  ":2",
					  "1:2,",
					  "1:2,3:4",
					  "1:2,3:4,5",
					  "1:2 ",
					  "1:2,3:4,5:6,7:8",
					  "-1:2",
					  "1:99999999999",
					  "1:2000000000",
					  "1.5:10",
					  "10:1",
					  "0:10",
					  "1:2:3",
					  "1:2,3:4,9:6",
					  many_zeros,
					  "1:2;3:4;5:6"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		words = words_of((struct buddha_words){.points = "1", .bands = bad[i]});
		assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
		assert_non_null(strstr(err.text, "--bands: must be MIN:MAX, iterations from 1 to "
						 "1000000000"));
	}
}

static void samples_of_pixels(void **state)
{
	(void)state;
	struct compose_words words = words_of((struct buddha_words){.samples_per_pixel = "2"});
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.buddha.points, 2 * 80 * 90);
	words.buddha.samples_per_pixel = "0.001";
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.buddha.points, 8);
	words.buddha.samples_per_pixel = "1";
	words.buddha.sampling = "grid";
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.buddha.points, 7200); /* 2 60^2 */
	words.size.width = 81;
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	assert_int_equal(request.buddha.points, 2 * 61 * 61);
}

static void tones(void **state)
{
	(void)state;
	struct buddha_words words = {.points = "1", .gamma = "0.25", .white = "0.5"};
	assert_int_equal(compose(words_of(words), "a.png"), BROT_OK);
	assert_int_equal(request.tone.curve, TONE_GAMMA);
	assert_true(request.tone.gamma == 0.25 && request.tone.white == 0.5);
	words.tone = "log";
	assert_int_equal(compose(words_of(words), "a.png"), BROT_E_USAGE);
	words.gamma = NULL;
	assert_int_equal(compose(words_of(words), "a.png"), BROT_OK);
	assert_int_equal(request.tone.curve, TONE_LOG);
	words.white = "x";
	assert_int_equal(compose(words_of(words), "a.png"), BROT_E_USAGE);
	words.white = "nan";
	assert_int_equal(compose(words_of(words), "a.png"), BROT_E_USAGE);
}

/* What one band has, three may not, and none has what only escape-time pictures have. */
static void colours(void **state)
{
	(void)state;
	static const struct {
		const char *colour;
		bool is_of_one, is_of_three;
	} cases[] = {
		{"dither=true", true, true},  {"density=2,offset=0.5,rotation=0.25", true, false},
		{"palette=hot", true, false}, {"mode=smooth,inside=plain", true, true},
		{"period=4", false, false},   {"dither=true,interior=#ff0000", false, false},
		{"azimuth=9", false, false},  {"elevation=9", false, false},
		{"height=2", false, false},   {"blend=soft", false, false},
		{"power=0.5", false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct compose_words words = words_of((struct buddha_words){.points = "1"});
		words.colour = cases[i].colour;
		assert_int_equal(compose(words, "a.png"),
				 cases[i].is_of_one ? BROT_OK : BROT_E_USAGE);
		words.buddha.bands = "1:9,1:8,1:7";
		assert_int_equal(compose(words, "a.png"),
				 cases[i].is_of_three ? BROT_OK : BROT_E_USAGE);
		words = (struct compose_words){.colour = cases[i].colour};
		assert_int_equal(compose(words, "a.png"), BROT_OK);
	}
}

/* Bands without a hit are refused by the options that made them. */
static void bands_without_hits(void **state)
{
	(void)state;
	struct compose_words words = words_of((struct buddha_words){.points = "1", .bands = "1:1"});
	assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
	assert_non_null(strstr(err.text, "--bands: MAX must be at least 2"));
	words.buddha.is_inside = true;
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	words.buddha.bands = "1:9,1:8,2:7";
	assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
	assert_non_null(strstr(err.text, "--bands: MIN must be 1 of orbits that do not escape"));
	words.buddha.bands = NULL;
	words.iterations = 1;
	assert_int_equal(compose(words, "a.npy"), BROT_OK);
	words.buddha.is_inside = false;
	assert_int_equal(compose(words, "a.npy"), BROT_E_USAGE);
	assert_non_null(strstr(err.text, "--iterations: must be at least 2"));
}

/* There and back, nothing is left of the other kind. */
static void kinds_change(void **state)
{
	(void)state;
	struct request changed, plain;
	request_init(&plain);
	changed = plain;
	changed.format = FORMAT_RAW;
	changed.samples = 3;
	changed.adaptive = 2;
	changed.precision = PRECISION_F32;
	changed.colour.mode = COLOUR_RELIEF;
	buddha_words_kind("buddhabrot", &changed);
	assert_string_equal(changed.colour.palette.name, "grey");
	changed.buddha.points = 5;
	changed.tone.curve = TONE_RANK;
	buddha_words_kind("escape", &changed);
	json_t *a = request_to_json(&plain), *b = request_to_json(&changed);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	assert_int_equal(changed.tone.curve, TONE_SQRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(defaults),
		cmocka_unit_test(home_fits_any_size),
		cmocka_unit_test(bands),
		cmocka_unit_test(samples_of_pixels),
		cmocka_unit_test(tones),
		cmocka_unit_test(colours),
		cmocka_unit_test(bands_without_hits),
		cmocka_unit_test(kinds_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
