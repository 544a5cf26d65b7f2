/* relief.c - heights, normals, light, blending: one row of samples at a time. */
#include "worker/colour/relief.h"

#include <assert.h>
#include <math.h>

#include "proto/point.h"
#include "proto/power.h"

#define NORM_LEAST    0x1p-40 /* 2^-RELIEF_OCTAVES */
#define STRETCH_LEAST 1e-6    /* light that varies less is noise */

void relief_init(const struct colour *colour, struct relief *ret_relief)
{
	double east, north, flat, up;
	/* The azimuth is clockwise from north. */
	const double angle = 90.0 - colour->azimuth_deg;
	point_rotation(angle >= 360.0 ? angle - 360.0 : angle, &east, &north);
	point_rotation(colour->elevation_deg, &flat, &up);
	ret_relief->light[0] = east * flat;
	ret_relief->light[1] = north * flat;
	ret_relief->light[2] = up;
	ret_relief->height = colour->height;
	ret_relief->blend = colour->blend;
	ret_relief->counts = (struct relief_range){INFINITY, -INFINITY};
	ret_relief->lights = (struct relief_range){INFINITY, -INFINITY};
	const int first = -RELIEF_OCTAVES;
	for (uint32_t i = 0; i < RELIEF_KNOTS; i++) {
		const double value = power_of(knot_x(i, first), colour->power);
		const double next = power_of(knot_x(i + 1, first), colour->power);
		ret_relief->norm[i] = (struct knot){value, next - value};
	}
}

void relief_widen(struct relief_range *range, const struct relief_range *by)
{
	range->least = by->least < range->least ? by->least : range->least;
	range->most = by->most > range->most ? by->most : range->most;
}

static bool is_inside(const struct shade_numbers *numbers, ptrdiff_t sample)
{
	return numbers->whole[sample] == KERNEL_WHOLE_INSIDE;
}

static double count_of(const struct shade_numbers *numbers, ptrdiff_t sample)
{
	return shade_count((double)numbers->whole[sample] + (double)numbers->fraction[sample]);
}

static double height_of(const struct relief *relief, const struct shade_numbers *numbers,
			ptrdiff_t sample)
{
	return is_inside(numbers, sample) ? 0.0 : relief->height * count_of(numbers, sample);
}

/* The heights of `count` samples from `first` on. */
static void heights(const struct relief *relief, const struct shade_numbers *numbers,
		    ptrdiff_t first, size_t count, double *ret_heights)
{
	for (size_t i = 0; i < count; i++)
		ret_heights[i] = height_of(relief, numbers, first + (ptrdiff_t)i);
}

/* The light of `count` samples, not stretched yet. */
static void lights(const struct relief *relief, const struct relief_at *at, size_t count,
		   double *ret_lights)
{
	double above[RELIEF_PIECE], below[RELIEF_PIECE], row[RELIEF_PIECE + 2];
	assert(count >= 1 && count <= RELIEF_PIECE);
	const bool has_above = at->y > 0, has_below = at->y + 1 < at->height;
	const bool has_left = at->x > 0, has_right = at->x + count < at->width;
	heights(relief, at->numbers, at->sample - (has_above ? at->stride : 0), count, above);
	heights(relief, at->numbers, at->sample + (has_below ? at->stride : 0), count, below);
	heights(relief, at->numbers, at->sample - (has_left ? 1 : 0),
		count + (has_left ? 1 : 0) + (has_right ? 1 : 0), has_left ? row : row + 1);

	const double per_row = has_above && has_below ? 0.5 : 1.0;
	for (size_t i = 0; i < count; i++) {
		const bool is_first = i == 0 && !has_left, is_last = i + 1 == count && !has_right;
		const double from = is_first ? row[i + 1] : row[i];
		const double to = is_last ? row[i + 1] : row[i + 2];
		const double east = (to - from) * (is_first || is_last ? 1.0 : 0.5);
		const double north = (above[i] - below[i]) * per_row;
		const double length = sqrt(east * east + north * north + 1.0);
		ret_lights[i] = (relief->light[2] - east * relief->light[0] -
				 north * relief->light[1]) /
				length;
	}
}

