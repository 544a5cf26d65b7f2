/* test_lib_local.c - rendering by libbrot: arrays of any shape, threads, progress and its end. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <brot/brot.h>

#define CANARY 0x5a
#define SIZE   "\"size\": [61, 37]"
#define GRID   "\"kind\": \"buddhabrot\", \"iterations\": 90, \"buddha\": {\"points\": 30000}"
/* Takes hours, and a thread looks up many times a second. */
#define HEAVY                                                                              \
	"{\"size\": [512, 512], \"iterations\": 1000000, \"shortcuts\": false, \"view\": " \
	"{\"re\": -0.2, \"im\": 0, \"width\": 0.1}, \"format\": \"iterations\"}"

static const char *const requests[] = {
	"{" SIZE "}",
	"{" SIZE ", \"samples\": 3, \"format\": \"rgb16\", \"colour\": {\"dither\": true}}",
	"{" SIZE ", \"format\": \"raw\"}",
	"{" SIZE
	", \"format\": \"distance\", \"view\": {\"re\": -0.7, \"im\": 0.3, \"width\": 0.01}}",
	"{" SIZE ", \"samples\": 2, \"colour\": {\"mode\": \"relief\"}}",
	"{" SIZE ", \"format\": \"rgb16\", \"colour\": {\"mode\": \"histogram\"}}",
	"{\"size\": [300, 9], \"format\": \"iterations\", \"iterations\": 3000000}", /* cut rows */
	"{" SIZE ", \"format\": \"density\", " GRID "}",
	"{" SIZE ", " GRID "}",
	"{\"size\": [1, 1]}",
	"{\"size\": [1, 70], \"format\": \"smooth\"}",
};
#define REQUEST_COUNT (sizeof requests / sizeof requests[0])

