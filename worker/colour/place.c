/* place.c - one loop a mode, then one for what is inside and one for what is dark. */
#include "worker/colour/place.h"

#include <assert.h>
#include <math.h>

#include "worker/colour/survey.h"

#define DARK_STEP ((uint32_t)SHADE_DARK * SHADE_STEPS)
#define GOLDEN    2654435769u /* 0.61803398875 in parts of 2^32 */

/* The estimates of distance at which half of the change is over, pixels. */
#define OUTSIDE_HALF_PX 4.0
#define INSIDE_HALF_PX  16.0

#if defined(__x86_64__)
bool place_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
bool place_has_avx2(void)
{
	return false;
}

size_t place_smooth_avx2(const struct shade *shade, const uint32_t *whole, const float *fraction,
			 size_t count, uint32_t *ret_places)
{
	(void)shade, (void)whole, (void)fraction, (void)count, (void)ret_places;
	return 0;
}
#endif

static void place_smooth(const struct shade *shade, const uint32_t *whole, const float *fraction,
			 size_t count, uint32_t *ret_places)
{
	size_t i = 0;
	if (shade->has_avx2)
		i = place_smooth_avx2(shade, whole, fraction, count, ret_places);
	for (; i < count; i++) {
		const double v = (double)(int64_t)whole[i] + (double)fraction[i];
		const uint32_t place = shade_place_on_curve(shade, v);
		ret_places[i] = whole[i] == KERNEL_WHOLE_INSIDE ? PLACE_INTERIOR : place;
	}
}

static void place_smooth_by_period(const struct shade *shade, const uint32_t *whole,
				   const float *fraction, size_t count, uint32_t *ret_places)
{
	for (size_t i = 0; i < count; i++)
		ret_places[i] = whole[i] == KERNEL_WHOLE_INSIDE
					? PLACE_INTERIOR
					: shade_place(shade,
						      (double)whole[i] + (double)fraction[i]);
}

static void place_banded(const struct shade *shade, const uint32_t *iterations, size_t count,
			 uint32_t *ret_places)
{
	for (size_t i = 0; i < count; i++)
		ret_places[i] = iterations[i] == 0
					? PLACE_INTERIOR
					: shade_place(shade, (double)iterations[i] + 4.0);
}

/* half / (distance + half): from 1 at 0 down to 0 far away; 0 for what is no distance. */
static double nearness(double distance_px, double half_px)
{
	const double near = half_px / (distance_px + half_px);
	return near > 0.0 && near <= 1.0 ? near : 0.0;
}

static void place_distance(const struct shade *shade, const uint32_t *whole, const float *distance,
			   double unit_px, size_t count, uint32_t *ret_places)
{
	for (size_t i = 0; i < count; i++) {
		const double x = (double)distance[2 * i], y = (double)distance[2 * i + 1];
		const double near = nearness(sqrt(x * x + y * y) * unit_px, OUTSIDE_HALF_PX);
		ret_places[i] = whole[i] == KERNEL_WHOLE_INSIDE
					? PLACE_INTERIOR
					: shade_place_of_runs(shade->offset + shade->span * near);
	}
}

static void place_histogram(const struct shade *shade, const struct survey *survey,
			    const uint32_t *whole, const float *fraction, size_t count,
			    uint32_t *ret_places)
{
	for (size_t i = 0; i < count; i++) {
		const double share = survey_share(survey, (double)whole[i] + (double)fraction[i]);
		ret_places[i] = whole[i] == KERNEL_WHOLE_INSIDE
					? PLACE_INTERIOR
					: shade_place_of_runs(shade->offset + shade->span * share);
	}
}

static void place_inside(const struct shade *shade, const uint32_t *period, const float *interior,
			 double unit_px, size_t count, uint32_t *places)
{
	for (size_t i = 0; i < count; i++) {
		if (places[i] != PLACE_INTERIOR || period[i] == 0)
			continue;
		if (shade->inside == INSIDE_PERIOD) {
			places[i] = (uint32_t)((uint64_t)(period[i] * GOLDEN) * SHADE_TURN >> 32);
			continue;
		}
		const double near = nearness((double)interior[i] * unit_px, INSIDE_HALF_PX);
		places[i] = (uint32_t)SHADE_MIX * SHADE_STEPS +
			    (uint32_t)(near * (SHADE_MIXED * SHADE_STEPS));
	}
}

static void place_dark(const float *phase, size_t count, uint32_t *places)
{
	for (size_t i = 0; i < count; i++)
		if (places[i] < SHADE_TURN && phase[i] >= 0.5f)
			places[i] += DARK_STEP;
}

void place_samples(const struct shade *shade, const struct shade_area *area, size_t first,
		   size_t count, uint32_t *ret_places)
{
	const struct shade_numbers n = shade_numbers_from(&area->numbers, first);
	const double unit_px = area->is_by_sample ? 1.0 / area->samples : 1.0;
	switch (shade->mode) {
	case COLOUR_SMOOTH:
	case COLOUR_ANGLE:
		if (shade->runs_a_count > 0.0)
			place_smooth_by_period(shade, n.whole, n.fraction, count, ret_places);
		else
			place_smooth(shade, n.whole, n.fraction, count, ret_places);
		break;
	case COLOUR_BANDED:
		place_banded(shade, n.iterations, count, ret_places);
		break;
	case COLOUR_DISTANCE:
		place_distance(shade, n.whole, n.distance, unit_px, count, ret_places);
		break;
	case COLOUR_HISTOGRAM:
		place_histogram(shade, area->survey, n.whole, n.fraction, count, ret_places);
		break;
	case COLOUR_RELIEF:
		for (size_t i = 0; i < count; i++)
			ret_places[i] = PLACE_INTERIOR;
		break;
	case COLOUR_MODE_COUNT:
		assert(false);
		break;
	}
	if (shade->mode == COLOUR_ANGLE)
		place_dark(n.phase, count, ret_places);
	if (shade->inside != INSIDE_PLAIN)
		place_inside(shade, n.period, n.interior, unit_px, count, ret_places);
}