void relief_look(const struct relief *relief, const struct relief_at *at, size_t count,
		 struct relief_range *ret_counts, struct relief_range *ret_lights)
{
	double light[RELIEF_PIECE];
	*ret_counts = *ret_lights = (struct relief_range){INFINITY, -INFINITY};
	lights(relief, at, count, light);
	for (size_t i = 0; i < count; i++) {
		relief_widen(ret_lights, &(struct relief_range){light[i], light[i]});
		if (is_inside(at->numbers, at->sample + (ptrdiff_t)i))
			continue;
		const double v = count_of(at->numbers, at->sample + (ptrdiff_t)i);
		relief_widen(ret_counts, &(struct relief_range){v, v});
	}
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double lesser(double a, double b)
{
	return a < b ? a : b;
}

/* Saturation and value change, the hue does not: so every channel keeps its share of the way from
 * the largest down to the least. */
static void blend_hsv(double light, double rgb[3])
{
	const double i = 2.0 * light - 1.0;
	const double most = larger(rgb[0], larger(rgb[1], rgb[2]));
	const double range = most - lesser(rgb[0], lesser(rgb[1], rgb[2]));
	const double value = i > 0.0 ? (1.0 - i) * most + i : (1.0 + i) * most;
	if (!(range > 1e-10 * most)) {
		rgb[0] = rgb[1] = rgb[2] = value;
		return;
	}
	const double s = range / most;
	const double saturation = i > 0.0 ? (1.0 - i) * s : (1.0 + i) * s - i;
	const double part = value * saturation / range;
	for (int c = 0; c < 3; c++)
		rgb[c] = value - part * (most - rgb[c]);
}

static void blend_light(enum colour_blend blend, double light, double rgb[3])
{
	if (blend == BLEND_HSV) {
		blend_hsv(light, rgb);
		return;
	}
	for (int c = 0; c < 3; c++) {
		const double v = rgb[c];
		if (blend == BLEND_SOFT)
			rgb[c] = 2.0 * light * v + (1.0 - 2.0 * light) * v * v;
		else
			rgb[c] = v <= 0.5 ? 2.0 * light * v : 1.0 - 2.0 * (1.0 - light) * (1.0 - v);
	}
}

static double clipped(double x)
{
	return x > 0.0 ? (x < 1.0 ? x : 1.0) : 0.0;
}

static double norm_of(const struct relief *relief, double share)
{
	if (!(share > 0.0))
		return 0.0;
	if (share >= 1.0)
		return 1.0;
	const double x = share > NORM_LEAST ? share : NORM_LEAST;
	return knot_value(&relief->norm[knot_below(x, -RELIEF_OCTAVES)], x);
}

/* How a range becomes [0, 1]. */
static double range_scale(const struct relief_range *range, double least)
{
	const double width = range->most - range->least;
	return width > least ? 1.0 / width : 0.0;
}

void relief_colours(const struct relief *relief, const struct shade *shade,
		    const struct relief_at *at, size_t count, uint16_t (*ret_rgb)[3])
{
	double light[RELIEF_PIECE];
	lights(relief, at, count, light);
	const double count_scale = range_scale(&relief->counts, 0.0);
	const double light_scale = range_scale(&relief->lights, STRETCH_LEAST);
	for (size_t i = 0; i < count; i++) {
		if (is_inside(at->numbers, at->sample + (ptrdiff_t)i)) {
			shade_fine(shade, SHADE_INTERIOR * SHADE_STEPS, ret_rgb[i]);
			continue;
		}
		const double v = count_of(at->numbers, at->sample + (ptrdiff_t)i);
		const double share = (v - relief->counts.least) * count_scale;
		const double runs = shade->offset + shade->span * norm_of(relief, share);
		shade_fine(shade, shade_place_of_runs(runs), ret_rgb[i]);
		double rgb[3];
		for (int c = 0; c < 3; c++)
			rgb[c] = (double)ret_rgb[i][c] * (1.0 / 65535.0);
		blend_light(relief->blend,
			    light_scale > 0.0
				    ? clipped((light[i] - relief->lights.least) * light_scale)
				    : clipped(light[i]),
			    rgb);
		for (int c = 0; c < 3; c++)
			ret_rgb[i][c] = (uint16_t)(clipped(rgb[c]) * 65535.0 + 0.5);
	}
}
