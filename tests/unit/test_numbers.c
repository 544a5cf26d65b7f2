/* test_numbers.c - files of numbers: what is written is read again; what is damaged, or something
 * else, is refused with one sentence and leaves nothing. */
#define _XOPEN_SOURCE 700 /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/filetype.h"
#include "client/numbers.h"

#define WIDTH      37
#define HEIGHT     35 /* two full blocks of an EXR file, and a part */
#define PIXELS     (WIDTH * HEIGHT)
#define FILE_BYTES 65536

static char folder[] = "/tmp/brot-test-XXXXXX";
static char path[64];
static struct request request;
static struct numbers wanted; /* by plane; the request's text is not set */
static uint8_t file_bytes[FILE_BYTES];
static size_t file_size;

static void fill(void)
{
	uint32_t x = 7;
	wanted = NUMBERS_NONE;
	wanted.width_px = WIDTH;
	wanted.height_px = HEIGHT;
	for (int plane = PLANE_ITERATIONS; plane < PLANE_TYPES; plane++) {
		if (plane == PLANE_RGB16)
			continue;
		assert_true(numbers_reserve(&wanted, (enum plane_type)plane));
		uint32_t *integers = wanted.planes[plane];
		float *floats = wanted.planes[plane];
		const size_t values = PIXELS *
				      (plane == PLANE_DISTANCE || plane == PLANE_DENSITY ? 2 : 1);
		for (size_t i = 0; i < values; i++) {
			x = x * 1664525u + 1013904223u;
			const bool is_inside = i % 7 == 0;
			if (plane == PLANE_WHOLE)
				integers[i] = is_inside ? UINT32_MAX : x >> 2;
			else if (plane == PLANE_ITERATIONS || plane == PLANE_PERIOD ||
				 plane >= PLANE_DENSITY)
				integers[i] = x;
			else if (plane == PLANE_DISTANCE)
				floats[i] = (float)(int32_t)x * 0x1p-20f;
			else
				floats[i] = is_inside && plane == PLANE_FRACTION
						    ? 0.0f
						    : (float)(x >> 8) * 0x1p-24f;
		}
	}
	/* the other channels of u64 and of u32 alike */
	for (uint32_t c = 1; c < BUDDHA_CHANNELS; c++) {
		assert_true(numbers_reserve_channel(&wanted, PLANE_DENSITY, c));
		uint64_t *counts = numbers_plane(&wanted, PLANE_DENSITY, c);
		for (size_t i = 0; i < PIXELS; i++)
			counts[i] = (uint64_t)(i + c) * 0x9e3779b97f4a7c15u;
	}
	/* what is hard to add and to take apart */
	((uint32_t *)wanted.planes[PLANE_WHOLE])[1] = 1000000000;
	((float *)wanted.planes[PLANE_FRACTION])[1] = 0.99999994f;
	((uint32_t *)wanted.planes[PLANE_WHOLE])[2] = 0;
	((float *)wanted.planes[PLANE_FRACTION])[2] = 0x1p-100f;
}

/* Plane index p of a format. */
static void *plane_of(const struct numbers *numbers, enum format_id format, uint32_t p)
{
	const struct format_info *info = format_info(format);
	const bool is_nebula = format == FORMAT_NEBULA || format == FORMAT_NEBULA32;
	return numbers_plane(numbers, info->planes[p], is_nebula ? p : 0);
}

static void write_file(const char *suffix, enum format_id format)
{
	const struct filetype *filetype = NULL;
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	struct picture picture = {.request = &request, .rows = HEIGHT, .compress = 4};
	request_init(&request);
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.format = format;
	for (uint32_t p = 0; p < format_info(format)->plane_count; p++)
		picture.planes[p] = plane_of(&wanted, format, p);
	(void)snprintf(path, sizeof path, "%s/a.%s", folder, suffix);
	assert_int_equal(filetype_of_path(path, &filetype, &err), BROT_OK);
	assert_int_equal(outfile_open(path, &outfile, &err), BROT_OK);
	assert_int_equal(filetype->write(&picture, &outfile, &err), BROT_OK);
	assert_int_equal(outfile_commit(&outfile, false, &err), BROT_OK);
	outfile_discard(&outfile);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	file_size = fread(file_bytes, 1, sizeof file_bytes, file);
	assert_true(file_size < sizeof file_bytes);
	(void)fclose(file);
}

