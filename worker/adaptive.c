/* adaptive.c - the bounds of adaptive.h, evaluated. */
#include "worker/adaptive.h"

#include <math.h>
#include <string.h>

#include "worker/kernel/derive_inside.h"
#include "worker/kernel/interior.h"

#define LN_RADIUS    0x1.62e42fefa39efp3 /* 16 ln 2: ln of the R of smooth counts */
#define MARGIN       (1.0 - 0x1p-20)
#define COUNT_MARGIN 0x1p-16
#define SLACK        0x1p-44
#define MOVE_MARGIN  1.05
#define MOVE_ENTRIES 2.0
#define JULIA_LIMIT  100000u /* steps of the orbit of 0 for a cycle */

/* The largest tanh(g/2) / g that is sure, for a Green's function of at most g. */
static double koebe_of(double g)
{
	return MARGIN * (g <= 2.0 ? 0.5 - g * g / 24.0 : 0.75 / g);
}

/* The largest and least of each channel within 2^level entries come from two such windows of the
 * level below. */
static void spread_make(const struct shade *shade, struct adaptive *a)
{
	static const uint32_t wrap = SHADE_ENTRIES - 1;
	_Static_assert((SHADE_ENTRIES & (SHADE_ENTRIES - 1)) == 0, "entries wrap by a mask");
	memset(a->spread, 0, sizeof a->spread);
	for (int c = 0; c < 3; c++) {
		uint8_t least[2][SHADE_ENTRIES], most[2][SHADE_ENTRIES];
		for (uint32_t i = 0; i < SHADE_ENTRIES; i++)
			least[0][i] = most[0][i] = shade->table[i][c];
		for (uint32_t level = 0; level < ADAPTIVE_LEVELS; level++) {
			const uint8_t *from_least = least[level % 2], *from_most = most[level % 2];
			uint8_t *to_least = least[1 - level % 2], *to_most = most[1 - level % 2];
			/* The first window reaches one entry to either side, the centre included.
			 */
			const uint32_t reach = level == 0 ? 1 : 1u << (level - 1);
			for (uint32_t i = 0; i < SHADE_ENTRIES; i++) {
				const uint32_t before = (i - reach) & wrap;
				const uint32_t after = (i + reach) & wrap;
				uint8_t low = from_least[i], high = from_most[i];
				low = from_least[before] < low ? from_least[before] : low;
				low = from_least[after] < low ? from_least[after] : low;
				high = from_most[before] > high ? from_most[before] : high;
				high = from_most[after] > high ? from_most[after] : high;
				to_least[i] = low;
				to_most[i] = high;
				const uint8_t own = shade->table[i][c];
				const int up = high - own, down = own - low;
				const uint8_t spread = (uint8_t)(up > down ? up : down);
				if (spread > a->spread[level][i])
					a->spread[level][i] = spread;
			}
		}
	}
}

/* Whether the set is known to be connected. */
static bool is_connected(const struct request *request)
{
	struct derive_meter meter = {.poll_at = UINT64_MAX};
	uint32_t period;
	double distance;
	if (request->formula == FORMULA_MANDELBROT || request->formula == FORMULA_MULTIBROT)
		return true;
	if (request->formula != FORMULA_JULIA)
		return false;
	inside_search(STEP_SQUARE, decimal_to_double(&request->c_re),
		      decimal_to_double(&request->c_im), JULIA_LIMIT, &meter, &period, &distance);
	/* Well within its component, so that rounding cannot matter. */
	return period > 0 && distance > 0x1p-30;
}

void adaptive_make(const struct request *request, const struct point_frame *frame,
		   const struct shade *shade, struct adaptive *ret_adaptive)
{
	struct adaptive *a = ret_adaptive;
	const double samples = (double)request->samples;
	a->is_on = false;
	if (request->adaptive == 0 || request->precision != PRECISION_F64 || !is_connected(request))
		return;
	a->frame = *frame;
	a->frame.step_re *= samples;
	a->frame.step_im *= samples;
	a->frame.columns /= request->samples;
	a->frame.rows /= request->samples;
	a->step = kernel_step(request);
	a->is_julia = request->formula == FORMULA_JULIA;
	a->limit = request->iterations;
	/* Between entries and within the pattern of a dither a channel may differ by one more. */
	const bool is_fine = request->format == FORMAT_RGB16 || request->colour.is_dithered;
	a->error = request->adaptive - (is_fine ? 1 : 0);
	const double re2 = frame->step_re * frame->step_re, im2 = frame->step_im * frame->step_im;
	a->radius = (samples - 1.0) * sqrt(re2 + im2);
	a->unit = 2.0 * fmin(a->frame.step_re, a->frame.step_im);
	a->slack = SLACK *
		   (1.0 + fabs(frame->re) + fabs(frame->im) +
		    frame->step_re * (double)frame->columns + frame->step_im * (double)frame->rows);
	a->period = request->colour.period;
	a->entries = SHADE_ENTRIES * request->colour.density;
	/* g = ln R power^(1 - v), times the power in a parameter plane. */
	const double power = (double)step_power_of(a->step);
	double g = a->is_julia ? LN_RADIUS * power : LN_RADIUS * power * power;
	for (uint32_t v = 0; v < ADAPTIVE_COUNTS; v++, g /= power)
		a->koebe[v] = koebe_of(g);
	spread_make(shade, a);
	a->is_on = true;
}

