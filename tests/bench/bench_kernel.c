/*
 * bench_kernel.c - the speed of each kernel variant beside a plain scalar loop.
 *
 * Prints G iterations/s and the ratio to the plain loop of the same run, for views from short to
 * long orbits and one that is all inside. Each figure is the best of a few runs, taken in turn so
 * that a slow spell of the machine strikes all alike.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "worker/kernel/kernel.h"

#define REPEATS      4
#define KERNELS_MAX  8
#define VIEW_WIDTH   512
#define VIEW_HEIGHT  256
#define VIEW_SAMPLES ((size_t)VIEW_WIDTH * VIEW_HEIGHT)

static const struct bench_view {
	const char *name;
	double re, im, width;
	uint32_t limit;
} bench_views[] = {
	{"all inside", -0.1, 0.1, 0.01, 1000},
	{"whole set", -0.7, 0.0, 3.0, 500},
	{"seahorse 3e-3", -0.743643887037151, 0.131825904205330, 3e-3, 5000},
	{"seahorse 3e-5", -0.743643887037151, 0.131825904205330, 3e-5, 5000},
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What one would write first: no fused multiply-add, one sample after the other. */
static uint64_t escape_plain(const struct escape_task *task)
{
	uint64_t total = 0;
	for (uint32_t row = 0; row < task->h; row++) {
		const struct point_row shared = point_row_of(task->frame, task->y + row);
		for (uint32_t column = 0; column < task->w; column++) {
			double cr, ci, x = 0.0, y = 0.0;
			uint32_t n = 0;
			point_of(task->frame, &shared, task->x + column, &cr, &ci);
			while (x * x + y * y <= 4.0 && n < task->limit) {
				const double t = x * x - y * y + cr;
				y = 2.0 * x * y + ci;
				x = t;
				n++;
			}
			task->iterations[row * task->iterations_stride + column] = n;
			total += n;
		}
	}
	return total;
}

static double speed(escape_fn *escape, const struct escape_task *task)
{
	const double start = now_s();
	const uint64_t total = escape(task);
	return (double)total * 1e-9 / (now_s() - start);
}

static void bench_view_run(const struct bench_view *view, bool is_smooth, uint32_t *numbers,
			   float *fraction)
{
	const double step = view->width / (2.0 * VIEW_WIDTH);
	const struct point_frame frame = {
		.re = view->re,
		.im = view->im,
		.step_re = step,
		.step_im = step,
		.cos = 1.0,
		.sin = 0.0,
		.columns = VIEW_WIDTH,
		.rows = VIEW_HEIGHT,
	};
	struct escape_task task = {.frame = &frame,
				   .w = VIEW_WIDTH,
				   .h = VIEW_HEIGHT,
				   .limit = view->limit,
				   .iterations = numbers,
				   .iterations_stride = VIEW_WIDTH};
	double plain = 0.0, best[KERNELS_MAX] = {0};
	for (int repeat = 0; repeat < REPEATS; repeat++) {
		task.iterations = numbers;
		task.whole = NULL;
		const double s = speed(escape_plain, &task);
		plain = s > plain ? s : plain;
		if (is_smooth) {
			task.iterations = NULL;
			task.whole = numbers;
			task.fraction = fraction;
			task.whole_stride = task.fraction_stride = VIEW_WIDTH;
		}
		const struct kernel *kernel;
		for (size_t i = 0; i < KERNELS_MAX && (kernel = kernel_at(i)) != NULL; i++) {
			/* The reference is slow and steady: once is enough. */
			if (!kernel->supported() || (kernel->lanes == 1 && repeat > 0))
				continue;
			const double k = speed(kernel->escape[FORMULA_MANDELBROT], &task);
			best[i] = k > best[i] ? k : best[i];
		}
	}
	printf("%-14s %-10s plain %6.3f", view->name, is_smooth ? "smooth" : "iterations", plain);
	const struct kernel *kernel;
	for (size_t i = 0; i < KERNELS_MAX && (kernel = kernel_at(i)) != NULL; i++)
		if (best[i] > 0.0)
			printf("   %s %6.3f = %5.2fx", kernel->name, best[i], best[i] / plain);
	putchar('\n');
}

int main(void)
{
	uint32_t *numbers = malloc(VIEW_SAMPLES * sizeof *numbers);
	float *fraction = malloc(VIEW_SAMPLES * sizeof *fraction);
	if (numbers == NULL || fraction == NULL)
		return EXIT_FAILURE;
	printf("G iterations/s, and the ratio to a plain scalar loop\n");
	for (size_t i = 0; i < sizeof bench_views / sizeof bench_views[0]; i++) {
		bench_view_run(&bench_views[i], false, numbers, fraction);
		bench_view_run(&bench_views[i], true, numbers, fraction);
	}
	free(fraction);
	free(numbers);
	return EXIT_SUCCESS;
}