static struct brot_request *request_of(const char *json)
{
	struct brot_request *request = NULL;
	struct brot_error err = {.text = ""};
	if (brot_request_new(NULL, json, &request, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return request;
}

/* Arrays with `gap` pixels after each row, all canaries, and room of a row before and after. */
struct images {
	struct brot_array arrays[BROT_PLANES_MAX];
	uint8_t *memory[BROT_PLANES_MAX];
	size_t bytes[BROT_PLANES_MAX], row_bytes[BROT_PLANES_MAX];
	uint32_t count, height;
};

static void rows_make(const struct brot_request *request, uint32_t gap, uint32_t rows,
		      struct images *ret_images)
{
	struct brot_plane planes[BROT_PLANES_MAX];
	uint32_t width, height;
	struct images images = {.count = brot_request_planes(request, planes)};
	brot_request_size(request, &width, &height);
	images.height = rows != 0 ? rows : height;
	for (uint32_t p = 0; p < images.count; p++) {
		const size_t stride = (width + gap) * planes[p].pixel_bytes;
		/* Room for all rows of the image: what does not belong there must show. */
		images.bytes[p] = stride * (height + 2);
		images.row_bytes[p] = width * planes[p].pixel_bytes;
		images.memory[p] = malloc(images.bytes[p]);
		assert_non_null(images.memory[p]);
		memset(images.memory[p], CANARY, images.bytes[p]);
		images.arrays[p] = (struct brot_array){images.memory[p] + stride,
						       gap > 0 ? stride : 0};
	}
	*ret_images = images;
}

static void images_make(const struct brot_request *request, uint32_t gap, struct images *ret_images)
{
	rows_make(request, gap, 0, ret_images);
}

static void images_free(struct images *images)
{
	for (uint32_t p = 0; p < images->count; p++)
		free(images->memory[p]);
}

/* Whether they hold the pixels of the expected rows from `first` on, and nothing lies beside
 * them. */
static void check_rows(const struct images *images, const struct images *expected, uint32_t first)
{
	for (uint32_t p = 0; p < images->count; p++) {
		const size_t row = images->row_bytes[p];
		const size_t stride = images->arrays[p].stride_bytes != 0
					      ? images->arrays[p].stride_bytes
					      : row;
		const uint8_t *memory = images->memory[p];
		for (size_t i = 0; i < images->bytes[p]; i++) {
			const size_t y = i / stride, x = i % stride;
			const int is_pixel = y >= 1 && y <= images->height && x < row;
			const uint8_t wanted = is_pixel ? expected->memory[p][(y + first) * row + x]
							: CANARY;
			if (memory[i] != wanted)
				fail_msg("plane %u, row %zd, byte %zu", p, (ptrdiff_t)y - 1, x);
		}
	}
}

static void check_images(const struct images *images, const struct images *expected)
{
	check_rows(images, expected, 0);
}

static void any_threads_and_any_gap(void **state)
{
	(void)state;
	for (size_t i = 0; i < REQUEST_COUNT; i++) {
		struct brot_request *request = request_of(requests[i]);
		struct images expected;
		images_make(request, 0, &expected);
		const struct brot_local one = {.threads = 1};
		assert_int_equal(brot_render(request, expected.arrays, &one, NULL), BROT_OK);
		for (uint32_t threads = 0; threads <= 5; threads++) {
			const struct brot_local local = {.threads = threads};
			struct images images;
			images_make(request, threads, &images);
			assert_int_equal(brot_render(request, images.arrays, &local, NULL),
					 BROT_OK);
			check_images(&images, &expected);
			images_free(&images);
		}
		images_free(&expected);
		brot_request_free(request);
	}
}

/* ---- parts ---- */

#define HEIGHT 37

static void rows_of_an_image(void **state)
{
	/* Of 37 rows, of which the first 19 are rendered where the others are their mirror images.
	 */
	static const uint32_t parts[][2] = {{0, 1}, {0, 5}, {17, 4}, {33, 4}, {36, 1}, {0, HEIGHT}};
	static const char *const alone[] = {
		"{" SIZE "}",
		"{" SIZE ", \"samples\": 3, \"format\": \"rgb16\", \"colour\": {\"dither\": true}}",
		"{" SIZE ", \"format\": \"raw\"}",
		"{" SIZE ", \"format\": \"iterations\"}",
		"{" SIZE ", \"samples\": 2, \"formula\": \"burning-ship\"}",
		"{\"size\": [300, 37], \"format\": \"iterations\", \"iterations\": 1000000}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
		struct brot_request *request = request_of(alone[i]);
		struct images whole;
		images_make(request, 0, &whole);
		assert_int_equal(brot_render(request, whole.arrays, NULL, NULL), BROT_OK);
		for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++)
			for (uint32_t threads = 1; threads <= 3; threads++) {
				const struct brot_local local = {.threads = threads,
								 .first_row = parts[part][0],
								 .rows = parts[part][1]};
				struct images images;
				rows_make(request, threads - 1, local.rows, &images);
				assert_int_equal(brot_render(request, images.arrays, &local, NULL),
						 BROT_OK);
				check_rows(&images, &whole, local.first_row);
				images_free(&images);
			}
		images_free(&whole);
		brot_request_free(request);
	}
}

static void rows_that_have_to_be_rendered(void **state)
{
	static const struct {
		const char *json;
		uint32_t rows;
	} known[] = {
		{"{" SIZE "}", 19},
		{"{\"size\": [61, 38], \"format\": \"smooth\"}", 19},
		{"{\"size\": [1, 1]}", 1},
		{"{" SIZE ", \"format\": \"phase\"}", HEIGHT},
		{"{" SIZE ", \"formula\": \"burning-ship\"}", HEIGHT},
		{"{" SIZE ", \"shortcuts\": false}", HEIGHT},
		{"{" SIZE ", \"colour\": {\"mode\": \"relief\"}}", HEIGHT},
		{"{" SIZE ", " GRID ", \"view\": {\"re\": 0, \"im\": 0, \"width\": 4}}", HEIGHT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct brot_request *request = request_of(known[i].json);
		struct images images;
		images_make(request, 0, &images);
		assert_int_equal(brot_request_rows(request), known[i].rows);
		assert_int_equal(brot_render(request, images.arrays, NULL, NULL), BROT_OK);
		for (uint32_t y = known[i].rows; y < images.height; y++) {
			const uint8_t *image = images.arrays[0].data;
			const size_t row = images.row_bytes[0];
			assert_memory_equal(image + y * row, image + (images.height - 1 - y) * row,
					    row);
		}
		images_free(&images);
		brot_request_free(request);
	}
}

static void samples_add_up(void **state)
{
	static const char *const counted[] = {
		"{" SIZE ", \"format\": \"density\", " GRID "}",
		"{" SIZE ", \"format\": \"density\", \"kind\": \"buddhabrot\", \"iterations\": 90, "
		"\"buddha\": {\"points\": 20000, \"sampling\": \"grid\", \"orbits\": \"inside\"}}",
		"{\"size\": [16, 9], \"format\": \"density\", \"kind\": \"buddhabrot\", "
		"\"iterations\": 90, \"view\": {\"re\": -0.16, \"im\": 1.03, \"width\": 0.1}, "
		"\"buddha\": {\"points\": 20000, \"first\": 77, \"sampling\": \"zoom\"}}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
		struct brot_request *request = request_of(counted[i]);
		struct images whole, part;
		images_make(request, 0, &whole);
		images_make(request, 0, &part);
		assert_int_equal(brot_render(request, whole.arrays, NULL, NULL), BROT_OK);
		const size_t count = whole.row_bytes[0] / sizeof(uint64_t) * whole.height;
		uint64_t *sum = calloc(count, sizeof *sum), all = 0;
		assert_non_null(sum);
		const uint64_t points = i == 0 ? 30000 : 20000, ends[] = {0, 1, 7777, points};
		for (size_t cut = 0; cut + 1 < sizeof ends / sizeof ends[0]; cut++) {
			const struct brot_local local = {.threads = (uint32_t)cut + 1,
							 .first_sample = ends[cut],
							 .samples = ends[cut + 1] - ends[cut]};
			const uint64_t *counts = part.arrays[0].data;
			assert_int_equal(brot_render(request, part.arrays, &local, NULL), BROT_OK);
			for (size_t cell = 0; cell < count; cell++)
				sum[cell] += counts[cell], all += counts[cell];
		}
		assert_true(all > 1000);
		assert_memory_equal(sum, whole.arrays[0].data, count * sizeof *sum);
		free(sum);
		images_free(&whole);
		images_free(&part);
		brot_request_free(request);
	}
}

static void parts_that_are_refused(void **state)
{
	static const char out[] = "rows: must lie within the 37 rows of the image, got ";
	static const struct {
		const char *json;
		struct brot_local local;
		const char *sentence;
	} refused[] = {
		{"{" SIZE "}", {.first_row = HEIGHT, .rows = 1}, out},
		{"{" SIZE "}", {.first_row = HEIGHT - 1, .rows = 2}, out},
		{"{" SIZE "}", {.rows = HEIGHT + 1}, out},
		{"{" SIZE "}", {.first_row = UINT32_MAX, .rows = 2}, out},
		{"{" SIZE "}", {.samples = 1}, "samples: must be 0 but for a Buddhabrot, got 1"},
		{"{" SIZE ", \"colour\": {\"mode\": \"relief\"}}",
		 {.rows = 1},
		 "rows: must be 0 where pixels depend on the whole image, got 1"},
		{"{" SIZE ", \"colour\": {\"mode\": \"histogram\"}}",
		 {.rows = 2},
		 "rows: must be 0 where pixels depend on the whole image, got 2"},
		{"{" SIZE ", " GRID "}",
		 {.samples = 9},
		 "samples: must be 0 where pixels depend on the whole image, got 9"},
		{"{" SIZE ", \"format\": \"density\", " GRID "}",
		 {.rows = 3},
		 "rows: must be 0 where pixels depend on the whole image, got 3"},
		{"{" SIZE ", \"format\": \"density\", " GRID "}",
		 {.first_sample = 30000, .samples = 1},
		 "samples: must lie within the 30000 of the image, got 1 from 30000 on"},
		{"{" SIZE ", \"format\": \"density\", " GRID "}",
		 {.first_sample = 2, .samples = UINT64_MAX},
		 "samples: must lie within the 30000 of the image, got "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct brot_request *request = request_of(refused[i].json);
		struct brot_error err = {.text = ""};
		struct images images, expected;
		images_make(request, 0, &images);
		images_make(request, 0, &expected);
		assert_int_equal(brot_render(request, images.arrays, &refused[i].local, &err),
				 BROT_E_USAGE);
		if (strncmp(err.text, refused[i].sentence, strlen(refused[i].sentence)) != 0)
			fail_msg("%zu: %s", i, err.text);
		for (uint32_t p = 0; p < images.count; p++)
			assert_memory_equal(images.memory[p], expected.memory[p], images.bytes[p]);
		images_free(&images);
		images_free(&expected);
		brot_request_free(request);
	}
}

/* ---- progress ---- */

struct told {
	pthread_t caller;
	double last, until;
	unsigned calls;
};

static bool on_progress(double done, void *context)
{
	struct told *told = context;
	assert_true(pthread_equal(told->caller, pthread_self()));
	assert_true(done >= told->last && done <= 1.0);
	told->last = done;
	told->calls++;
	return done < told->until;
}

static void progress_ends_with_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < REQUEST_COUNT; i++)
		for (uint32_t threads = 1; threads <= 3; threads++) {
			struct told told = {pthread_self(), 0.0, 2.0, 0};
			const struct brot_local local = {
				.threads = threads, .on_progress = on_progress, .context = &told};
			struct brot_request *request = request_of(requests[i]);
			struct images images;
			images_make(request, 0, &images);
			assert_int_equal(brot_render(request, images.arrays, &local, NULL),
					 BROT_OK);
			assert_true(told.last == 1.0 && told.calls >= 2);
			images_free(&images);
			brot_request_free(request);
		}
}

static void it_is_given_up_at_once(void **state)
{
	static const char *const heavy[] = {
		HEAVY,
		"{" SIZE ", \"kind\": \"buddhabrot\", \"iterations\": 1000000, "
		"\"buddha\": {\"points\": 200000000000}}",
	};
	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (uint32_t threads = 1; threads <= 3; threads++) {
			struct told told = {pthread_self(), 0.0, 1e-9, 0};
			const struct brot_local local = {
				.threads = threads, .on_progress = on_progress, .context = &told};
			struct brot_request *request = request_of(heavy[i]);
			struct brot_error err = {.code = BROT_OK};
			struct images images;
			images_make(request, 2, &images);
			/* It begins with 0, and is asked again. */
			told.until = 0.0;
			assert_int_equal(brot_render(request, images.arrays, &local, &err),
					 BROT_E_CANCELLED);
			assert_int_equal(err.code, BROT_E_CANCELLED);
			assert_int_equal(told.calls, 1);
			images_free(&images);
			brot_request_free(request);
		}
}

static bool third(double done, void *context)
{
	unsigned *calls = context;
	(void)done;
	return ++*calls < 3;
}

static void it_is_given_up_midway(void **state)
{
	(void)state;
	for (uint32_t threads = 1; threads <= 3; threads++) {
		unsigned calls = 0;
		const struct brot_local local = {
			.threads = threads, .on_progress = third, .context = &calls};
		struct brot_request *request = request_of(HEAVY);
		struct images images;
		images_make(request, 0, &images);
		assert_int_equal(brot_render(request, images.arrays, &local, NULL),
				 BROT_E_CANCELLED);
		assert_int_equal(calls, 3);
		images_free(&images);
		brot_request_free(request);
	}
}

/* ---- callers ---- */

static void check_refused(const struct brot_request *request, struct brot_array array,
			  uint32_t threads, const char *sentence)
{
	const struct brot_local local = {.threads = threads};
	struct brot_error err = {.text = ""};
	assert_int_equal(brot_render(request, &array, &local, &err), BROT_E_USAGE);
	if (strncmp(err.text, sentence, strlen(sentence)) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(brot_render(request, &array, &local, NULL), BROT_E_USAGE);
}

static void arrays_that_are_none(void **state)
{
	_Alignas(8) static uint8_t memory[8 * 100 * 100];
	struct brot_request *distance = request_of("{\"size\": [9, 9], \"format\": \"distance\"}");
	struct brot_request *deep = request_of("{\"size\": [9, 9], \"format\": \"rgb16\"}");
	struct brot_request *density = request_of(
		"{\"size\": [9, 9], \"format\": \"density\", " GRID "}");
	(void)state;
	check_refused(distance, (struct brot_array){NULL, 0}, 1, "arrays[0].data: must be");
	check_refused(distance, (struct brot_array){memory + 2, 0}, 1,
		      "arrays[0].data: must be a multiple of 4");
	check_refused(distance, (struct brot_array){memory, 71}, 1,
		      "arrays[0].stride_bytes: must be at least the 72 of a row");
	check_refused(
		distance, (struct brot_array){memory, 76}, 1,
		"arrays[0].stride_bytes: must be at least the 72 of a row and a multiple of 8");
	/* What became of -72, and one whose rows go round the end of memory. */
	check_refused(distance, (struct brot_array){memory + 4096, (size_t)-72}, 1,
		      "arrays[0].stride_bytes: must fit 9 rows into memory, got ");
	check_refused(distance, (struct brot_array){memory, SIZE_MAX / 2 + 1}, 1,
		      "arrays[0].stride_bytes: must fit 9 rows into memory, got ");
	check_refused(deep, (struct brot_array){memory + 1, 0}, 1,
		      "arrays[0].data: must be a multiple of 2");
	check_refused(deep, (struct brot_array){memory, 55}, 1, "arrays[0].stride_bytes: ");
	check_refused(density, (struct brot_array){memory + 4, 0}, 1,
		      "arrays[0].data: must be a multiple of 8");
	check_refused(density, (struct brot_array){memory, 0}, BROT_THREADS_MAX + 1,
		      "threads: must be at most 256, got 257");
	check_refused(NULL, (struct brot_array){memory, 0}, 1, "request: must not be NULL");
	assert_int_equal(brot_render(deep, NULL, NULL, NULL), BROT_E_USAGE);
	assert_int_equal(brot_render(deep, &(struct brot_array){memory, 56}, NULL, NULL), BROT_OK);
	brot_request_free(distance);
	brot_request_free(deep);
	brot_request_free(density);
}

/* All orbits of the period-one cardioid, each a million hits, on one pixel. */
static void counts_that_are_too_large_for_u32(void **state)
{
	static const char form[] = "{\"size\": [1, 1], \"format\": \"%s\", \"kind\": "
				   "\"buddhabrot\", \"iterations\": 1000000, \"view\": {\"re\": 0, "
				   "\"im\": 0, \"width\": 8}, \"buddha\": {\"points\": 65536, "
				   "\"orbits\": \"inside\"}}";
	char json[sizeof form + 16];
	uint64_t wide = 0;
	uint32_t narrow[2] = {0, CANARY};
	struct brot_error err = {.code = BROT_OK};
	(void)state;
	(void)snprintf(json, sizeof json, form, "density");
	struct brot_request *request = request_of(json);
	assert_int_equal(brot_render(request, &(struct brot_array){&wide, 0}, NULL, NULL), BROT_OK);
	assert_true(wide > UINT32_MAX);
	brot_request_free(request);
	(void)snprintf(json, sizeof json, form, "density32");
	request = request_of(json);
	assert_int_equal(brot_render(request, &(struct brot_array){narrow, 0}, NULL, &err),
			 BROT_E_FAILED);
	assert_non_null(strstr(err.text, "hits, and u32 holds at most 4294967295"));
	assert_int_equal(narrow[1], CANARY);
	brot_request_free(request);
}

static void *render_run(void *context)
{
	struct images *images = context;
	struct brot_request *request = request_of(requests[2]);
	const struct brot_local local = {.threads = 2};
	images_make(request, 1, images);
	assert_int_equal(brot_render(request, images->arrays, &local, NULL), BROT_OK);
	brot_request_free(request);
	return NULL;
}

static void many_callers_at_once(void **state)
{
	pthread_t threads[4];
	struct images images[4], expected;
	struct brot_request *request = request_of(requests[2]);
	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, render_run, &images[i]), 0);
	images_make(request, 0, &expected);
	assert_int_equal(brot_render(request, expected.arrays, NULL, NULL), BROT_OK);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		check_images(&images[i], &expected);
		images_free(&images[i]);
	}
	images_free(&expected);
	brot_request_free(request);
}

