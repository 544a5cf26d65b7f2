/*
 * pixel.h - which pixel of the image a point of the plane lies in.
 *
 * dx = x - re and dy = y - im are its offsets from the view's centre; turned back,
 *     u = fma(dx, cos, dy * sin) and v = fma(-dx, sin, dy * cos), or dx and dy where nothing is
 * turned; column = floor(fma(u, scale_x, W / 2)) and row = floor(fma(-v, scale_y, H / 2)), where a
 * scale is 0.5 / step of struct point_frame: pixels a unit of the plane. In f64, each operation
 * rounded once.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_BUDDHA_PIXEL_H
#define WORKER_BUDDHA_PIXEL_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/point.h"

struct pixel_map {
	double re, im, cos, sin;
	double scale_x, scale_y;
	double width, height; /* of the image, pixels */
	bool is_turned;
	bool is_mirrored; /* view_is_mirrored() */
};

static inline struct pixel_map pixel_map_of(const struct point_frame *frame, bool is_turned,
					    bool is_mirrored)
{
	return (struct pixel_map){
		.re = frame->re,
		.im = frame->im,
		.cos = frame->cos,
		.sin = frame->sin,
		.scale_x = 0.5 / frame->step_re,
		.scale_y = 0.5 / frame->step_im,
		.width = (double)frame->columns,
		.height = (double)frame->rows,
		.is_turned = is_turned,
		.is_mirrored = is_mirrored,
	};
}

/* False where the point lies outside the image; outputs untouched. */
static inline bool pixel_of(const struct pixel_map *map, double x, double y, uint32_t *ret_column,
			    uint32_t *ret_row)
{
	const double dx = x - map->re, dy = y - map->im;
	const double u = map->is_turned ? fma(dx, map->cos, dy * map->sin) : dx;
	const double v = map->is_turned ? fma(-dx, map->sin, dy * map->cos) : dy;
	const double column = floor(fma(u, map->scale_x, 0.5 * map->width));
	const double row = floor(fma(-v, map->scale_y, 0.5 * map->height));
	if (!(column >= 0 && column < map->width && row >= 0 && row < map->height))
		return false;
	*ret_column = (uint32_t)column;
	*ret_row = (uint32_t)row;
	return true;
}

/* Whether a point or its conjugate lies at most half_x and half_y away from the view's centre, in
 * the view's own directions: nearly, for what need not be right to the pixel. */
static inline bool pixel_is_about(const struct pixel_map *map, double x, double y, double half_x,
				  double half_y)
{
	for (int half = 0; half < 2; half++) {
		const double dx = x - map->re, dy = (half == 0 ? y : -y) - map->im;
		const double u = map->is_turned ? dx * map->cos + dy * map->sin : dx;
		const double v = map->is_turned ? dy * map->cos - dx * map->sin : dy;
		if (fabs(u) <= half_x && fabs(v) <= half_y)
			return true;
	}
	return false;
}

#endif
