/* test_picture.c - files written from bands, row by row, and from one piece: the same bytes. */
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

#include "client/filetype.h"

#define WIDTH      7
#define HEIGHT     20
#define FILE_BYTES 16384

/* Rows that come in bands, each at an address of its own that is void once the next is there. */
struct source {
	const struct request *request;
	const uint8_t *whole[PLANES_MAX];
	uint8_t *band[PLANES_MAX];
	uint32_t band_rows;
	uint32_t bands;   /* handed out so far */
	uint32_t next;    /* row that must be reached next */
	uint32_t fail_at; /* row */
};

static uint8_t planes[PLANES_MAX][WIDTH * HEIGHT * 8];

static void source_free(struct source *source)
{
	for (uint32_t p = 0; p < PLANES_MAX; p++) {
		free(source->band[p]);
		source->band[p] = NULL;
	}
}

static enum brot_err source_reach(struct picture *picture, uint32_t y, struct brot_error *err)
{
	struct source *source = picture->context;
	assert_int_equal(y, source->next++);
	if (y >= source->fail_at)
		return error_set(err, BROT_E_FAILED, "row %u will never come", (unsigned)y);
	if (y >= picture->first && y - picture->first < picture->rows)
		return BROT_OK;
	source_free(source);
	source->bands++;
	picture->first = y;
	picture->rows = HEIGHT - y < source->band_rows ? HEIGHT - y : source->band_rows;
	for (uint32_t p = 0; p < format_info(source->request->format)->plane_count; p++) {
		size_t row_bytes = picture_row_bytes(source->request, p);
		size_t bytes = picture_rows_bytes(source->request, p, picture->rows);
		source->band[p] = malloc(bytes);
		assert_non_null(source->band[p]);
		memcpy(source->band[p], source->whole[p] + y * row_bytes, bytes);
		picture->planes[p] = source->band[p];
	}
	return BROT_OK;
}

/* Writes a picture to a file of that suffix; returns what is in it, in `ret_file`. */
static size_t write_file(struct picture *picture, const char *suffix, uint8_t *ret_file)
{
	char folder[] = "/tmp/brot-test-XXXXXX", path[64];
	const struct filetype *filetype = NULL;
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/a.%s", folder, suffix);
	assert_int_equal(filetype_of_path(path, &filetype, &err), BROT_OK);
	assert_int_equal(outfile_open(path, &outfile, &err), BROT_OK);
	assert_int_equal(filetype->write(picture, &outfile, &err), BROT_OK);
	assert_int_equal(outfile_commit(&outfile, false, &err), BROT_OK);
	outfile_discard(&outfile);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t bytes = fread(ret_file, 1, FILE_BYTES, file);
	assert_true(bytes < FILE_BYTES);
	(void)fclose(file);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	return bytes;
}

static void request_make(struct request *request, enum format_id format)
{
	request_init(request);
	request->width_px = WIDTH;
	request->height_px = HEIGHT;
	request->format = format;
	uint32_t x = 1;
	for (uint32_t p = 0; p < PLANES_MAX; p++)
		for (size_t i = 0; i < sizeof planes[p]; i++) {
			x = x * 1664525u + 1013904223u;
			planes[p][i] = (uint8_t)(x >> 24 & 63); /* no float of these is a NaN */
		}
}

static struct picture whole_picture(const struct request *request)
{
	struct picture picture = {.request = request, .rows = HEIGHT};
	for (uint32_t p = 0; p < PLANES_MAX; p++)
		picture.planes[p] = planes[p];
	return picture;
}

static struct source source_make(const struct request *request, uint32_t band_rows)
{
	struct source source = {.request = request, .band_rows = band_rows, .fail_at = HEIGHT};
	for (uint32_t p = 0; p < PLANES_MAX; p++)
		source.whole[p] = planes[p];
	return source;
}

static void same_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *suffix;
		enum format_id format;
	} cases[] = {{"png", FORMAT_RGB8},   {"ppm", FORMAT_RGB8},     {"npy", FORMAT_ITERATIONS},
		     {"npy", FORMAT_SMOOTH}, {"npy", FORMAT_DISTANCE}, {"npy", FORMAT_RAW},
		     {"exr", FORMAT_SMOOTH}, {"exr", FORMAT_RAW},      {"exr", FORMAT_ITERATIONS}};
	static const uint32_t band_rows[] = {1, 3, 10, 19, 20, 21};
	static uint8_t whole[FILE_BYTES], banded[FILE_BYTES];
	static struct request request;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		request_make(&request, cases[i].format);
		struct picture picture = whole_picture(&request);
		size_t bytes = write_file(&picture, cases[i].suffix, whole);
		assert_true(bytes > WIDTH * HEIGHT);
		for (size_t j = 0; j < sizeof band_rows / sizeof band_rows[0]; j++) {
			struct source source = source_make(&request, band_rows[j]);
			picture = (struct picture){
				.request = &request, .reach = source_reach, .context = &source};
			assert_int_equal(write_file(&picture, cases[i].suffix, banded), bytes);
			assert_memory_equal(banded, whole, bytes);
			assert_int_equal(source.next, HEIGHT);
			assert_int_equal(source.bands, (HEIGHT + band_rows[j] - 1) / band_rows[j]);
			source_free(&source);
		}
	}
}

/* What ends the rows ends the file, with that sentence. */
static void rows_that_never_come(void **state)
{
	(void)state;
	static const char *const paths[] = {"a.png", "a.ppm", "a.npy", "a.exr"};
	static struct request request;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		const struct filetype *filetype = NULL;
		struct brot_error err;
		assert_int_equal(filetype_of_path(paths[i], &filetype, &err), BROT_OK);
		request_make(&request, filetype->usual);
		struct source source = source_make(&request, 4);
		source.fail_at = 9;
		struct picture picture = {
			.request = &request, .reach = source_reach, .context = &source};
		struct outfile outfile = {.path = strdup("x"), .file = fopen("/dev/null", "wb")};
		assert_non_null(outfile.file);
		assert_int_equal(filetype->write(&picture, &outfile, &err), BROT_E_FAILED);
		assert_string_equal(err.text, "row 9 will never come");
		assert_int_equal(source.bands, 3);
		outfile_discard(&outfile);
		source_free(&source);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes),
		cmocka_unit_test(rows_that_never_come),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
