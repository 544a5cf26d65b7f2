/*
 * print_counts.c - prints the points and counts of a small view, for test_ground_truth.py.
 *
 * print_counts KERNEL PRECISION FORMULA POWER C_RE C_IM SHORTCUTS RE IM WIDTH ROTATE W H N: a line
 * "re im n whole fraction" for each pixel, row by row; reals as hexadecimal floats. The last line
 * is "total" and the iterations done. With `inside` as a last argument it prints how many pixels of
 * the view, which may be large, are inside. Status 77: this CPU lacks the kernel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/kernel/kernel.h"

#define PIXELS_MAX 65536

static uint32_t iterations[PIXELS_MAX], whole[PIXELS_MAX];
static float fraction[PIXELS_MAX];
static struct request request;
static struct point_frame frame;
static escape_fn *escape;

static void decimal_set(struct decimal_text *decimal, const char *text)
{
	(void)snprintf(decimal->text, sizeof decimal->text, "%s", text);
}

/* The task of the rows from y on, as many as fit. */
static struct escape_task task_at(uint32_t y)
{
	const uint32_t w = frame.columns, fit = PIXELS_MAX / w, left = frame.rows - y;
	return (struct escape_task){
		.frame = &frame,
		.y = y,
		.w = w,
		.h = left < fit ? left : fit,
		.limit = request.iterations,
		.is_julia = request.formula == FORMULA_JULIA,
		.c_re = strtod(request.c_re.text, NULL),
		.c_im = strtod(request.c_im.text, NULL),
		.has_shortcuts = request.has_shortcuts,
		.iterations = iterations,
		.iterations_stride = w,
	};
}

static void counts_print(void)
{
	const uint32_t w = frame.columns;
	struct escape_task task = task_at(0);
	uint64_t total = 0;
	task.whole = whole;
	task.whole_stride = w;
	task.fraction = fraction;
	task.fraction_stride = w;
	(void)escape(&task, &total);
	for (uint32_t y = 0; y < task.h; y++) {
		const struct point_row row = point_row_of(&frame, y);
		for (uint32_t x = 0; x < w; x++) {
			double re, im;
			const size_t i = (size_t)y * w + x;
			point_of(&frame, &row, x, &re, &im);
			printf("%a %a %" PRIu32 " %" PRIu32 " %a\n", re, im, iterations[i],
			       whole[i], (double)fraction[i]);
		}
	}
	printf("total %" PRIu64 "\n", total);
}

static void inside_print(void)
{
	uint64_t inside = 0, total;
	for (uint32_t y = 0; y < frame.rows;) {
		const struct escape_task task = task_at(y);
		(void)escape(&task, &total);
		for (size_t i = 0; i < (size_t)task.w * task.h; i++)
			inside += iterations[i] == 0;
		y += task.h;
	}
	printf("inside %" PRIu64 "\n", inside);
}

int main(int argc, char **argv)
{
	struct brot_error err = {0};
	const struct kernel *kernel;
	const bool is_sum = argc == 16 && strcmp(argv[15], "inside") == 0;
	if (argc != 15 && !is_sum) {
		fprintf(stderr, "usage: print_counts KERNEL PRECISION FORMULA POWER C_RE C_IM "
				"SHORTCUTS RE IM WIDTH ROTATE W H N [inside]\n");
		return EXIT_FAILURE;
	}
	request.precision = strcmp(argv[2], "f32") == 0 ? PRECISION_F32 : PRECISION_F64;
	request.power = (uint32_t)strtoul(argv[4], NULL, 10);
	decimal_set(&request.c_re, argv[5]);
	decimal_set(&request.c_im, argv[6]);
	request.has_shortcuts = strcmp(argv[7], "1") == 0;
	decimal_set(&request.view.re, argv[8]);
	decimal_set(&request.view.im, argv[9]);
	decimal_set(&request.view.width, argv[10]);
	request.view.rotate_deg = strtod(argv[11], NULL);
	request.width_px = (uint32_t)strtoul(argv[12], NULL, 10);
	request.height_px = (uint32_t)strtoul(argv[13], NULL, 10);
	request.iterations = (uint32_t)strtoul(argv[14], NULL, 10);
	request.samples = 1;
	const uint64_t pixels = (uint64_t)request.width_px * request.height_px;
	if (request.width_px > PIXELS_MAX || (!is_sum && pixels > PIXELS_MAX)) {
		fprintf(stderr, "print_counts: at most %d pixels\n", PIXELS_MAX);
		return EXIT_FAILURE;
	}
	if (!formula_by_name(argv[3], &request.formula)) {
		fprintf(stderr, "print_counts: there is no formula %s\n", argv[3]);
		return EXIT_FAILURE;
	}
	if (kernel_by_name(argv[1], &kernel, &err) != BROT_OK ||
	    point_frame_make(&request, &frame, &err) != BROT_OK) {
		fprintf(stderr, "print_counts: %s\n", err.text);
		return err.code == BROT_E_USAGE ? 77 : EXIT_FAILURE;
	}
	escape = kernel->escape[request.precision][kernel_step(&request)];
	if (is_sum)
		inside_print();
	else
		counts_print();
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
