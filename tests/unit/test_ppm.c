/* test_ppm.c - a PPM byte by byte, and which kinds of file hold what. */
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
#include "client/ppm.h"

static struct request request;

static enum brot_err stop(struct picture *picture, uint32_t y, struct brot_error *err)
{
	(void)picture;
	return y < 1 ? BROT_OK : error_set(err, BROT_E_CANCELLED, "enough");
}

static void bytes(void **state)
{
	(void)state;
	static const uint8_t pixels[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,
					 10, 11, 12, 13, 14, 15, 16, 17, 18};
	char folder[] = "/tmp/brot-test-XXXXXX", path[64], got[64];
	struct picture picture = {.request = &request, .planes = {pixels}, .rows = 3};
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	request_init(&request);
	request.width_px = 2;
	request.height_px = 3;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/a.ppm", folder);
	assert_int_equal(outfile_open(path, &outfile, &err), BROT_OK);
	assert_int_equal(ppm_write(&picture, &outfile, &err), BROT_OK);
	assert_int_equal(outfile_commit(&outfile, false, &err), BROT_OK);
	outfile_discard(&outfile);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, sizeof got, file), 11 + 18);
	(void)fclose(file);
	assert_memory_equal(got, "P6\n2 3\n255\n", 11);
	assert_memory_equal(got + 11, pixels, 18);

	picture.reach = stop;
	assert_int_equal(outfile_open(path, &outfile, &err), BROT_OK);
	assert_int_equal(ppm_write(&picture, &outfile, &err), BROT_E_CANCELLED);
	outfile_discard(&outfile);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void suffixes(void **state)
{
	(void)state;
	const struct filetype *type = NULL;
	struct brot_error err;
	assert_int_equal(filetype_of_path("a/b.PNG", &type, &err), BROT_OK);
	assert_string_equal(type->suffix, "png");
	assert_int_equal(filetype_of_path("x.y.npy", &type, &err), BROT_OK);
	assert_string_equal(type->suffix, "npy");
	static const char *const bad[] = {"x", "x.", "x.jpg", "a.png/x", ".png", "", "png"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(filetype_of_path(bad[i], &type, &err), BROT_E_USAGE);
		assert_non_null(strstr(err.text, ".png, .ppm, .npy, .exr or .dzi"));
	}
	assert_int_equal(filetype_check_format(type, FORMAT_ITERATIONS, &err), BROT_OK);
	assert_int_equal(filetype_check_format(type, FORMAT_SMOOTH, &err), BROT_OK);
	assert_int_equal(filetype_check_format(type, FORMAT_RGB8, &err), BROT_E_USAGE);
	assert_string_equal(
		err.text, "--format: a .npy file holds iterations, smooth, distance, phase, raw, "
			  "density, density32, nebula or nebula32, not rgb8, which goes into .png, "
			  ".ppm or .dzi");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bytes), cmocka_unit_test(suffixes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
