/* test_render.c - tiles: the same bytes however an image is cut, stored once, and cancellable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/colour/linear.h"
#include "worker/render.h"

#define WIDTH      61
#define HEIGHT     37
#define GAP        5 /* pixels after each row that nobody may touch */
#define CANARY     0x5a
#define PIXEL_MOST 8

static struct request request;
static struct render_job job;
static uint8_t whole_image[PLANES_MAX][(WIDTH + GAP) * HEIGHT * PIXEL_MOST];
static uint8_t cut_image[PLANES_MAX][(WIDTH + GAP) * HEIGHT * PIXEL_MOST];

static const struct kernel *best_kernel(void)
{
	const struct kernel *kernel = NULL;
	for (size_t i = 0; kernel == NULL; i++)
		if (kernel_at(i)->supported())
			kernel = kernel_at(i);
	return kernel;
}

static void job_for(enum format_id format, uint32_t samples, enum colour_mode mode,
		    const struct kernel *kernel)
{
	struct brot_error err;
	request_init(&request);
	request.has_shortcuts = false;
	memcpy(request.view.re.text, "-0.7436", 8);
	memcpy(request.view.im.text, "0.1318", 7);
	memcpy(request.view.width.text, "0.01", 5);
	request.view.rotate_deg = 12.0;
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.iterations = 300;
	request.samples = samples;
	request.format = format;
	memcpy(request.colour.palette.name, "classic", 8);
	request.colour.mode = mode;
	assert_int_equal(render_job_make(&request, kernel, &job, &err), BROT_OK);
}

/* Renders one tile of the image into `image`. */
static uint64_t tile(uint8_t image[PLANES_MAX][sizeof whole_image[0]], struct rect rect)
{
	const struct format_info *format = format_info(job.format);
	void *planes[PLANES_MAX] = {NULL};
	size_t strides[PLANES_MAX] = {0};
	uint64_t iterations = 0;
	for (uint32_t p = 0; p < format->plane_count; p++) {
		const size_t bytes = plane_info(format->planes[p])->pixel_bytes;
		strides[p] = (WIDTH + GAP) * bytes;
		/* Rows of rgb8 may start anywhere. */
		planes[p] = image[p] + rect.y * strides[p] + rect.x * bytes;
	}
	assert_int_equal(render_rect(&job, &rect, planes, strides, NULL, &iterations), BROT_OK);
	return iterations;
}

static void check_cuts(void)
{
	memset(whole_image, CANARY, sizeof whole_image);
	memset(cut_image, CANARY, sizeof cut_image);
	const uint64_t total = tile(whole_image, (struct rect){0, 0, WIDTH, HEIGHT});
	uint64_t sum = 0;
	for (uint32_t y = 0; y < HEIGHT; y += 10)
		for (uint32_t x = 0; x < WIDTH; x += 23) {
			const uint32_t w = WIDTH - x < 23 ? WIDTH - x : 23;
			const uint32_t h = HEIGHT - y < 10 ? HEIGHT - y : 10;
			sum += tile(cut_image, (struct rect){x, y, w, h});
		}
	assert_int_equal(sum, total);
	assert_memory_equal(whole_image, cut_image, sizeof whole_image);
	const struct format_info *format = format_info(job.format);
	for (uint32_t p = 0; p < format->plane_count; p++) {
		const size_t bytes = plane_info(format->planes[p])->pixel_bytes;
		for (uint32_t y = 0; y < HEIGHT; y++)
			for (size_t k = WIDTH * bytes; k < (WIDTH + GAP) * bytes; k++)
				assert_int_equal(whole_image[p][y * (WIDTH + GAP) * bytes + k],
						 CANARY);
	}
}

