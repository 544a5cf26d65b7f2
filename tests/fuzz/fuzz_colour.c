/*
 * fuzz_colour.c - colours of a request, on numbers that a file may hold.
 *
 * The input: a byte for the samples per axis (modulo 3, and 1), a request's `colour` up to a line's
 * end, then the bytes of the numbers, over and over: plane after plane of 4-byte elements.
 */
#include <brot/colour.h>

#include "tests/fuzz/fuzz.h"

#define WIDTH   11 /* pixels */
#define HEIGHT  5
#define MOST    3 /* samples per axis */
#define SAMPLES (WIDTH * HEIGHT * MOST * MOST)
#define PLANES  8 /* distance counts twice */

/* The planes, each in memory of its own, so that a sanitizer sees who reads behind it. */
static void planes_make(const uint8_t *data, size_t size, size_t samples, void *planes[PLANES])
{
	static uint8_t bytes[PLANES][SAMPLES * 4];
	for (size_t i = 0; i < sizeof bytes && size > 0; i++)
		bytes[i / sizeof bytes[0]][i % sizeof bytes[0]] = data[i % size];
	for (int p = 0; p < PLANES - 1; p++)
		planes[p] = fuzz_copy(bytes[p], samples * (p == 0 ? 8 : 4));
}

/* In two parts with gaps between rows, and at once. */
static void check_rows(const struct brot_colour *colour, const struct brot_numbers *numbers)
{
	static uint8_t whole8[WIDTH * HEIGHT * 3], part8[HEIGHT][WIDTH * 3 + 5];
	static uint16_t whole16[WIDTH * HEIGHT * 3], part16[HEIGHT][WIDTH * 3 + 1];
	brot_colour_rows8(colour, numbers, 0, HEIGHT, whole8, WIDTH * 3);
	brot_colour_rows16(colour, numbers, 0, HEIGHT, whole16, WIDTH * 6);
	brot_colour_rows8(colour, numbers, 2, HEIGHT - 2, part8[2], sizeof part8[0]);
	brot_colour_rows8(colour, numbers, 0, 2, part8[0], sizeof part8[0]);
	brot_colour_rows16(colour, numbers, 2, HEIGHT - 2, part16[2], sizeof part16[0]);
	brot_colour_rows16(colour, numbers, 0, 2, part16[0], sizeof part16[0]);
	for (size_t y = 0; y < HEIGHT; y++) {
		FUZZ_CHECK(memcmp(whole8 + y * WIDTH * 3, part8[y], WIDTH * 3) == 0, "row %zu", y);
		FUZZ_CHECK(memcmp(whole16 + y * WIDTH * 3, part16[y], WIDTH * 6) == 0, "row %zu",
			   y);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char form[] = "{\"brot\":1,\"view\":{\"re\":0,\"im\":0,\"width\":4},"
				   "\"size\":[%d,%d],\"samples\":%u,\"colour\":%s}";
	struct brot_colour *colour;
	struct brot_error err;
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	if (end == NULL || end == data)
		return 0;
	const uint32_t samples = 1 + data[0] % MOST;
	char *text = fuzz_text(data + 1, (size_t)(end - data) - 1);
	const size_t most = strlen(text) + sizeof form + 40;
	char *document = malloc(most);
	if (document == NULL)
		abort();
	const int bytes = snprintf(document, most, form, WIDTH, HEIGHT, samples, text);
	const enum brot_err code = brot_colour_new(document, (size_t)bytes, &colour, &err);
	free(document);
	free(text);
	if (code != BROT_OK) {
		FUZZ_CHECK(err.text[0] != '\0', "code %d", (int)code);
		return 0;
	}
	void *planes[PLANES] = {NULL};
	planes_make(end + 1, size - (size_t)(end + 1 - data),
		    (size_t)WIDTH * HEIGHT * samples * samples, planes);
	const struct brot_numbers numbers = {
		.width_px = WIDTH * samples,
		.height_px = HEIGHT * samples,
		.distance = planes[0],
		.whole = planes[2],
		.fraction = planes[3],
		.phase = planes[4],
		.period = planes[5],
		.interior = planes[6],
		.iterations = planes[1],
	};
	/* A document may say another size after all. */
	if (brot_colour_check(colour, &numbers, &err) == BROT_OK) {
		brot_colour_survey(colour, &numbers, 1, numbers.height_px - 1);
		brot_colour_survey(colour, &numbers, 0, 1);
		check_rows(colour, &numbers);
	}
	brot_colour_free(colour);
	for (int p = 0; p < PLANES; p++)
		free(planes[p]);
	return 0;
}
