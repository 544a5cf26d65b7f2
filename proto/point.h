/*
 * point.h - converts a request's view to f64 and a sample of it to a point of the plane.
 *
 * This is the only place where coordinates pass from decimal text to double. The samples of an
 * image form a grid of (samples x width_px) columns and (samples x height_px) rows, row 0 on top:
 * sub-sample (a, b) of pixel (i, j) is column samples * i + a, row samples * j + b. A sample's
 * point depends on its column and row alone, and every variant of a kernel must compute it by
 * point_row_of() and point_at(), whose operations are rounded one by one.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_POINT_H
#define PROTO_POINT_H

#include <stdint.h>

#include "proto/request.h"

/* The sample grid of one request, in f64. */
struct point_frame {
	double re, im;           /* the centre */
	double step_re, step_im; /* half the distance between neighbouring columns, rows; > 0 */
	double cos, sin;         /* of the rotation */
	uint32_t columns, rows;  /* of the grid; 1..LIMIT_SIZE_PX * LIMIT_SAMPLES */
};

/* What all samples of one row share. */
struct point_row {
	double dy_cos, dy_sin;
};

/* Converts the view of a request that request_parse() accepted. Refuses with BROT_E_REQUEST,
 * *ret_frame untouched, a view whose samples lie closer together than the request's precision can
 * tell apart there (in f32 the points are computed in f64 and rounded once at the end);
 * the sentence says how small the view may be. */
enum brot_err point_frame_make(const struct request *request, struct point_frame *ret_frame,
			       struct brot_error *err);

/* Cosine and sine of an angle in degrees, in (-360, 360). Exact for multiples of 90; otherwise the
 * error is below 1.5 units in the last place. */
void point_rotation(double degrees, double *ret_cos, double *ret_sin);

static inline struct point_row point_row_of(const struct point_frame *frame, uint32_t row)
{
	/* An odd or even integer below 2^26, so exact. */
	const double k = 2.0 * (double)row + 1.0 - (double)frame->rows;
	const double dy = -k * frame->step_im;
	return (struct point_row){.dy_cos = dy * frame->cos, .dy_sin = dy * frame->sin};
}

/* The offset of a column in half steps from the centre: exact, and 2 more with each column. */
static inline double point_column(const struct point_frame *frame, uint32_t column)
{
	return 2.0 * (double)column + 1.0 - (double)frame->columns;
}

/* The point of the column with that offset. */
static inline void point_at(const struct point_frame *frame, const struct point_row *row, double k,
			    double *ret_re, double *ret_im)
{
	const double dx = k * frame->step_re;
	*ret_re = frame->re + (dx * frame->cos - row->dy_sin);
	*ret_im = frame->im + (dx * frame->sin + row->dy_cos);
}

static inline void point_of(const struct point_frame *frame, const struct point_row *row,
			    uint32_t column, double *ret_re, double *ret_im)
{
	point_at(frame, row, point_column(frame, column), ret_re, ret_im);
}

#endif
