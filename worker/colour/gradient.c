/*
 * gradient.c - each channel as straight lines, or as a monotone cubic.
 *
 * Between the stops of a palette that is not linear each channel follows a monotone cubic (Fritsch
 * and Carlson's condition, with the harmonic mean of the neighbouring slopes): a straight line
 * would show its corners as bands of light. Colours are mixed as sRGB values, which is closer to
 * even steps for the eye than linear light is.
 */
#include "worker/colour/gradient.h"

#include <math.h>

/* Stop i of a palette continued on both sides: a cyclic one repeats; another stays as it ends, so
 * that it is flat there and turns back without an edge. */
static void stop_at(const struct palette *palette, int i, int channel, double *ret_position,
		    double *ret_value)
{
	const int count = (int)palette->stop_count;
	int turn = 0;
	if (i < 0)
		turn = -1;
	else if (i >= count)
		turn = 1;
	int k = i - turn * count;
	if (!palette->cyclic && turn != 0)
		k = turn < 0 ? 0 : count - 1;
	*ret_position = (double)palette->stops[k].position + (double)turn;
	*ret_value = (double)palette->stops[k].rgb[channel];
}

/* The tangent at the middle one of three stops. */
static double tangent(const double position[3], const double value[3])
{
	const double before = (value[1] - value[0]) / (position[1] - position[0]);
	const double after = (value[2] - value[1]) / (position[2] - position[1]);
	return before * after > 0.0 ? 2.0 * before * after / (before + after) : 0.0;
}

/* One channel of the palette at a position in [0, 1], which lies between stops i and i + 1. */
static double channel_at(const struct palette *palette, int i, int channel, double position)
{
	double p[4], v[4];
	for (int k = 0; k < 4; k++)
		stop_at(palette, i - 1 + k, channel, &p[k], &v[k]);
	const double width = p[2] - p[1], rise = v[2] - v[1];
	const double t = (position - p[1]) / width;
	if (palette->linear)
		return v[1] + t * rise;
	const double from = tangent(p, v) * width, to = tangent(p + 1, v + 1) * width;
	/* Hermite's cubic by Horner's rule. */
	const double c2 = 3.0 * rise - 2.0 * from - to, c3 = from + to - 2.0 * rise;
	const double value = ((c3 * t + c2) * t + from) * t + v[1];
	/* Slopes overflow where stops lie 1e-300 apart. */
	if (isnan(value))
		return v[1];
	return value < 0.0 ? 0.0 : value > 255.0 ? 255.0 : value;
}

void gradient_fill(const struct palette *palette, uint32_t count, double (*ret_rgb)[3])
{
	const double last = (double)(palette->cyclic ? count : count - 1);
	const int last_stop = (int)palette->stop_count - (palette->cyclic ? 1 : 2);
	int stop = 0;
	for (uint32_t i = 0; i < count; i++) {
		const double position = (double)i / last;
		while (stop < last_stop && (double)palette->stops[stop + 1].position <= position)
			stop++;
		for (int c = 0; c < 3; c++)
			ret_rgb[i][c] = channel_at(palette, stop, c, position);
	}
}
