/* test_png_stream.c - rows filtered and deflated by threads: one zlib stream, the same bytes
 * always. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "client/png_filter.h"
#include "client/png_stream.h"

struct sink {
	uint8_t *data;
	size_t bytes, room;
	unsigned parts, fail_at; /* that part cannot be written; 0: all can */
};

static enum brot_err sink_write(const uint8_t *data, size_t bytes, void *context,
				struct brot_error *err)
{
	struct sink *sink = context;
	if (++sink->parts == sink->fail_at)
		return error_set(err, BROT_E_NO_SPACE, "full");
	assert_true(bytes > 0);
	while (sink->room < sink->bytes + bytes) {
		sink->room = 2 * sink->room + bytes;
		sink->data = realloc(sink->data, sink->room);
		assert_non_null(sink->data);
	}
	memcpy(sink->data + sink->bytes, data, bytes);
	sink->bytes += bytes;
	return BROT_OK;
}

/* A picture with smooth parts, edges and noise. */
static uint8_t *picture_of(size_t row_bytes, uint64_t rows)
{
	uint8_t *pixels = malloc(row_bytes * rows);
	uint32_t seed = 1;
	assert_non_null(pixels);
	for (uint64_t y = 0; y < rows; y++)
		for (size_t x = 0; x < row_bytes; x++) {
			seed = seed * 1664525u + 1013904223u;
			const bool is_noise = (x / 96 + y / 32) % 5 == 0;
			pixels[y * row_bytes + x] = is_noise ? (uint8_t)(seed >> 24)
							     : (uint8_t)(x / 3 + y * 2 +
									 (seed >> 31));
		}
	return pixels;
}

static struct sink pack(const uint8_t *pixels, size_t row_bytes, size_t pixel_bytes, uint64_t rows,
			int level, unsigned threads)
{
	struct sink sink = {.data = NULL};
	struct brot_error err = {0};
	const struct png_stream_config config = {
		.row_bytes = row_bytes,
		.pixel_bytes = pixel_bytes,
		.rows = rows,
		.level = level,
		.threads = threads,
		.write = sink_write,
		.context = &sink,
	};
	struct png_stream *stream = NULL;
	if (png_stream_new(&config, &stream, &err) != BROT_OK)
		fail_msg("%s", err.text);
	for (uint64_t y = 0; y < rows; y++)
		if (png_stream_row(stream, pixels + y * row_bytes, &err) != BROT_OK)
			fail_msg("%s", err.text);
	png_stream_free(stream);
	return sink;
}

/* Undoes a filter as the specification has it, one byte after the other. */
static void unfilter(uint8_t filter, uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel)
{
	for (size_t i = 0; i < bytes; i++) {
		const int a = i >= pixel ? row[i - pixel] : 0, b = above != NULL ? above[i] : 0;
		const int c = i >= pixel && above != NULL ? above[i - pixel] : 0;
		const int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
		const int guess[] = {0, a, b, (a + b) / 2,
				     pa <= pb && pa <= pc ? a
				     : pb <= pc           ? b
							  : c};
		assert_in_range(filter, 0, 4);
		row[i] = (uint8_t)(row[i] + guess[filter]);
	}
}

static void check(const struct sink *sink, const uint8_t *pixels, size_t row_bytes,
		  size_t pixel_bytes, uint64_t rows)
{
	const size_t size = (row_bytes + 1) * rows;
	uint8_t *raw = malloc(size + 1);
	uLongf found = size + 1;
	assert_non_null(raw);
	assert_int_equal(uncompress(raw, &found, sink->data, sink->bytes), Z_OK);
	assert_int_equal(found, size);
	const uint8_t *above = NULL;
	for (uint64_t y = 0; y < rows; y++) {
		uint8_t *row = raw + y * (row_bytes + 1);
		unfilter(row[0], row + 1, above, row_bytes, pixel_bytes);
		assert_memory_equal(row + 1, pixels + y * row_bytes, row_bytes);
		above = row + 1;
	}
	free(raw);
}

static void every_size_level_and_depth_comes_back(void **state)
{
	(void)state;
	static const struct {
		size_t row_bytes, pixel_bytes;
		uint64_t rows;
	} sizes[] = {{3, 3, 1},      {3, 3, 5},         {6, 6, 2},      {3 * 257, 3, 700},
		     {3000, 3, 900}, {6 * 500, 6, 400}, {600000, 3, 5}, {40000, 1, 27}};
	static const int levels[] = {0, 1, 4, 9};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t *pixels = picture_of(sizes[i].row_bytes, sizes[i].rows);
		for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
			struct sink sink = pack(pixels, sizes[i].row_bytes, sizes[i].pixel_bytes,
						sizes[i].rows, levels[k], 2);
			check(&sink, pixels, sizes[i].row_bytes, sizes[i].pixel_bytes,
			      sizes[i].rows);
			free(sink.data);
		}
		free(pixels);
	}
}

