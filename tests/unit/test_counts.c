/* test_counts.c - what a worker counts samples into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "worker/counts.h"
#include "worker/fault.h"

#define WIDTH  40
#define HEIGHT 31
#define POINTS 200000

static struct request some_request(void)
{
	struct request request;
	request_init(&request);
	strcpy(request.view.im.text, "0.01");
	request.kind = KIND_BUDDHABROT;
	request.format = FORMAT_DENSITY;
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.iterations = 100;
	request.buddha = (struct buddha){.points = POINTS, .channels = 1, .bands = {{1, 100}}};
	return request;
}

static struct samples *samples_of(const struct request *request)
{
	struct samples *samples;
	struct brot_error err;
	const struct kernel *kernel;
	assert_int_equal(kernel_by_name("scalar", &kernel, &err), BROT_OK);
	if (samples_make(request, kernel, &samples, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return samples;
}

static struct counts *counts_of(struct samples *samples)
{
	struct grid_layout layout;
	assert_true(samples_layout(samples, GRID_WRAP, &layout));
	struct counts *counts = counts_new(samples, &layout, NULL);
	assert_non_null(counts);
	return counts;
}

static void run(struct counts *counts, uint32_t first, uint32_t count)
{
	uint64_t iterations = 0;
	struct brot_error err = {0};
	if (counts_run(counts, first, count, NULL, &iterations, &err) != BROT_OK)
		fail_msg("%s", err.text);
	assert_true(iterations > 0);
}

/* Whatever the order, and whatever else was compiled. */
static void segments_make_up_the_whole(void **state)
{
	(void)state;
	struct request request = some_request();
	struct samples *samples = samples_of(&request);
	uint32_t segments = samples_segments(samples);
	uint64_t whole[WIDTH * HEIGHT], parts[WIDTH * HEIGHT], sum = 0;
	assert_in_range(segments, 3, 100);
	struct counts *a = counts_of(samples), *b = counts_of(samples);
	assert_int_equal(counts_row_bytes(a), WIDTH * 8);
	run(a, 0, segments);
	for (uint32_t i = segments; i > 0; i--)
		run(b, i - 1, 1);
	assert_int_equal(counts_rows(a, 0, HEIGHT, whole, NULL), BROT_OK);
	assert_int_equal(counts_rows(b, 0, HEIGHT, parts, NULL), BROT_OK);
	assert_memory_equal(whole, parts, sizeof whole);
	for (size_t i = 0; i < WIDTH * HEIGHT; i++)
		sum += whole[i];
	assert_true(sum > POINTS / 10);
	counts_free(a);
	counts_free(b);
	samples_leave(samples);
}

static bool never(void *context, uint64_t iterations)
{
	(void)context;
	(void)iterations;
	return false;
}

static void a_tile_that_ends_in_the_middle_taints_its_grid(void **state)
{
	(void)state;
	struct request request = some_request();
	request.iterations = 2000000;
	request.has_shortcuts = false;
	request.buddha.is_inside = false;
	request.buddha.bands[0].max = request.iterations;
	struct samples *samples = samples_of(&request);
	struct counts *counts = counts_of(samples), *other = counts_of(samples);
	const struct escape_poll poll = {never, NULL};
	uint64_t iterations, row[WIDTH];
	struct brot_error err = {0};
	assert_int_equal(counts_run(counts, 0, 1, &poll, &iterations, &err), BROT_E_CANCELLED);
	assert_int_equal(counts_run(counts, 1, 1, NULL, &iterations, &err), BROT_E_SYSTEM);
	assert_string_equal(err.text, "grid: an earlier tile in it ended in the middle");
	assert_int_equal(counts_rows(counts, 0, 1, row, &err), BROT_E_SYSTEM);
	/* Others are none the worse for it. */
	assert_int_equal(counts_rows(other, 0, 1, row, &err), BROT_OK);
	counts_free(counts);
	counts_free(other);
	samples_leave(samples);
}

static void samples_are_shared_by_those_of_one_request(void **state)
{
	(void)state;
	struct request request = some_request(), longer = request;
	struct samples *samples = samples_of(&request);
	longer.iterations++;
	assert_true(samples_are_of(samples, &request));
	assert_false(samples_are_of(samples, &longer));
	struct counts *counts = counts_of(samples);
	samples_leave(samples);
	run(counts, 0, 1); /* they are still there */
	counts_free(counts);
	counts_free(NULL);
	samples_leave(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_make_up_the_whole),
		cmocka_unit_test(a_tile_that_ends_in_the_middle_taints_its_grid),
		cmocka_unit_test(samples_are_shared_by_those_of_one_request),
	};
	return fault_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