static void test_cuts(void **state)
{
	(void)state;
	const struct kernel *kernel;
	for (size_t i = 0; (kernel = kernel_at(i)) != NULL; i++) {
		if (!kernel->supported())
			continue;
		for (int f = 0; f < FORMAT_COUNT; f++) {
			job_for((enum format_id)f, 1, COLOUR_SMOOTH, kernel);
			check_cuts();
		}
		job_for(FORMAT_RGB8, 3, COLOUR_SMOOTH, kernel);
		check_cuts();
		job_for(FORMAT_RGB8, 2, COLOUR_BANDED, kernel);
		check_cuts();
	}
	job_for(FORMAT_RGB8, LIMIT_SAMPLES, COLOUR_SMOOTH, best_kernel());
	check_cuts();
}

/* Colours by numbers of every kind; only the escape kernels' iterations are counted. */
static void test_cuts_of_modes(void **state)
{
	static const enum colour_mode modes[] = {COLOUR_SMOOTH, COLOUR_BANDED, COLOUR_DISTANCE,
						 COLOUR_ANGLE};
	(void)state;
	for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++)
		for (int inside = 0; inside < INSIDE_COUNT; inside++)
			for (uint32_t samples = 1; samples <= 3; samples += 2) {
				job_for(FORMAT_RGB8, samples, modes[m], best_kernel());
				request.colour.inside = (enum colour_inside)inside;
				assert_int_equal(
					render_job_make(&request, best_kernel(), &job, NULL),
					BROT_OK);
				check_cuts();
			}
}

/* Every number is what the reference says, and every colour follows from the numbers. */
static void test_values(void **state)
{
	(void)state;
	static uint32_t counts[WIDTH * HEIGHT], wholes[WIDTH * HEIGHT];
	static float fractions[WIDTH * HEIGHT];
	const struct rect all = {0, 0, WIDTH, HEIGHT};
	void *const iterations_planes[PLANES_MAX] = {counts};
	void *const smooth_planes[PLANES_MAX] = {wholes, fractions};
	const size_t strides[PLANES_MAX] = {WIDTH * 4, WIDTH * 4};
	uint64_t done = 0, sum = 0;
	job_for(FORMAT_SMOOTH, 1, COLOUR_SMOOTH, best_kernel());
	assert_int_equal(render_rect(&job, &all, smooth_planes, strides, NULL, &done), BROT_OK);
	job_for(FORMAT_ITERATIONS, 1, COLOUR_SMOOTH, best_kernel());
	assert_int_equal(render_rect(&job, &all, iterations_planes, strides, NULL, &done), BROT_OK);
	job_for(FORMAT_RGB8, 1, COLOUR_SMOOTH, best_kernel());
	(void)tile(whole_image, all);
	size_t inside = 0;
	for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
		sum += counts[i] == 0 ? request.iterations : counts[i];
		inside += counts[i] == 0;
		assert_int_equal(counts[i] == 0, wholes[i] == KERNEL_WHOLE_INSIDE);
		assert_true(counts[i] == 0 || (wholes[i] > counts[i] && wholes[i] < counts[i] + 8));
		const uint32_t entry = shade_smooth(&job.shade, wholes[i], fractions[i]);
		const size_t at = (i / WIDTH * (WIDTH + GAP) + i % WIDTH) * 3;
		assert_memory_equal(whole_image[0] + at, job.shade.table[entry], 3);
	}
	assert_int_equal(done, sum);
	assert_true(inside > 0 && inside < (size_t)WIDTH * HEIGHT);
}

