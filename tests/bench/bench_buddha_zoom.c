/*
 * bench_buddha_zoom.c - the noise of a zoomed view by `zoom` and by `random`, after equal times.
 *
 * Noise is the root of the mean variance of a pixel's count between runs of different seeds, by the
 * mean count. Four times as many samples halve it, so its ratio squared is one of times.
 */
#include "tests/bench/bench_buddha.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench_measure.h"
#include "worker/buddha/buddha.h"

#define SIDE_PX 64
#define PIXELS  (SIDE_PX * SIDE_PX)
#define SEEDS   4
#define PIECE   (1u << 17) /* samples between two looks at the clock */

struct view_row {
	const char *name;
	double re, im, width;
};

static const struct view_row views[] = {
	{"-0.6 + 0.5 i, 1/10 wide", -0.6, 0.5, 0.4},
	{"-0.6 + 0.5 i, 1/100 wide", -0.6, 0.5, 0.04},
	{"-1.25, 1/10 wide", -1.25, 0, 0.4},
	{"-1.25, 1/100 wide", -1.25, 0, 0.04},
};

static struct buddha_setup setup_of(const struct view_row *view)
{
	const double step = view->width / (2 * SIDE_PX);
	return (struct buddha_setup){
		.frame = {.re = view->re,
			  .im = view->im,
			  .cos = 1,
			  .step_re = step,
			  .step_im = step,
			  .columns = SIDE_PX,
			  .rows = SIDE_PX},
		.is_mirrored = view->im == 0,
		.iterations = 1000,
		.has_shortcuts = true,
		.buddha = {.points = 1ull << 40, .channels = 1, .bands = {{1, 1000}}},
	};
}

/* Counts for so long; the counts over their mean. Returns what the job took to make. */
static double counts_of(const struct buddha_setup *setup, const struct kernel *kernel,
			double seconds, double *ret_counts)
{
	struct buddha_job *job;
	struct grid_layout layout;
	const double make_s = time_s();
	if (buddha_job_compile(setup, kernel, &job, NULL) != BROT_OK ||
	    !buddha_job_layout(job, 1, GRID_WRAP, &layout))
		exit(EXIT_FAILURE);
	const double start_s = time_s();
	void *memory = allocate(layout.total_bytes);
	memset(memory, 0, layout.total_bytes);
	const struct grid grid = grid_view(memory, &layout), *one = &grid;
	struct grid_locks *locks = grid_locks_make(&layout);
	struct scatter *scatter = scatter_make(&grid, locks, buddha_job_is_weighted(job));
	uint64_t iterations, counts[PIXELS];
	for (uint64_t k = 0; time_s() - start_s < seconds; k += PIECE)
		(void)buddha_run(job, k, PIECE, scatter, NULL, &iterations);
	scatter_flush(scatter);
	grid_image_rows(&one, 1, 0, SIDE_PX, counts);
	double sum = 0;
	for (int i = 0; i < PIXELS; i++)
		sum += (double)counts[i];
	for (int i = 0; i < PIXELS; i++)
		ret_counts[i] = (double)counts[i] * PIXELS / sum;
	scatter_free(scatter);
	grid_locks_free(locks);
	free(memory);
	buddha_job_free(job);
	return start_s - make_s;
}

static double noise_of(struct buddha_setup *setup, const struct kernel *kernel, double seconds,
		       double *ret_make_s)
{
	static double counts[SEEDS][PIXELS];
	double variance = 0;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		setup->buddha.seed = seed;
		*ret_make_s = counts_of(setup, kernel, seconds, counts[seed]);
	}
	for (int i = 0; i < PIXELS; i++) {
		double mean = 0;
		for (int s = 0; s < SEEDS; s++)
			mean += counts[s][i] / SEEDS;
		for (int s = 0; s < SEEDS; s++)
			variance += (counts[s][i] - mean) * (counts[s][i] - mean) / (SEEDS - 1);
	}
	return sqrt(variance / PIXELS);
}

void bench_zoom(bool is_markdown, const struct kernel *kernel, double seconds)
{
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
		struct buddha_setup setup = setup_of(&views[i]);
		struct table_row row = {0};
		double make_s;
		setup.buddha.sampling = SAMPLING_RANDOM;
		const double random = noise_of(&setup, kernel, seconds, &make_s);
		setup.has_shortcuts = false;
		const double plain = noise_of(&setup, kernel, seconds, &make_s);
		setup.has_shortcuts = true;
		setup.buddha.sampling = SAMPLING_ZOOM;
		const double zoom = noise_of(&setup, kernel, seconds, &make_s);
		const double gain = random / zoom, plain_gain = plain / zoom;
		table_cell(row.what, "zoom at %s", views[i].name);
		table_cell(row.figure, "%.2f of random's noise, as for %.1f x the time",
			   zoom / random, gain * gain);
		table_cell(row.beside, "without shortcuts %.1f x; pilot %.2f s",
			   plain_gain * plain_gain, make_s);
		table_print(is_markdown, &row);
	}
}