static void smooth_counts(void **state)
{
	static const uint32_t whole[] = {3, UINT32_MAX, 4000000000};
	static const float fraction[] = {0.25f, 0.0f, 0.5f};
	double smooth[3];
	(void)state;
	brot_smooth(whole, fraction, 3, smooth);
	assert_true(smooth[0] == 3.25 && isinf(smooth[1]) && smooth[1] > 0);
	assert_true(smooth[2] == 4000000000.5);
	assert_non_null(brot_kernel());
	assert_string_equal(brot_version(), BROT_VERSION);
	assert_string_equal(brot_err_name(BROT_E_CANCELLED), "cancelled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_callers_at_once),
		cmocka_unit_test(any_threads_and_any_gap),
		cmocka_unit_test(progress_ends_with_one),
		cmocka_unit_test(it_is_given_up_at_once),
		cmocka_unit_test(it_is_given_up_midway),
		cmocka_unit_test(arrays_that_are_none),
		cmocka_unit_test(rows_of_an_image),
		cmocka_unit_test(rows_that_have_to_be_rendered),
		cmocka_unit_test(samples_add_up),
		cmocka_unit_test(counts_that_are_too_large_for_u32),
		cmocka_unit_test(parts_that_are_refused),
		cmocka_unit_test(smooth_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
