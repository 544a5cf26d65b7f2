#include "tests/bench/bench_plain.h"

#include <assert.h>

static inline uint32_t plain_point(double cr, double ci, uint32_t limit)
{
	double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0;
	for (uint32_t n = 1; n <= limit; n++) {
		y = 2.0 * x * y + ci;
		x = xx - yy + cr;
		xx = x * x;
		yy = y * y;
		if (xx + yy > 4.0)
			return n;
	}
	return 0;
}

/* Rows of a frame that is not rotated have the same re, and a row one im. */
static double plain_points(const struct point_frame *frame, uint32_t row,
			   double ret_re[PLAIN_COLUMNS_MAX])
{
	const struct point_row shared = point_row_of(frame, row);
	double im = 0.0;
	assert(frame->sin == 0.0 && frame->columns <= PLAIN_COLUMNS_MAX);
	for (uint32_t column = 0; column < frame->columns; column++)
		point_of(frame, &shared, column, &ret_re[column], &im);
	return im;
}

uint64_t plain_row(const struct point_frame *frame, uint32_t row, uint32_t limit,
		   uint32_t *ret_iterations)
{
	double re[PLAIN_COLUMNS_MAX];
	const double im = plain_points(frame, row, re);
	uint64_t done = 0;
	for (uint32_t column = 0; column < frame->columns; column++) {
		const uint32_t n = plain_point(re[column], im, limit);
		ret_iterations[column] = n;
		done += n == 0 ? limit : n;
	}
	return done;
}

uint64_t plain_bitmap_row(const struct point_frame *frame, uint32_t row, uint32_t limit,
			  uint8_t *ret_bits)
{
	double re[PLAIN_COLUMNS_MAX];
	const double im = plain_points(frame, row, re);
	uint64_t done = 0;
	for (uint32_t column = 0; column < frame->columns; column += 8) {
		unsigned bits = 0;
		for (uint32_t k = 0; k < 8; k++) {
			const uint32_t n = plain_point(re[column + k], im, limit);
			bits = bits << 1 | (n == 0);
			done += n == 0 ? limit : n;
		}
		ret_bits[column / 8] = (uint8_t)bits;
	}
	return done;
}
