/* test_finish.c - pictures coloured in blocks, by any number of threads: the bytes of brot_colour
 * on the whole; what ends them early, and what is not enough. */
#define _GNU_SOURCE /* sched_setaffinity() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/crew.h"
#include "client/finish.h"
#include "proto/planes.h"
#include "tests/unit/colour_model.h"

#define WIDTH   500 /* of the picture; some blocks high */
#define HEIGHT  370
#define SAMPLES 2
#define TOTAL   ((size_t)WIDTH * HEIGHT * SAMPLES * SAMPLES)

static struct shade_numbers planes;
static struct request request;
static uint8_t want[(size_t)WIDTH * HEIGHT * 6];

static struct brot_numbers numbers_of(uint32_t samples)
{
	return (struct brot_numbers){
		.width_px = WIDTH * samples,
		.height_px = HEIGHT * samples,
		.iterations = planes.iterations,
		.whole = planes.whole,
		.fraction = planes.fraction,
		.distance = planes.distance,
		.phase = planes.phase,
		.period = planes.period,
		.interior = planes.interior,
	};
}

static void request_make(enum colour_mode mode, uint32_t samples, enum format_id format)
{
	request_init(&request);
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.samples = samples;
	request.format = format;
	request.colour.mode = mode;
	request.colour.inside = INSIDE_PERIOD;
	request.colour.is_dithered = samples == 1;
}

/* The picture in one go. */
static void colour_whole(const struct brot_numbers *numbers)
{
	struct brot_colour *colour = NULL;
	json_t *json = request_to_json(&request);
	char *text = json_dumps(json, 0);
	assert_int_equal(brot_colour_new(text, strlen(text), &colour, NULL), BROT_OK);
	free(text);
	json_decref(json);
	brot_colour_survey(colour, numbers, 0, numbers->height_px);
	const size_t row_bytes = picture_row_bytes(&request, 0);
	if (request.format == FORMAT_RGB16)
		brot_colour_rows16(colour, numbers, 0, HEIGHT, (uint16_t *)(void *)want, row_bytes);
	else
		brot_colour_rows8(colour, numbers, 0, HEIGHT, want, row_bytes);
	brot_colour_free(colour);
}

static void same_as_whole(const struct brot_numbers *numbers, unsigned threads)
{
	const struct finish_config config = {
		.request = &request, .numbers = numbers, .threads = threads};
	const size_t row_bytes = picture_row_bytes(&request, 0);
	struct finish *finish = NULL;
	struct picture picture;
	struct brot_error err;
	assert_int_equal(finish_new(&config, &finish, &err), BROT_OK);
	assert_int_equal(finish_survey(finish, &err), BROT_OK);
	finish_picture(finish, &picture);
	for (uint32_t y = 0; y < HEIGHT; y++) {
		assert_int_equal(picture_reach(&picture, y, &err), BROT_OK);
		assert_memory_equal(picture_row(&picture, 0, y), want + y * row_bytes, row_bytes);
	}
	finish_free(finish);
}

static void bytes(void **state)
{
	(void)state;
	static const enum colour_mode modes[] = {COLOUR_SMOOTH,   COLOUR_BANDED, COLOUR_HISTOGRAM,
						 COLOUR_DISTANCE, COLOUR_RELIEF, COLOUR_ANGLE};
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		const bool is_sampled = modes[i] == COLOUR_SMOOTH || modes[i] == COLOUR_RELIEF;
		for (uint32_t samples = 1; samples <= (is_sampled ? SAMPLES : 1); samples++) {
			const struct brot_numbers numbers = numbers_of(samples);
			request_make(modes[i], samples, i % 2 == 0 ? FORMAT_RGB8 : FORMAT_RGB16);
			colour_whole(&numbers);
			same_as_whole(&numbers, 1);
			same_as_whole(&numbers, 5);
		}
	}
}

/* ---- what ends it early ---- */

struct keeper {
	uint32_t calls, fail_at; /* a call */
	uint32_t row;            /* the last */
};

static enum brot_err keep(uint32_t row, void *context, struct brot_error *err)
{
	struct keeper *keeper = context;
	keeper->row = row;
	return keeper->calls++ < keeper->fail_at ? BROT_OK
						 : error_set(err, BROT_E_CANCELLED, "enough");
}

static void cancelled(void **state)
{
	(void)state;
	const struct brot_numbers numbers = numbers_of(SAMPLES);
	struct keeper keeper = {.fail_at = 1};
	const struct finish_config config = {.request = &request,
					     .numbers = &numbers,
					     .threads = 3,
					     .keep = keep,
					     .context = &keeper};
	struct finish *finish = NULL;
	struct picture picture;
	struct brot_error err;
	request_make(COLOUR_HISTOGRAM, SAMPLES, FORMAT_RGB8);
	assert_int_equal(finish_new(&config, &finish, &err), BROT_OK);
	assert_int_equal(finish_survey(finish, &err), BROT_E_CANCELLED);
	assert_string_equal(err.text, "enough");
	finish_free(finish);

	keeper = (struct keeper){.fail_at = 10000};
	assert_int_equal(finish_new(&config, &finish, &err), BROT_OK);
	assert_int_equal(finish_survey(finish, &err), BROT_OK);
	assert_int_equal(keeper.row, 0);
	finish_picture(finish, &picture);
	keeper.calls = 0;
	keeper.fail_at = 300;
	uint32_t y = 0;
	while (picture_reach(&picture, y, &err) == BROT_OK)
		y++;
	assert_int_equal(y, 300);
	assert_int_equal(err.code, BROT_E_CANCELLED);
	finish_free(finish);

	/* nor is it read to its end by all, or at all */
	keeper = (struct keeper){.fail_at = 10000};
	assert_int_equal(finish_new(&config, &finish, &err), BROT_OK);
	finish_free(finish);
	finish_free(NULL);
}