bool adaptive_bound(const struct adaptive *adaptive, const struct adaptive_centre *centre,
		    double *ret_distance, double *ret_change)
{
	const struct adaptive *a = adaptive;
	const double x = (double)centre->distance_x, y = (double)centre->distance_y;
	if (centre->whole == KERNEL_WHOLE_INSIDE)
		return false;
	const uint32_t v = centre->whole < ADAPTIVE_COUNTS ? centre->whole : ADAPTIVE_COUNTS - 1;
	/* In pixels that are not square the vector is as long as it would be in larger ones. */
	const double estimate = MARGIN * sqrt(fma(x, x, y * y)) * a->unit;
	const double distance = estimate * a->koebe[v] - a->slack;
	const double radius = a->radius + a->slack;
	if (!(distance > radius))
		return false;
	*ret_distance = distance;
	*ret_change = smooth_slope(a->step) *
			      logarithm_2((distance + radius) / (distance - radius)) +
		      COUNT_MARGIN;
	return true;
}

static double curve_at(const struct adaptive *a, double count)
{
	const double power = logarithm_2(count < 1.0 ? 1.0 : count);
	return a->period > 0.0 ? count / a->period : SHADE_SCALE * (power * power * power);
}

/* Whether all samples of a pixel of the Mandelbrot set pass the test of interior.h. */
static bool inside_proves(const struct adaptive *a, const struct adaptive_centre *centre)
{
	const struct interior margin = INTERIOR_F64;
	const struct point_row row = point_row_of(&a->frame, centre->y);
	const double radius = a->radius + a->slack;
	double re, im;
	if (a->step != STEP_SQUARE || a->is_julia)
		return false;
	point_of(&a->frame, &row, centre->x, &re, &im);
	if (sqrt(fma(re + 1.0, re + 1.0, im * im)) + radius < MARGIN * sqrt(margin.radius2))
		return true;
	/* The cardioid of the points that pass is the whole one for 1/4 + scale (c - 1/4). */
	const double x = margin.scale * (re - 0.25), y = margin.scale * im;
	const double far = sqrt(fma(x, x, y * y)), s = 2.0 * sqrt(far);
	/* s^2 = -4 (x + iy), so that 1 - |1 - s|^2 = 2 Re s - |s|^2. */
	const double depth = 2.0 * sqrt(2.0 * (far - x)) - s * s;
	const bool is_off_cusp = far > margin.scale * (sqrt(margin.cusp2) + radius) / MARGIN;
	return is_off_cusp && MARGIN * depth * s / 8.0 > margin.scale * radius;
}

bool adaptive_proves(const struct adaptive *adaptive, const struct shade *shade,
		     const struct adaptive_centre *centre)
{
	double distance, change;
	if (centre->whole == KERNEL_WHOLE_INSIDE)
		return inside_proves(adaptive, centre);
	if (!adaptive_bound(adaptive, centre, &distance, &change))
		return false;
	const double v = (double)centre->whole + (double)centre->fraction;
	if (v + change + 1.0 > (double)adaptive->limit)
		return false;
	const double here = curve_at(adaptive, v);
	const double up = curve_at(adaptive, v + change) - here;
	const double down = here - curve_at(adaptive, v - change);
	const double move = MOVE_MARGIN * adaptive->entries * (up > down ? up : down) +
			    MOVE_ENTRIES;
	uint32_t level = 0;
	while (level < ADAPTIVE_LEVELS - 1 && (double)(1u << level) < move)
		level++;
	const uint32_t entry = shade_smooth(shade, centre->whole, centre->fraction);
	return adaptive->spread[level][entry] <= adaptive->error;
}
