/* relief.c - heights, normals, light, blending: one row of samples at a time. */
#include "worker/colour/relief.h"

#include <assert.h>
#include <math.h>

#include "proto/point.h"
#include "proto/power.h"

#define NORM_LEAST    0x1p-40 /* 2^-RELIEF_OCTAVES */
#define STRETCH_LEAST 1e-6    /* light that varies less is noise */

#define LANES 4
#define BLOCK 64 /* samples that are blended together */

/* Channel after channel, for vectors. */
struct block {
	double light[BLOCK]; /* stretched */
	double rgb[3][BLOCK];
};

void relief_init(const struct colour *colour, uint32_t samples, struct relief *ret_relief)
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
	ret_relief->samples = samples;
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

/* As a conversion does, but by steps that every instruction set has for vectors: behind the
 * exponent of 2^52, and 2^52 less. */
static double double_of(uint32_t number)
{
	const uint64_t bits = UINT64_C(0x4330000000000000) | number;
	double sum;
	memcpy(&sum, &bits, sizeof sum);
	return sum - 0x1p52;
}

static double count_of(uint32_t whole, float fraction)
{
	return shade_count(double_of(whole) + (double)fraction);
}

/* The heights of `count` samples from `first` on. */
static void heights(const struct relief *relief, const struct shade_numbers *numbers,
		    ptrdiff_t first, size_t count, double *restrict ret_heights)
{
	const uint32_t *restrict whole = numbers->whole + first;
	const float *restrict fraction = numbers->fraction + first;
	const double height = relief->height;
	for (size_t i = 0; i < count; i++) {
		const double over = height * count_of(whole[i], fraction[i]);
		ret_heights[i] = whole[i] == KERNEL_WHOLE_INSIDE ? 0.0 : over;
	}
}

static double light_of(const double light[3], double east, double north)
{
	const double length = sqrt(east * east + north * north + 1.0);
	return (light[2] - east * light[0] - north * light[1]) / length;
}

/* The light of `count` samples, not stretched yet. */
static void lights(const struct relief *relief, const struct relief_at *at, size_t count,
		   double *restrict ret_lights)
{
	double above[RELIEF_PIECE], below[RELIEF_PIECE], row[RELIEF_PIECE + 2];
	assert(count >= 1 && count <= RELIEF_PIECE);
	const bool has_above = at->y > 0, has_below = at->y + 1 < at->height;
	const bool has_left = at->x > 0, has_right = at->x + count < at->width;
	heights(relief, at->numbers, at->sample - (has_above ? at->stride : 0), count, above);
	heights(relief, at->numbers, at->sample + (has_below ? at->stride : 0), count, below);
	heights(relief, at->numbers, at->sample - (has_left ? 1 : 0),
		count + (has_left ? 1 : 0) + (has_right ? 1 : 0), has_left ? row : row + 1);
	if (!has_left)
		row[0] = row[1];
	if (!has_right)
		row[count + 1] = row[count];

	const double light[3] = {relief->light[0], relief->light[1], relief->light[2]};
	const double step = relief->samples, half = 0.5 * step;
	const double per_row = has_above && has_below ? half : step;
	for (size_t i = 0; i < count; i++)
		ret_lights[i] = light_of(light, (row[i + 2] - row[i]) * half,
					 (above[i] - below[i]) * per_row);
	const size_t last = count - 1;
	if (!has_left)
		ret_lights[0] = light_of(light, (row[2] - row[0]) * step,
					 (above[0] - below[0]) * per_row);
	if (!has_right)
		ret_lights[last] = light_of(light, (row[last + 2] - row[last]) * step,
					    (above[last] - below[last]) * per_row);
}

/* Ranges that do not wait for each other. */
static void ranges_init(struct relief_range ranges[LANES])
{
	for (int k = 0; k < LANES; k++)
		ranges[k] = (struct relief_range){INFINITY, -INFINITY};
}

