/* test_zoom.c - cells that are left out, and samplings that agree in the mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "worker/buddha/buddha.h"

#define SIDE_PX 16

static struct buddha_setup setup_of(double re, double im, double width, uint32_t iterations)
{
	return (struct buddha_setup){
		.frame = {.re = re,
			  .im = im,
			  .cos = 1,
			  .step_re = width / (2 * SIDE_PX),
			  .step_im = width / (2 * SIDE_PX),
			  .columns = SIDE_PX,
			  .rows = SIDE_PX},
		.is_mirrored = im == 0,
		.iterations = iterations,
		.has_shortcuts = true,
		.buddha = {.points = 1ull << 40,
			   .seed = 5,
			   .channels = 1,
			   .bands = {{1, iterations}}},
	};
}

static const struct kernel *best_kernel(void)
{
	size_t i = 0;
	while (!kernel_at(i)->supported())
		i++;
	return kernel_at(i);
}

static struct buddha_job *job_of(const struct buddha_setup *setup)
{
	struct buddha_job *job = NULL;
	struct brot_error err;
	assert_int_equal(buddha_job_compile(setup, best_kernel(), &job, &err), BROT_OK);
	return job;
}

/* Samples in cells that are left out add nothing, and some are left out. Cells near the edge of
 * what is known are looked at most. */
static void cells_without_interest_add_nothing(const struct buddha_setup *setup, double least_share)
{
	struct buddha_job *job = job_of(setup);
	uint64_t counts[SIDE_PX * SIDE_PX] = {0};
	uint64_t skipped = 0;
	assert_non_null(job->cells);
	for (uint64_t k = 0; k < 200000; k++) {
		const struct sample sample = sampler_at(&job->sampler, k);
		if (!cells_has(job->cells, sample.re, sample.im))
			continue;
		skipped++;
		buddha_count(job, k, 1, counts);
	}
	for (size_t i = 0; i < SIDE_PX * SIDE_PX; i++)
		assert_int_equal(counts[i], 0);
	if ((double)skipped < least_share * 200000)
		fail_msg("only %llu of 200000 are left out", (unsigned long long)skipped);
	buddha_job_free(job);
}

static void cells_are_left_out_where_nothing_is(void **state)
{
	(void)state;
	struct buddha_setup setup = setup_of(0, 0, 4, 1000);
	struct buddha_job *whole = job_of(&setup);
	assert_null(whole->cells); /* too few are worth a look */
	buddha_job_free(whole);
	setup.buddha.bands[0].min = 30;
	cells_without_interest_add_nothing(&setup, 0.9);
	setup = setup_of(-0.2, 0.7, 0.1, 300);
	cells_without_interest_add_nothing(&setup, 0.5);
	setup.is_turned = true;
	setup.frame.cos = 0.8;
	setup.frame.sin = 0.6;
	cells_without_interest_add_nothing(&setup, 0.5);
	setup = setup_of(0, 0, 4, 200);
	setup.buddha.is_inside = true;
	cells_without_interest_add_nothing(&setup, 0.85);
	setup = setup_of(-0.5, 0, 0.05, 200);
	setup.buddha.is_inside = true;
	cells_without_interest_add_nothing(&setup, 0.85);
}

static double total_of(const struct buddha_setup *setup, uint64_t points)
{
	struct buddha_job *job = job_of(setup);
	struct grid_layout layout;
	static const uint8_t nonce[MESSAGE_NONCE_BYTES] = {1};
	assert_true(buddha_job_layout(job, 1, GRID_WRAP, &layout));
	void *memory = calloc(1, layout.total_bytes);
	assert_non_null(memory);
	grid_header_write(memory, &layout, 1, nonce, 0, 0, 0);
	const struct grid grid = grid_view(memory, &layout), *one = &grid;
	struct grid_locks *locks = grid_locks_make(&layout);
	struct scatter *scatter = scatter_make(&grid, locks, buddha_job_is_weighted(job));
	uint64_t iterations, counts[SIDE_PX * SIDE_PX];
	assert_true(buddha_run(job, 0, points, scatter, NULL, &iterations));
	scatter_flush(scatter);
	grid_image_rows(&one, 1, 0, SIDE_PX, counts);
	double total = 0;
	for (size_t i = 0; i < SIDE_PX * SIDE_PX; i++)
		total += (double)counts[i];
	/* What a sample of weight 1 stands for, of the upper half. */
	double share = 1.0 / (double)points;
	if (job->sampler.zoom != NULL)
		share *= (double)job->sampler.zoom->slots /
			 ldexp(1, 2 * ZOOM_LEVEL_MAX - 1 + ZOOM_DENSITY);
	scatter_free(scatter);
	grid_locks_free(locks);
	free(memory);
	buddha_job_free(job);
	return total * share;
}

