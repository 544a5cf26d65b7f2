/* test_npy.c - NumPy files, header and values. */
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

#include "client/npy.h"

#define HEADER 128

static struct request request;
static char got[1024];

/* Writes the picture and reads it back into got; returns the bytes. */
static size_t write_back(struct picture *picture)
{
	char folder[] = "/tmp/brot-test-XXXXXX", path[64];
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/a.npy", folder);
	assert_int_equal(outfile_open(path, &outfile, &err), BROT_OK);
	assert_int_equal(npy_write(picture, &outfile, &err), BROT_OK);
	assert_int_equal(outfile_commit(&outfile, false, &err), BROT_OK);
	outfile_discard(&outfile);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t bytes = fread(got, 1, sizeof got, file);
	(void)fclose(file);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	return bytes;
}

static void header_is(const char *dictionary)
{
	assert_memory_equal(got, "\x93NUMPY\x01\x00", 8);
	assert_int_equal((unsigned char)got[8] + 256 * (unsigned char)got[9], HEADER - 10);
	assert_memory_equal(got + 10, dictionary, strlen(dictionary));
	for (size_t i = 10 + strlen(dictionary); i < HEADER - 1; i++)
		assert_int_equal(got[i], ' ');
	assert_int_equal(got[HEADER - 1], '\n');
}

static void iterations(void **state)
{
	(void)state;
	static const uint32_t counts[6] = {1, 0, 4000000000u, 7, 8, 9};
	struct picture picture = {
		.request = &request, .planes = {(const uint8_t *)counts}, .rows = 2};
	request_init(&request);
	request.format = FORMAT_ITERATIONS;
	request.width_px = 3;
	request.height_px = 2;
	assert_int_equal(write_back(&picture), HEADER + sizeof counts);
	header_is("{'descr': '<u4', 'fortran_order': False, 'shape': (2, 3), }");
	assert_memory_equal(got + HEADER, counts, sizeof counts);
}

static void smooth(void **state)
{
	(void)state;
	static const uint32_t wholes[3] = {5, UINT32_MAX, 999999999};
	static const float fractions[3] = {0.25f, 0, 0.99999994f};
	struct picture picture = {.request = &request,
				  .planes = {(const uint8_t *)wholes, (const uint8_t *)fractions},
				  .rows = 3};
	request_init(&request);
	request.format = FORMAT_SMOOTH;
	request.width_px = 1;
	request.height_px = 3;
	double values[3];
	assert_int_equal(write_back(&picture), HEADER + sizeof values);
	header_is("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1), }");
	memcpy(values, got + HEADER, sizeof values);
	assert_true(values[0] == 5.25);
	assert_true(isinf(values[1]) && values[1] > 0);
	assert_true(values[2] == 999999999 + (double)0.99999994f);
}

static void largest_shape(void **state)
{
	(void)state;
	/* The header has room for the longest sizes that there are. */
	assert_true(snprintf(NULL, 0,
			     "{'descr': '<u4', 'fortran_order': False, 'shape': (%u, %u), }",
			     LIMIT_SIZE_PX, LIMIT_SIZE_PX) < HEADER - 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(iterations), cmocka_unit_test(smooth),
					   cmocka_unit_test(largest_shape)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