static void put_file(const void *data, size_t bytes)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
}

static void refused(const char *part)
{
	struct numbers numbers = NUMBERS_NONE;
	struct brot_error err = {0};
	assert_int_equal(numbers_read(path, &numbers, &err), BROT_E_REQUEST);
	if (strstr(err.text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
	for (size_t i = 0; i < PLANE_TYPES; i++)
		assert_null(numbers.planes[i]);
}

static void read_again(const char *suffix, enum format_id format)
{
	struct numbers numbers = NUMBERS_NONE;
	struct brot_error err;
	write_file(suffix, format);
	assert_int_equal(numbers_read(path, &numbers, &err), BROT_OK);
	assert_int_equal(numbers.width_px, WIDTH);
	assert_int_equal(numbers.height_px, HEIGHT);
	unsigned planes = 0;
	for (uint32_t p = 0; p < format_info(format)->plane_count; p++) {
		const enum plane_type plane = format_info(format)->planes[p];
		const size_t bytes = (size_t)PIXELS * plane_info(plane)->pixel_bytes;
		planes |= 1u << plane;
		assert_non_null(plane_of(&numbers, format, p));
		if (format != FORMAT_SMOOTH || strcmp(suffix, "npy") != 0)
			assert_memory_equal(plane_of(&numbers, format, p),
					    plane_of(&wanted, format, p), bytes);
	}
	for (unsigned plane = 0; plane < PLANE_TYPES; plane++)
		if ((planes & 1u << plane) == 0)
			assert_null(numbers.planes[plane]);
	/* a sum that is taken apart is the same sum */
	const uint32_t *whole = numbers.planes[PLANE_WHOLE], *whole0 = wanted.planes[PLANE_WHOLE];
	const float *part = numbers.planes[PLANE_FRACTION], *part0 = wanted.planes[PLANE_FRACTION];
	for (size_t i = 0; whole != NULL && i < PIXELS; i++)
		assert_true((double)whole[i] + (double)part[i] ==
			    (double)whole0[i] + (double)part0[i]);
	assert_true((numbers.request != NULL) == (strcmp(suffix, "exr") == 0));
	numbers_free(&numbers);
	assert_null(numbers.request);
}

static void round_trips(void **state)
{
	(void)state;
	read_again("npy", FORMAT_ITERATIONS);
	read_again("npy", FORMAT_SMOOTH);
	read_again("npy", FORMAT_RAW);
	read_again("npy", FORMAT_DENSITY);
	read_again("npy", FORMAT_NEBULA);
	read_again("npy", FORMAT_NEBULA32);
	read_again("exr", FORMAT_DENSITY);
	read_again("exr", FORMAT_DENSITY32);
	read_again("exr", FORMAT_NEBULA);
	read_again("exr", FORMAT_NEBULA32);
	read_again("exr", FORMAT_ITERATIONS);
	read_again("exr", FORMAT_SMOOTH);
	read_again("exr", FORMAT_RAW);
}

/* ---- smooth counts ---- */

static void splits(void **state)
{
	(void)state;
	static const double none[] = {-1.0, -INFINITY, NAN, 4294967295.0, 1e30, -0x1p-30};
	uint32_t whole = 1;
	float fraction = 1;
	assert_true(numbers_split((double)INFINITY, &whole, &fraction));
	assert_true(whole == UINT32_MAX && fraction == 0.0f);
	assert_true(numbers_split(5.25, &whole, &fraction));
	assert_true(whole == 5 && fraction == 0.25f);
	/* as a float it would be 1 */
	assert_true(numbers_split(nextafter(7.0, 0.0), &whole, &fraction));
	assert_true(whole == 7 && fraction == 0.0f);
	assert_true(numbers_split(nextafter(4294967295.0, 0.0), &whole, &fraction));
	assert_true(whole == UINT32_MAX - 1 && fraction < 1.0f);
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_false(numbers_split(none[i], &whole, &fraction));
}

/* ---- .npy ---- */

/* A file with that header and `bytes` zeros. */
static void npy_put(const char *header, size_t bytes)
{
	uint8_t data[1024] = "\x93NUMPY\x01";
	const size_t chars = strlen(header);
	data[8] = (uint8_t)chars;
	data[9] = (uint8_t)(chars >> 8);
	memcpy(data + 10, header, chars);
	assert_true(10 + chars + bytes <= sizeof data);
	(void)snprintf(path, sizeof path, "%s/b.npy", folder);
	put_file(data, 10 + chars + bytes);
}

#define NPY(type, order, shape) \
	"{'descr': " type ", 'fortran_order': " order ", 'shape': " shape ", }"

static void npy_headers(void **state)
{
	(void)state;
	static const struct {
		const char *header, *part;
		size_t bytes;
	} bad[] = {
		{NPY("'>u4'", "False", "(2, 3)"), "'<u4'", 24},
		{NPY("'<i4'", "False", "(2, 3)"), "'<u4'", 24},
		{NPY("'|O'", "False", "(2, 3)"), "'<u4'", 24},
		{NPY("'<f4'", "False", "(2, 3)"), "no mode", 24},
		{NPY("[('a', '<f4')]", "False", "(2, 3)"), "'<u4'", 24},
		{NPY("'<u4'", "True", "(2, 3)"), "C order", 24},
		{NPY("'<u4'", "0", "(2, 3)"), "C order", 24},
		{NPY("'<u4'", "False", "(6,)"), "shape", 24},
		{NPY("'<u4'", "False", "()"), "shape", 24},
		{NPY("'<u4'", "False", "(1, 2, 4)"), "shape", 32},
		{NPY("'<u4'", "False", "(-2, 3)"), "shape", 24},
		{NPY("'<u4'", "False", "(0, 3)"), "size", 0},
		{NPY("'<u4'", "False", "(1048577, 1)"), "size", 24},
		{NPY("'<u4'", "False", "(1048576, 1048576)"), "4398046511104 bytes", 24},
		{NPY("'<u4'", "False", "(18446744073709551618, 3)"), "shape", 24},
		{NPY("'<u4'", "False", "(2, 3)"), "24 bytes", 23},
		{NPY("'<u4'", "False", "(2, 3)"), "24 bytes", 25},
		{NPY("'<u4'", "False", "(2, 3)") " x", "dictionary", 24},
		{"{'descr': '<u4', 'shape': (2, 3)}", "dictionary", 24},
		{"{'descr': '<u4', 'descr': '<u4', 'fortran_order': False, 'shape': (2, 3)}",
		 "dictionary", 24},
		{"{'descr': '<u4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", "dictionary",
		 24},
		{"{'descr': '<u4", "dictionary", 24},
		{"", "dictionary", 24},
		{"[]", "dictionary", 24},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		npy_put(bad[i].header, bad[i].bytes);
		refused(bad[i].part);
	}
	struct numbers numbers = NUMBERS_NONE;
	npy_put("{'shape':(2,3),\n'fortran_order':False,'descr':'<u4'}\n", 24);
	assert_int_equal(numbers_read(path, &numbers, NULL), BROT_OK);
	assert_int_equal(numbers.height_px, 2);
	numbers_free(&numbers);
}

static void npy_damage(void **state)
{
	(void)state;
	write_file("npy", FORMAT_SMOOTH);
	for (size_t bytes = 0; bytes < file_size; bytes += bytes < 200 ? 1 : 997) {
		put_file(file_bytes, bytes);
		refused("");
	}
	static const double bad[] = {NAN, -1.0, 1e10, -INFINITY};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memcpy(file_bytes + file_size - 8 * (WIDTH + 3), &bad[i], sizeof bad[i]);
		put_file(file_bytes, file_size);
		refused("column 34 of row 33");
	}
	write_file("npy", FORMAT_RAW);
	const float nan = NAN;
	memcpy(file_bytes + file_size - 4, &nan, sizeof nan);
	put_file(file_bytes, file_size);
	refused("interior must be a number that is not negative, and is nan at column 36 of row "
		"34");
	/* a version that there is not, and one whose header is longer than the file */
	file_bytes[6] = 4;
	put_file(file_bytes, file_size);
	refused("version");
	file_bytes[6] = 2;
	put_file(file_bytes, file_size);
	refused("header");
}

/* ---- .exr ---- */

static void exr_damage(void **state)
{
	(void)state;
	write_file("exr", FORMAT_RAW);
	for (size_t bytes = 0; bytes < file_size; bytes += bytes < 100 ? 1 : 331) {
		put_file(file_bytes, bytes);
		refused("");
	}
	/* Anything may come of a byte that is another, but no crash; and nothing is left behind
	 * where it is refused. */
	uint32_t x = 3;
	for (int i = 0; i < 600; i++) {
		struct numbers numbers = NUMBERS_NONE;
		x = x * 1664525u + 1013904223u;
		/* every other one within the header and the table of blocks */
		const size_t at = (x >> 4) % (i % 2 == 0 ? 1200 : file_size);
		const uint8_t old = file_bytes[at];
		file_bytes[at] = (uint8_t)(x >> 24);
		put_file(file_bytes, file_size);
		file_bytes[at] = old;
		(void)numbers_read(path, &numbers, NULL);
		numbers_free(&numbers);
	}
	put_file("not at all", 10);
	refused("is no whole OpenEXR file");
}

/* Writes raw numbers of which one is bad, and reads them. */
static void exr_value(enum plane_type plane, size_t index, float value, const char *part)
{
	float *floats = wanted.planes[plane];
	const float old = floats[index];
	floats[index] = value;
	write_file("exr", FORMAT_RAW);
	floats[index] = old;
	refused(part);
}

static void exr_values(void **state)
{
	(void)state;
	exr_value(PLANE_FRACTION, 1, NAN,
		  "fraction must be a number in [0, 1), and is nan at column 1");
	exr_value(PLANE_FRACTION, 1, -0.5f, "fraction");
	exr_value(PLANE_FRACTION, 1, 1.5f, "fraction");
	exr_value(PLANE_PHASE, WIDTH, NAN, "column 0 of row 1");
	exr_value(PLANE_DISTANCE, 2 * WIDTH + 1, INFINITY,
		  "distance must be a number, and is inf at");
	exr_value(PLANE_DISTANCE, 0, NAN, "column 0 of row 0");
	exr_value(PLANE_INTERIOR, 0, -1.0f, "not negative");
}

static void others(void **state)
{
	(void)state;
	struct numbers numbers = NUMBERS_NONE;
	struct brot_error err;
	assert_int_equal(numbers_read("a.png", &numbers, &err), BROT_E_USAGE);
	assert_int_equal(numbers_read("npy", &numbers, &err), BROT_E_USAGE);
	assert_int_equal(numbers_read("/nowhere/a.npy", &numbers, &err), BROT_E_NO_INPUT);
	assert_int_equal(numbers_read("/nowhere/a.exr", &numbers, &err), BROT_E_NO_INPUT);
}

static int set_up(void **state)
{
	(void)state;
	fill();
	return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const names[] = {"a.npy", "a.exr", "b.npy"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	numbers_free(&wanted);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips), cmocka_unit_test(splits),
		cmocka_unit_test(npy_headers), cmocka_unit_test(npy_damage),
		cmocka_unit_test(exr_damage),  cmocka_unit_test(exr_values),
		cmocka_unit_test(others),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
