/*
 * bench_colour.c - how fast numbers become pixels on one core, beside memcpy() in the same run.
 *
 * bench_colour [ROUNDS]: a row for each way to colour; each is the best of that many rounds, taken
 * in turn so that all see the same machine. Output bytes a second, for input and output that do not
 * fit the caches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/colour/survey.h"

#define WIDTH  4096
#define HEIGHT 1024
#define PIXELS ((size_t)WIDTH * HEIGHT)

struct way {
	const char *name;
	enum colour_mode mode;
	enum colour_inside inside;
	uint32_t samples;
	bool is_16, is_dithered, is_scalar;
};

static const struct way ways[] = {
	{"smooth", COLOUR_SMOOTH, INSIDE_PLAIN, 1, false, false, false},
	{"smooth, scalar", COLOUR_SMOOTH, INSIDE_PLAIN, 1, false, false, true},
	{"smooth, 16 bits", COLOUR_SMOOTH, INSIDE_PLAIN, 1, true, false, false},
	{"smooth, dithered", COLOUR_SMOOTH, INSIDE_PLAIN, 1, false, true, false},
	{"smooth, 2 x 2 samples", COLOUR_SMOOTH, INSIDE_PLAIN, 2, false, false, false},
	{"smooth, 2 x 2 samples, 16 bits", COLOUR_SMOOTH, INSIDE_PLAIN, 2, true, false, false},
	{"banded", COLOUR_BANDED, INSIDE_PLAIN, 1, false, false, false},
	{"distance", COLOUR_DISTANCE, INSIDE_DISTANCE, 1, false, false, false},
	{"angle", COLOUR_ANGLE, INSIDE_PERIOD, 1, false, false, false},
	{"histogram", COLOUR_HISTOGRAM, INSIDE_PLAIN, 1, false, false, false},
	{"relief", COLOUR_RELIEF, INSIDE_PLAIN, 1, false, false, false},
};
#define WAYS (sizeof ways / sizeof ways[0])

static struct shade shade;
static struct shade_numbers numbers;

static double time_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *memory(size_t bytes)
{
	void *p = malloc(bytes);
	if (p == NULL) {
		fprintf(stderr, "bench_colour: no memory for %zu bytes\n", bytes);
		exit(EXIT_FAILURE);
	}
	memset(p, 1, bytes);
	return p;
}

/* Counts that rise towards a disc, which is inside. */
static void numbers_make(void)
{
	uint32_t *iterations = memory(PIXELS * 4), *whole = memory(PIXELS * 4);
	uint32_t *period = memory(PIXELS * 4);
	float *fraction = memory(PIXELS * 4), *distance = memory(PIXELS * 8);
	float *phase = memory(PIXELS * 4), *interior = memory(PIXELS * 4);
	for (size_t i = 0; i < PIXELS; i++) {
		const double x = (double)(i % WIDTH) / WIDTH - 0.5;
		const double y = (double)(i / WIDTH) / HEIGHT - 0.5, r = x * x + y * y;
		const double v = 5.0 + 40.0 / (r + 0.01);
		const bool is_inside = r < 0.04;
		iterations[i] = is_inside ? 0 : (uint32_t)v;
		whole[i] = is_inside ? KERNEL_WHOLE_INSIDE : (uint32_t)v;
		fraction[i] = is_inside ? 0.0f : (float)(v - (double)whole[i]);
		distance[2 * i] = (float)(100.0 * x);
		distance[2 * i + 1] = (float)(100.0 * y);
		phase[i] = (float)(i * 7 % 64) / 64.0f;
		period[i] = is_inside ? 1 + (uint32_t)(i % 7 % 3) : 0;
		interior[i] = (float)(100.0 * r);
	}
	numbers = (struct shade_numbers){iterations, whole,  fraction, distance,
					 phase,      period, interior};
}

static struct survey *survey_make(const struct colour *colour)
{
	struct survey *survey = NULL;
	struct brot_error err;
	if (!colour_needs_image(colour))
		return NULL;
	if (survey_new(colour, WIDTH, HEIGHT, 1, &survey, &err) != BROT_OK) {
		fprintf(stderr, "bench_colour: %s\n", err.text);
		exit(EXIT_FAILURE);
	}
	struct survey_part *part = survey_part_new(survey);
	if (part == NULL)
		exit(EXIT_FAILURE);
	for (uint32_t y = 0; y < HEIGHT; y++)
		for (uint32_t x = 0; x < WIDTH; x += SURVEY_PIECE)
			survey_look(survey, &numbers, x, y, SURVEY_PIECE, part);
	survey_add(survey, part);
	survey_part_free(part);
	survey_settle(survey);
	return survey;
}

/* Output bytes a second; the survey, where there is one, counts. */
static double way_rate(const struct way *way, uint8_t *out)
{
	struct colour colour;
	colour_init(&colour);
	colour.mode = way->mode;
	colour.inside = way->inside;
	colour.is_dithered = way->is_dithered;
	(void)shade_make(&colour, &shade, NULL);
	shade.has_avx2 = shade.has_avx2 && !way->is_scalar;
	struct shade_area area = {
		.numbers = numbers,
		.stride = WIDTH,
		.samples = way->samples,
		.w = WIDTH / way->samples,
		.h = HEIGHT / way->samples,
	};
	const size_t bytes = (size_t)area.w * (way->is_16 ? 6 : 3);
	const double start_s = time_s();
	struct survey *survey = survey_make(&colour);
	area.survey = survey;
	if (way->is_16)
		shade_rgb16(&shade, &area, (uint16_t *)(void *)out, bytes);
	else
		shade_rgb8(&shade, &area, out, bytes);
	const double took_s = time_s() - start_s;
	survey_free(survey);
	return (double)(bytes * area.h) / took_s;
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : 25;
	double best[WAYS] = {0.0}, copy_best = 0.0;
	uint8_t *out = memory(PIXELS * 6);
	numbers_make();
	for (int round = 0; round < rounds; round++) {
		const double start_s = time_s();
		memcpy(out, numbers.distance, PIXELS * 3);
		const double copy = (double)(PIXELS * 3) / (time_s() - start_s);
		copy_best = copy > copy_best ? copy : copy_best;
		for (size_t i = 0; i < WAYS; i++) {
			const double rate = way_rate(&ways[i], out);
			best[i] = rate > best[i] ? rate : best[i];
		}
	}
	printf("%-32s %10s %12s %10s\n", "colouring, one core", "GB/s out", "Mpixel/s",
	       "memcpy/it");
	for (size_t i = 0; i < WAYS; i++)
		printf("%-32s %10.2f %12.0f %10.1f\n", ways[i].name, best[i] * 1e-9,
		       best[i] * 1e-6 / (ways[i].is_16 ? 6 : 3), copy_best / best[i]);
	printf("%-32s %10.2f\n", "memcpy", copy_best * 1e-9);
	return EXIT_SUCCESS;
}