void relief_look(const struct relief *relief, const struct relief_at *at, size_t count,
		 struct relief_range *ret_counts, struct relief_range *ret_lights)
{
	const uint32_t *whole = at->numbers->whole + at->sample;
	const float *fraction = at->numbers->fraction + at->sample;
	struct relief_range of_counts[LANES], of_lights[LANES];
	double light[RELIEF_PIECE];
	lights(relief, at, count, light);
	ranges_init(of_counts);
	ranges_init(of_lights);
	for (size_t i = 0; i < count; i++) {
		const bool is_inside = whole[i] == KERNEL_WHOLE_INSIDE;
		const double v = count_of(whole[i], fraction[i]);
		relief_widen(&of_lights[i % LANES], &(struct relief_range){light[i], light[i]});
		relief_widen(&of_counts[i % LANES],
			     &(struct relief_range){is_inside ? INFINITY : v,
						    is_inside ? -INFINITY : v});
	}
	for (int k = 1; k < LANES; k++) {
		relief_widen(&of_counts[0], &of_counts[k]);
		relief_widen(&of_lights[0], &of_lights[k]);
	}
	*ret_counts = of_counts[0];
	*ret_lights = of_lights[0];
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
 * the largest down to the least. Without branches, which no CPU could foretell. */
static void blend_hsv(struct block *b)
{
	for (size_t k = 0; k < BLOCK; k++) {
		const double red = b->rgb[0][k], green = b->rgb[1][k], blue = b->rgb[2][k];
		const double i = 2.0 * b->light[k] - 1.0;
		const double white = i > 0.0 ? i : 0.0, black = i > 0.0 ? 0.0 : -i;
		const double rest = 1.0 - (white + black);
		const double most = larger(red, larger(green, blue));
		const double range = most - lesser(red, lesser(green, blue));
		const double value = rest * most + white;
		const double saturation = rest * (range / most) + black;
		const double share = value * saturation / range;
		const double part = range > 1e-10 * most ? share : 0.0; /* else it has no hue */
		b->rgb[0][k] = value - part * (most - red);
		b->rgb[1][k] = value - part * (most - green);
		b->rgb[2][k] = value - part * (most - blue);
	}
}

static void blend_soft(struct block *b, double *restrict channel)
{
	for (size_t k = 0; k < BLOCK; k++) {
		const double v = channel[k], light = b->light[k];
		channel[k] = 2.0 * light * v + (1.0 - 2.0 * light) * v * v;
	}
}

static void blend_overlay(struct block *b, double *restrict channel)
{
	for (size_t k = 0; k < BLOCK; k++) {
		const double v = channel[k], light = b->light[k];
		const double dark = 2.0 * light * v;
		const double bright = 1.0 - 2.0 * (1.0 - light) * (1.0 - v);
		channel[k] = v <= 0.5 ? dark : bright;
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

/* The palette's colours of some samples; what lies beyond them in the block stays what it was. */
static void block_colours(const struct relief *relief, const struct shade *shade,
			  const uint32_t *whole, const float *fraction, size_t count,
			  struct block *b)
{
	const double scale = range_scale(&relief->counts, 0.0), least = relief->counts.least;
	for (size_t k = 0; k < count; k++) {
		const double share = (count_of(whole[k], fraction[k]) - least) * scale;
		const double runs = shade->offset + shade->span * norm_of(relief, share);
		uint16_t rgb[3];
		shade_fine(shade, shade_place_of_runs(runs), rgb);
		for (int c = 0; c < 3; c++)
			b->rgb[c][k] = (double)rgb[c] * (1.0 / 65535.0);
	}
}

static void block_light(const struct relief *relief, const double *light, size_t count,
			struct block *b)
{
	const double scale = range_scale(&relief->lights, STRETCH_LEAST);
	const double least = scale > 0.0 ? relief->lights.least : 0.0;
	const double by = scale > 0.0 ? scale : 1.0;
	for (size_t k = 0; k < count; k++)
		b->light[k] = clipped((light[k] - least) * by);
}

static void block_blend(enum colour_blend blend, struct block *b)
{
	if (blend == BLEND_HSV) {
		blend_hsv(b);
		return;
	}
	for (int c = 0; c < 3; c++)
		if (blend == BLEND_SOFT)
			blend_soft(b, b->rgb[c]);
		else
			blend_overlay(b, b->rgb[c]);
}

void relief_colours(const struct relief *relief, const struct shade *shade,
		    const struct relief_at *at, const uint32_t *places, size_t count,
		    uint16_t (*ret_rgb)[3])
{
	const uint32_t *whole = at->numbers->whole + at->sample;
	const float *fraction = at->numbers->fraction + at->sample;
	double light[RELIEF_PIECE];
	struct block block = {.light = {0.0}};
	lights(relief, at, count, light);
	for (size_t first = 0; first < count; first += BLOCK) {
		const size_t there = count - first < BLOCK ? count - first : BLOCK;
		block_colours(relief, shade, whole + first, fraction + first, there, &block);
		block_light(relief, light + first, there, &block);
		block_blend(relief->blend, &block);
		for (size_t k = 0; k < there; k++) {
			for (int c = 0; c < 3; c++) {
				const double value = clipped(block.rgb[c][k]) * 65535.0 + 0.5;
				ret_rgb[first + k][c] = (uint16_t)(int32_t)value;
			}
			if (whole[first + k] == KERNEL_WHOLE_INSIDE)
				shade_fine(shade, places[first + k], ret_rgb[first + k]);
		}
	}
}