static void threads_do_not_change_the_bytes(void **state)
{
	(void)state;
	const size_t row_bytes = 3 * 1000;
	const uint64_t rows = 2400;
	uint8_t *pixels = picture_of(row_bytes, rows);
	struct sink one = pack(pixels, row_bytes, 3, rows, 4, 1);
	assert_true(one.parts > 8);
	for (unsigned threads = 2; threads <= 7; threads += 5) {
		struct sink more = pack(pixels, row_bytes, 3, rows, 4, threads);
		assert_int_equal(more.bytes, one.bytes);
		assert_memory_equal(more.data, one.data, one.bytes);
		free(more.data);
	}
	free(one.data);
	free(pixels);
}

/* A chunk costs 12 bytes: a part that packs into less than some of them does not get its own. */
static void short_parts_come_together(void **state)
{
	(void)state;
	const size_t row_bytes = 6 * 1000;
	const uint64_t rows = 1000;
	uint8_t *pixels = calloc(rows, row_bytes);
	assert_non_null(pixels);
	struct sink sink = pack(pixels, row_bytes, 6, rows, 4, 2);
	assert_int_equal(sink.parts, 1);
	check(&sink, pixels, row_bytes, 6, rows);
	free(sink.data);
	free(pixels);
}

/* Dictionaries make up for the cuts. */
static void parts_cost_next_to_nothing(void **state)
{
	(void)state;
	const size_t row_bytes = 3 * 1000;
	const uint64_t rows = 1500;
	uint8_t *pixels = picture_of(row_bytes, rows);
	uint8_t *filtered = malloc((row_bytes + 1) * rows);
	for (uint64_t y = 0; y < rows; y++)
		png_filter_row(pixels + y * row_bytes, y > 0 ? pixels + (y - 1) * row_bytes : NULL,
			       row_bytes, 3, filtered + y * (row_bytes + 1));
	struct sink parts = pack(pixels, row_bytes, 3, rows, 6, 2);
	z_stream z = {.zalloc = NULL};
	const uLong room = compressBound((uLong)((row_bytes + 1) * rows));
	uint8_t *whole = malloc(room);
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15, 8, Z_FILTERED), Z_OK);
	z.next_in = filtered;
	z.avail_in = (uInt)((row_bytes + 1) * rows);
	z.next_out = whole;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_true(parts.bytes < z.total_out + z.total_out / 100);
	(void)deflateEnd(&z);
	free(whole);
	free(filtered);
	free(parts.data);
	free(pixels);
}

static void a_writer_that_fails_ends_it(void **state)
{
	(void)state;
	const size_t row_bytes = 3 * 1000;
	const uint64_t rows = 1500;
	uint8_t *pixels = picture_of(row_bytes, rows);
	for (unsigned fail_at = 1; fail_at <= 3; fail_at++) {
		struct sink sink = {.fail_at = fail_at};
		struct brot_error err = {0};
		const struct png_stream_config config = {row_bytes, 3,          rows, 4,
							 2,         sink_write, &sink};
		struct png_stream *stream = NULL;
		enum brot_err code = png_stream_new(&config, &stream, &err);
		for (uint64_t y = 0; y < rows && code == BROT_OK; y++)
			code = png_stream_row(stream, pixels + y * row_bytes, &err);
		assert_int_equal(code, BROT_E_NO_SPACE);
		assert_string_equal(err.text, "full");
		png_stream_free(stream);
		free(sink.data);
	}
	/* Half-way, without a word. */
	struct sink sink = {.data = NULL};
	const struct png_stream_config config = {row_bytes, 3, rows, 9, 3, sink_write, &sink};
	struct png_stream *stream = NULL;
	assert_int_equal(png_stream_new(&config, &stream, NULL), BROT_OK);
	for (uint64_t y = 0; y < rows / 2; y++)
		assert_int_equal(png_stream_row(stream, pixels + y * row_bytes, NULL), BROT_OK);
	png_stream_free(stream);
	png_stream_free(NULL);
	free(sink.data);
	free(pixels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_level_and_depth_comes_back),
		cmocka_unit_test(threads_do_not_change_the_bytes),
		cmocka_unit_test(short_parts_come_together),
		cmocka_unit_test(parts_cost_next_to_nothing),
		cmocka_unit_test(a_writer_that_fails_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
