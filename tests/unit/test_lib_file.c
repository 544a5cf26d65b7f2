/* test_lib_file.c - files of libbrot: from arrays of any shape, by any number of threads. */
#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <brot/brot.h>

#define WIDTH  700
#define HEIGHT 301
#define GAP    5

static char folder[] = "/tmp/brot-test-XXXXXX";
static char path[64];
static _Alignas(8) uint8_t pixels[HEIGHT * (WIDTH + GAP) * 36];

static const char *at(const char *name)
{
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static struct brot_request *request_of(const char *json)
{
	struct brot_request *request = NULL;
	struct brot_error err = {.text = ""};
	if (brot_request_new("seahorse", json, &request, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return request;
}

/* Renders into the pixels, with a gap after each row or none. */
static void render(const struct brot_request *request, uint32_t gap, struct brot_array *ret_arrays)
{
	struct brot_plane planes[BROT_PLANES_MAX];
	const uint32_t count = brot_request_planes(request, planes);
	uint8_t *to = pixels;
	for (uint32_t p = 0; p < count; p++) {
		ret_arrays[p] = (struct brot_array){to, (WIDTH + gap) * planes[p].pixel_bytes};
		to += HEIGHT * ret_arrays[p].stride_bytes;
	}
	assert_int_equal(brot_render(request, ret_arrays, NULL, NULL), BROT_OK);
}

/* The bytes of a file, which the caller frees; the file is removed. */
static char *slurp(const char *name, size_t *ret_size)
{
	FILE *file = fopen(at(name), "rb");
	assert_non_null(file);
	char *bytes = malloc(1 << 25);
	assert_non_null(bytes);
	*ret_size = fread(bytes, 1, 1 << 25, file);
	assert_true(*ret_size > 0 && feof(file));
	(void)fclose(file);
	assert_int_equal(remove(path), 0);
	return bytes;
}

static void check_kind(const char *json, const char *name)
{
	struct brot_request *request = request_of(json);
	struct brot_array arrays[BROT_PLANES_MAX];
	const struct brot_file options[] = {{.threads = 1}, {.threads = 3}};
	char *expected = NULL;
	size_t expected_size = 0;
	for (uint32_t i = 0; i < 4; i++) {
		size_t size;
		render(request, i / 2 * GAP, arrays);
		assert_int_equal(brot_write(at(name), request, arrays, &options[i % 2], NULL),
				 BROT_OK);
		char *bytes = slurp(name, &size);
		if (expected == NULL) {
			expected = bytes;
			expected_size = size;
			continue;
		}
		assert_int_equal(size, expected_size);
		assert_memory_equal(bytes, expected, size);
		free(bytes);
	}
	free(expected);
	brot_request_free(request);
}

#define SIZE "\"size\": [700, 301], \"iterations\": 300"

static void each_kind_of_file(void **state)
{
	(void)state;
	check_kind("{" SIZE "}", "a.png");
	check_kind("{" SIZE ", \"format\": \"rgb16\"}", "b.png");
	check_kind("{" SIZE "}", "a.ppm");
	check_kind("{" SIZE ", \"format\": \"iterations\"}", "a.npy");
	check_kind("{" SIZE ", \"format\": \"smooth\"}", "b.npy");
	check_kind("{" SIZE ", \"format\": \"raw\"}", "a.exr");
}

static void a_pyramid(void **state)
{
	struct brot_request *request = request_of("{" SIZE "}");
	struct brot_array array;
	size_t size;
	(void)state;
	render(request, GAP, &array);
	assert_int_equal(brot_write(at("a.dzi"), request, &array, NULL, NULL), BROT_OK);
	free(slurp("a.dzi", &size));
	assert_int_equal(access(at("a_files/10/2_1.png"), F_OK), 0);
	brot_request_free(request);
}

static void a_png_in_memory(void **state)
{
	struct brot_request *request = request_of("{" SIZE "}");
	struct brot_request *numbers = request_of("{" SIZE ", \"format\": \"raw\"}");
	struct brot_array array;
	(void)state;
	render(request, GAP, &array);
	for (int compress = -1; compress <= 9; compress += 5) {
		const struct brot_file options = {.dpi = 300, .compress = compress};
		void *bytes = NULL;
		size_t size = 0, file_size;
		assert_int_equal(brot_encode_png(request, &array, &options, &bytes, &size, NULL),
				 BROT_OK);
		assert_int_equal(brot_write(at("a.png"), request, &array, &options, NULL), BROT_OK);
		char *file = slurp("a.png", &file_size);
		assert_int_equal(size, file_size);
		assert_memory_equal(bytes, file, size);
		assert_true(compress >= 0 || size > (size_t)WIDTH * HEIGHT * 3);
		free(file);
		brot_free(bytes);
	}
	void *untouched = &array;
	size_t size = 7;
	struct brot_error err;
	assert_int_equal(brot_encode_png(numbers, &array, NULL, &untouched, &size, &err),
			 BROT_E_USAGE);
	assert_non_null(strstr(err.text, "request: format must be rgb8 or rgb16 for a PNG"));
	assert_true(untouched == &array && size == 7);
	assert_int_equal(brot_encode_png(request, NULL, NULL, &untouched, &size, &err),
			 BROT_E_USAGE);
	assert_string_equal(err.text, "rgb: must not be NULL");
	array.stride_bytes = (size_t) - (WIDTH * 3);
	assert_int_equal(brot_encode_png(request, &array, NULL, &untouched, &size, &err),
			 BROT_E_USAGE);
	assert_non_null(strstr(err.text, "rgb.stride_bytes: must fit 301 rows into memory"));
	brot_request_free(request);
	brot_request_free(numbers);
}

static void check_refused(const char *name, const struct brot_file *options, enum brot_err code,
			  const char *sentence)
{
	struct brot_request *request = request_of("{\"size\": [3, 3]}");
	struct brot_error err = {.text = ""};
	struct brot_array array = {pixels, 0};
	assert_int_equal(brot_write(name, request, &array, options, &err), code);
	if (strncmp(err.text, sentence, strlen(sentence)) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(brot_write(name, request, &array, options, NULL), code);
	brot_request_free(request);
}

static void what_is_wrong_is_named(void **state)
{
	struct brot_request *request = request_of("{\"size\": [3, 3]}");
	(void)state;
	check_refused(NULL, NULL, BROT_E_USAGE, "path: must name a file");
	check_refused(at("a"), NULL, BROT_E_USAGE, "path: the file's suffix must be");
	check_refused(at("a.npy"), NULL, BROT_E_USAGE, "format: a .npy file holds");
	check_refused(at("no/a.png"), NULL, BROT_E_OUTPUT, "path: cannot write");
	check_refused("/tmp/..png/", NULL, BROT_E_USAGE, "path: the file's suffix");
	check_refused(at("a.ppm"), &(struct brot_file){.dpi = 9}, BROT_E_USAGE, "dpi: a .ppm");
	check_refused(at("a.png"), &(struct brot_file){.dpi = 100001}, BROT_E_USAGE, "dpi: must");
	check_refused(at("a.png"), &(struct brot_file){.compress = 10}, BROT_E_USAGE, "compress: ");
	check_refused(at("a.png"), &(struct brot_file){.threads = 65}, BROT_E_USAGE, "threads: ");
	assert_int_equal(brot_write(at("a.png"), request, NULL, NULL, NULL), BROT_E_USAGE);
	assert_int_equal(
		brot_write(at("a.png"), request, &(struct brot_array){NULL, 0}, NULL, NULL),
		BROT_E_USAGE);
	assert_int_equal(
		brot_write(at("a.png"), request, &(struct brot_array){pixels, 8}, NULL, NULL),
		BROT_E_USAGE);
	brot_request_free(request);
	brot_free(NULL);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(name);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_file),
		cmocka_unit_test(a_pyramid),
		cmocka_unit_test(a_png_in_memory),
		cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