/* The same seed every time: this passes or fails for good. */
static void samplings_agree_in_the_mean(void **state)
{
	(void)state;
	/* centre, width, and what the noise of the rarer hits may come to */
	static const double views[][4] = {
		{0, 0, 4, 0.01}, {-0.6, 0.5, 0.4, 0.03}, {-1.25, 0, 0.1, 0.06}};
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
		for (int is_inside = 0; is_inside < 2; is_inside++) {
			struct buddha_setup setup = setup_of(views[i][0], views[i][1], views[i][2],
							     100);
			setup.buddha.is_inside = is_inside;
			const double random = total_of(&setup, 4000000);
			setup.buddha.sampling = SAMPLING_ZOOM;
			const double zoom = total_of(&setup, 1000000);
			if (!(fabs(zoom / random - 1) < views[i][3]))
				fail_msg("view %zu inside %d: %g by zoom, %g by random", i,
					 is_inside, zoom, random);
		}
}

static void leaves_are_apart_and_complete(void **state)
{
	(void)state;
	const struct buddha_setup random = setup_of(-0.6, 0.5, 0.04, 500);
	struct buddha_setup setup = random;
	setup.buddha.sampling = SAMPLING_ZOOM;
	struct buddha_job *job = job_of(&setup), *with_cells = job_of(&random);
	const struct zoom *zoom = job->sampler.zoom;
	const size_t units = (size_t)1 << (2 * ZOOM_LEVEL_MAX - 1);
	const uint32_t columns = 1u << ZOOM_LEVEL_MAX;
	uint8_t *seen = calloc(units, 1);
	assert_non_null(seen);
	uint64_t slots = 0;
	for (uint32_t i = 0; i < zoom->count; i++) {
		const struct zoom_leaf leaf = zoom->leaves[i];
		const uint32_t size = 1u << (ZOOM_LEVEL_MAX - leaf.level);
		assert_in_range(leaf.level, ZOOM_LEVEL_MIN, ZOOM_LEVEL_MAX);
		assert_in_range(leaf.density, 0, ZOOM_DENSITY);
		slots += (uint64_t)size * size << leaf.density;
		for (uint32_t y = leaf.row * size; y < (leaf.row + 1u) * size; y++)
			for (uint32_t x = leaf.column * size; x < (leaf.column + 1u) * size; x++) {
				assert_int_equal(seen[(size_t)y * columns + x], 0);
				seen[(size_t)y * columns + x] = 1;
			}
	}
	assert_int_equal(slots, zoom->slots);
	const uint32_t shrink = columns / CELLS_COLUMNS;
	for (uint32_t y = 0; y < columns / 2; y++)
		for (uint32_t x = 0; x < columns; x++)
			if (seen[(size_t)y * columns + x] == 0)
				assert_true(
					cells_is_marked(with_cells->cells, x / shrink, y / shrink));
	free(seen);
	buddha_job_free(job);
	buddha_job_free(with_cells);
}

/* Adding points to a picture must go on with the same samples. */
static void zoom_is_the_same_for_any_points(void **state)
{
	(void)state;
	struct buddha_setup setup = setup_of(-0.6, 0.5, 0.04, 500);
	setup.buddha.sampling = SAMPLING_ZOOM;
	struct buddha_job *a = job_of(&setup);
	setup.buddha.points = 10;
	setup.buddha.first = 1000;
	setup.has_shortcuts = false;
	struct buddha_job *b = job_of(&setup);
	for (uint64_t k = 0; k < 10000; k++) {
		const struct sample x = sampler_at(&a->sampler, k), y = sampler_at(&b->sampler, k);
		assert_true(x.re == y.re && x.im == y.im && x.weight_log2 == y.weight_log2);
	}
	buddha_job_free(a);
	buddha_job_free(b);
}

/* A view that no orbit reaches. */
static void an_empty_view_has_samples_too(void **state)
{
	(void)state;
	struct buddha_setup setup = setup_of(30, 30, 1, 100);
	setup.buddha.sampling = SAMPLING_ZOOM;
	assert_true(total_of(&setup, 10000) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_are_left_out_where_nothing_is),
		cmocka_unit_test(samplings_agree_in_the_mean),
		cmocka_unit_test(leaves_are_apart_and_complete),
		cmocka_unit_test(zoom_is_the_same_for_any_points),
		cmocka_unit_test(an_empty_view_has_samples_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
