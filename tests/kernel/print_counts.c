/*
 * print_counts.c - prints the points and counts of a small view, for test_ground_truth.py.
 *
 * print_counts RE IM WIDTH ROTATE W H N KERNEL: a line "re im n whole fraction" for each pixel, row
 * by row; reals as hexadecimal floats. The last line is "total" and the iterations done.
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

static void decimal_set(struct decimal_text *decimal, const char *text)
{
	(void)snprintf(decimal->text, sizeof decimal->text, "%s", text);
}

static int view_print(const struct kernel *kernel, const struct point_frame *frame)
{
	const uint32_t w = frame->columns, h = frame->rows;
	const struct escape_task task = {
		.frame = frame,
		.w = w,
		.h = h,
		.limit = request.iterations,
		.iterations = iterations,
		.iterations_stride = w,
		.whole = whole,
		.whole_stride = w,
		.fraction = fraction,
		.fraction_stride = w,
	};
	const uint64_t total = kernel->escape[FORMULA_MANDELBROT](&task);
	for (uint32_t y = 0; y < h; y++) {
		const struct point_row row = point_row_of(frame, y);
		for (uint32_t x = 0; x < w; x++) {
			double re, im;
			const size_t i = (size_t)y * w + x;
			point_of(frame, &row, x, &re, &im);
			printf("%a %a %" PRIu32 " %" PRIu32 " %a\n", re, im, iterations[i],
			       whole[i], (double)fraction[i]);
		}
	}
	printf("total %" PRIu64 "\n", total);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct brot_error err;
	const struct kernel *kernel;
	struct point_frame frame;
	if (argc != 9) {
		fprintf(stderr, "usage: print_counts RE IM WIDTH ROTATE W H N KERNEL\n");
		return EXIT_FAILURE;
	}
	decimal_set(&request.view.re, argv[1]);
	decimal_set(&request.view.im, argv[2]);
	decimal_set(&request.view.width, argv[3]);
	request.view.rotate_deg = strtod(argv[4], NULL);
	request.width_px = (uint32_t)strtoul(argv[5], NULL, 10);
	request.height_px = (uint32_t)strtoul(argv[6], NULL, 10);
	request.iterations = (uint32_t)strtoul(argv[7], NULL, 10);
	request.samples = 1;
	if ((uint64_t)request.width_px * request.height_px > PIXELS_MAX) {
		fprintf(stderr, "print_counts: at most %d pixels\n", PIXELS_MAX);
		return EXIT_FAILURE;
	}
	if (kernel_select(argv[8], &kernel, &err) != BROT_OK ||
	    point_frame_make(&request, &frame, &err) != BROT_OK) {
		fprintf(stderr, "print_counts: %s\n", err.text);
		return err.code == BROT_E_USAGE ? 77 : EXIT_FAILURE;
	}
	return view_print(kernel, &frame);
}