/* ---- what is not enough ---- */

static void missing(void **state)
{
	(void)state;
	struct brot_numbers numbers = numbers_of(1);
	const struct finish_config config = {
		.request = &request, .numbers = &numbers, .threads = 1};
	struct finish *finish = NULL;
	struct brot_error err;
	request_make(COLOUR_ANGLE, 1, FORMAT_RGB8);
	numbers.phase = NULL;
	assert_int_equal(finish_new(&config, &finish, &err), BROT_E_REQUEST);
	assert_string_equal(err.text,
			    "colour.mode \"angle\" needs plane phase, which the data have "
			    "not: render them with --format raw");
	request_make(COLOUR_SMOOTH, 1, FORMAT_RGB8);
	numbers.period = NULL;
	assert_int_equal(finish_new(&config, &finish, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "colour.inside \"period\" needs plane period"));
	request.colour.inside = INSIDE_PLAIN;
	numbers.height_px--;
	assert_int_equal(finish_new(&config, &finish, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "size"));
	assert_null(finish);
}

static void formats(void **state)
{
	(void)state;
	static const struct {
		enum colour_mode mode;
		enum colour_inside inside;
		unsigned enough; /* bit a format */
	} cases[] = {
		{COLOUR_SMOOTH, INSIDE_PLAIN, 1u << FORMAT_SMOOTH | 1u << FORMAT_RAW},
		{COLOUR_SMOOTH, INSIDE_DISTANCE, 1u << FORMAT_RAW},
		{COLOUR_BANDED, INSIDE_PLAIN, 1u << FORMAT_ITERATIONS | 1u << FORMAT_RAW},
		{COLOUR_BANDED, INSIDE_PERIOD, 1u << FORMAT_RAW},
		{COLOUR_HISTOGRAM, INSIDE_PLAIN, 1u << FORMAT_SMOOTH | 1u << FORMAT_RAW},
		{COLOUR_RELIEF, INSIDE_PERIOD, 1u << FORMAT_RAW},
		{COLOUR_DISTANCE, INSIDE_PLAIN, 1u << FORMAT_RAW},
		{COLOUR_ANGLE, INSIDE_PLAIN, 1u << FORMAT_RAW},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (unsigned f = 0; f < FORMAT_COUNT; f++) {
			request_make(cases[i].mode, 1, FORMAT_RGB8);
			request.colour.inside = cases[i].inside;
			const bool is_enough = finish_check_format(&request, (enum format_id)f,
								   NULL) == BROT_OK;
			assert_int_equal(is_enough, (cases[i].enough >> f & 1) != 0);
		}
}

static void planes_of_a_picture(void **state)
{
	(void)state;
	struct picture picture = {.request = &request, .rows = HEIGHT};
	struct brot_numbers numbers;
	uint8_t bytes_of[PLANES_MAX];
	request_make(COLOUR_SMOOTH, 1, FORMAT_RAW);
	for (size_t p = 0; p < PLANES_MAX; p++)
		picture.planes[p] = &bytes_of[p];
	finish_numbers(&picture, &numbers);
	assert_int_equal(numbers.width_px, WIDTH);
	assert_int_equal(numbers.height_px, HEIGHT);
	assert_ptr_equal(numbers.iterations, &bytes_of[0]);
	assert_ptr_equal(numbers.whole, &bytes_of[1]);
	assert_ptr_equal(numbers.fraction, &bytes_of[2]);
	assert_ptr_equal(numbers.distance, &bytes_of[3]);
	assert_ptr_equal(numbers.phase, &bytes_of[4]);
	assert_ptr_equal(numbers.period, &bytes_of[5]);
	assert_ptr_equal(numbers.interior, &bytes_of[6]);
	assert_int_equal(planes_present(&numbers), format_planes(FORMAT_RAW));
	request.format = FORMAT_ITERATIONS;
	finish_numbers(&picture, &numbers);
	assert_ptr_equal(numbers.iterations, &bytes_of[0]);
	assert_null(numbers.whole);
}

/* ---- crews ---- */

static atomic_uint done[1000];

static void task(uint32_t piece, void *context)
{
	(void)context;
	(void)atomic_fetch_add(&done[piece], 1);
}

static void crews(void **state)
{
	(void)state;
	static const unsigned threads[] = {1, 2, CREW_MAX};
	static const uint32_t counts[] = {0, 1, 2, 1000};
	assert_in_range(crew_size(), 1, CREW_MAX);
	/* as taskset(1) leaves it */
	cpu_set_t all, one;
	size_t core = 0;
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	while (!CPU_ISSET(core, &all))
		core++;
	CPU_ZERO(&one);
	CPU_SET(core, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	assert_int_equal(crew_size(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 4; j++) {
			const struct crew_work work = {
				.count = counts[j], .threads = threads[i], .task = task};
			memset(done, 0, sizeof done);
			assert_int_equal(crew_run(&work, NULL), BROT_OK);
			for (uint32_t k = 0; k < 1000; k++)
				assert_int_equal(done[k], k < counts[j] ? 1 : 0);
		}
}

static int set_up(void **state)
{
	(void)state;
	uint64_t random = 6;
	struct model_sample *samples = malloc(TOTAL * sizeof *samples);
	assert_non_null(samples);
	model_fill(&random, TOTAL, samples);
	planes = model_planes(samples, TOTAL);
	free(samples);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	model_planes_free(&planes);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),   cmocka_unit_test(cancelled),
		cmocka_unit_test(missing), cmocka_unit_test(formats),
		cmocka_unit_test(crews),   cmocka_unit_test(planes_of_a_picture),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