/* A pixel of n x n samples is the mean, in linear light, of the n x n pixels of a larger image. */
static void test_samples(void **state)
{
	(void)state;
	static uint8_t fine[WIDTH * 2 * HEIGHT * 2 * 3];
	const struct rect all = {0, 0, WIDTH, HEIGHT}, fine_all = {0, 0, WIDTH * 2, HEIGHT * 2};
	void *const planes[PLANES_MAX] = {fine};
	const size_t strides[PLANES_MAX] = {WIDTH * 2 * 3};
	uint64_t iterations;
	job_for(FORMAT_RGB8, 2, COLOUR_SMOOTH, best_kernel());
	(void)tile(whole_image, all);
	request.width_px *= 2;
	request.height_px *= 2;
	request.samples = 1;
	assert_int_equal(render_job_make(&request, best_kernel(), &job, NULL), BROT_OK);
	assert_int_equal(render_rect(&job, &fine_all, planes, strides, NULL, &iterations), BROT_OK);
	for (size_t y = 0; y < HEIGHT; y++)
		for (size_t k = 0; k < WIDTH * 3; k++) {
			const uint8_t *upper = fine + (2 * y * WIDTH * 2 + k / 3 * 2) * 3 + k % 3;
			const uint8_t *lower = upper + sizeof fine / HEIGHT / 2;
			uint32_t sum = linear_of_srgb(upper[0]);
			sum += linear_of_srgb(upper[3]);
			sum += linear_of_srgb(lower[0]);
			sum += linear_of_srgb(lower[3]);
			assert_int_equal(whole_image[0][y * (WIDTH + GAP) * 3 + k],
					 linear_to_srgb((sum + 2) / 4));
		}
}

struct patience {
	unsigned calls, calls_most;
	uint64_t last, step_most;
};

static bool is_patient(void *context, uint64_t iterations)
{
	struct patience *patience = context;
	const uint64_t step = iterations - patience->last;
	patience->last = iterations;
	patience->step_most = step > patience->step_most ? step : patience->step_most;
	return ++patience->calls <= patience->calls_most;
}

static void test_cancel(void **state)
{
	(void)state;
	static uint8_t rgb[WIDTH * HEIGHT * 3];
	const struct rect all = {0, 0, WIDTH, HEIGHT};
	void *const planes[PLANES_MAX] = {rgb};
	const size_t strides[PLANES_MAX] = {WIDTH * 3};
	struct patience patience = {.calls_most = 3};
	const struct render_progress progress = {is_patient, &patience};
	uint64_t iterations = 77;
	job_for(FORMAT_RGB8, LIMIT_SAMPLES, COLOUR_SMOOTH, best_kernel());
	memset(rgb, CANARY, sizeof rgb);
	assert_int_equal(render_rect(&job, &all, planes, strides, &progress, &iterations),
			 BROT_E_CANCELLED);
	assert_int_equal(patience.calls, 4);
	assert_int_equal(iterations, 77);
	/* Three chunks of at most 128 pixels, which is two rows; no more. */
	size_t touched = sizeof rgb;
	while (touched > 0 && rgb[touched - 1] == CANARY)
		touched--;
	assert_true(touched > 0 && touched <= (size_t)3 * 2 * WIDTH * 3);

	/* The work between two questions is bounded, whatever the limit. */
	request.iterations = 10000000;
	memcpy(request.view.re.text, "-0.1", 5);
	memcpy(request.view.im.text, "0.1", 4);
	memcpy(request.view.width.text, "1e-3", 5);
	request.samples = 1;
	assert_int_equal(render_job_make(&request, best_kernel(), &job, NULL), BROT_OK);
	patience = (struct patience){.calls_most = 1};
	assert_int_equal(render_rect(&job, &all, planes, strides, &progress, &iterations),
			 BROT_E_CANCELLED);
	assert_true(patience.step_most > 0 && patience.step_most < 1u << 27);
}

static void test_refused(void **state)
{
	(void)state;
	struct brot_error err;
	job_for(FORMAT_RGB8, 1, COLOUR_SMOOTH, best_kernel());
	memcpy(request.view.width.text, "1e-16", 6);
	assert_int_equal(render_job_make(&request, best_kernel(), &job, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "too deep"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),          cmocka_unit_test(test_values),
		cmocka_unit_test(test_cuts_of_modes), cmocka_unit_test(test_samples),
		cmocka_unit_test(test_cancel),        cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
