/*
 * print_buddha.c - prints the counts of a Buddhabrot, for test_buddha.py.
 *
 * usage: print_buddha KERNEL WIDTH HEIGHT RE IM EXTENT DEGREES ITERATIONS SHORTCUTS SAMPLING SEED
 *                     FIRST COUNT INSIDE MIN MAX [MIN MAX MIN MAX]
 * RE, IM and EXTENT are doubles, EXTENT the width of the view; pixels are square. SAMPLING is
 * random, or grid, of which COUNT are all; SHORTCUTS and INSIDE are 0 or 1. One line a row and
 * channel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/buddha/buddha.h"

#define WORDS 17

static uint32_t number(const char *word)
{
	return (uint32_t)strtoul(word, NULL, 10);
}

static struct buddha_setup setup_of(int argc, char **argv)
{
	const uint32_t width = number(argv[2]);
	const double step = strtod(argv[6], NULL) / (2.0 * width), degrees = strtod(argv[7], NULL);
	struct buddha_setup setup = {
		.frame = {.re = strtod(argv[4], NULL),
			  .im = strtod(argv[5], NULL),
			  .step_re = step,
			  .step_im = step,
			  .columns = width,
			  .rows = number(argv[3])},
		.is_turned = degrees != 0,
		.iterations = number(argv[8]),
		.has_shortcuts = number(argv[9]) != 0,
		.buddha = {.sampling = strcmp(argv[10], "grid") == 0 ? SAMPLING_GRID
								     : SAMPLING_RANDOM,
			   .seed = strtoull(argv[11], NULL, 10),
			   .first = strtoull(argv[12], NULL, 10),
			   .points = strtoull(argv[13], NULL, 10),
			   .is_inside = number(argv[14]) != 0},
	};
	point_rotation(degrees, &setup.frame.cos, &setup.frame.sin);
	setup.is_mirrored = setup.frame.im == 0 && degrees == 0;
	for (int i = WORDS - 2; i + 1 < argc; i += 2)
		setup.buddha.bands[setup.buddha.channels++] = (struct buddha_band){
			number(argv[i]), number(argv[i + 1])};
	return setup;
}

static void print(const struct buddha_job *job, const struct grid *grid)
{
	const size_t row = job->width_px;
	uint64_t *counts = calloc(row * job->height_px * job->channels, sizeof *counts);
	if (counts == NULL)
		exit(EXIT_FAILURE);
	grid_image_rows(&grid, 1, 0, job->height_px, counts);
	for (size_t y = 0; y < (size_t)job->height_px * job->channels; y++)
		for (size_t x = 0; x < row; x++)
			printf("%llu%c", (unsigned long long)counts[y * row + x],
			       x + 1 < row ? ' ' : '\n');
	free(counts);
}

int main(int argc, char **argv)
{
	const struct kernel *kernel;
	struct buddha_job *job;
	struct grid_layout layout;
	struct brot_error err;
	uint64_t iterations;
	if (argc < WORDS || argc > WORDS + 4)
		return EXIT_FAILURE;
	if (kernel_by_name(argv[1], &kernel, &err) != BROT_OK)
		return 2;
	const struct buddha_setup setup = setup_of(argc, argv);
	if (buddha_job_compile(&setup, kernel, &job, &err) != BROT_OK ||
	    !buddha_job_layout(job, 1, 1000, &layout))
		return EXIT_FAILURE;
	void *memory = calloc(1, layout.total_bytes);
	if (memory == NULL)
		return EXIT_FAILURE;
	const struct grid grid = grid_view(memory, &layout);
	struct grid_locks *locks = grid_locks_make(&layout);
	struct scatter *scatter = scatter_make(&grid, locks, buddha_job_is_weighted(job));
	if (scatter == NULL ||
	    !buddha_run(job, setup.buddha.first, setup.buddha.points, scatter, NULL, &iterations))
		return EXIT_FAILURE;
	scatter_flush(scatter);
	print(job, &grid);
	scatter_free(scatter);
	grid_locks_free(locks);
	free(memory);
	buddha_job_free(job);
	return EXIT_SUCCESS;
}
