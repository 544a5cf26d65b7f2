/* buddha.c - the names of what buddha.h lists, and how samples are cut. */
#include "proto/buddha.h"

#include <assert.h>

#include "proto/limits.h"

void buddha_init(struct buddha *buddha)
{
	*buddha = (struct buddha){.sampling = SAMPLING_RANDOM};
}

void tone_init(struct tone *tone)
{
	*tone = (struct tone){.curve = TONE_SQRT, .gamma = 0.5, .white = 0.9999};
}

bool buddha_grid_fits(uint64_t points, uint64_t *ret_fewer, uint64_t *ret_more)
{
	const uint64_t half = points / 2;
	uint64_t q = 0;
	for (uint64_t bit = (uint64_t)1 << 31; bit > 0; bit /= 2)
		if ((q + bit) * (q + bit) <= half)
			q += bit;
	*ret_fewer = 2 * q * q;
	*ret_more = 2 * (q + 1) * (q + 1);
	return points >= 2 && *ret_fewer == points;
}

static uint64_t ceil_divide(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

uint64_t buddha_points_most(uint32_t iterations)
{
	assert(iterations >= 1);
	const uint64_t each = LIMIT_LARGE_SEGMENT_WORK / iterations;
	return LIMIT_SAMPLE_SEGMENTS *
	       (each < LIMIT_LARGE_SEGMENT_POINTS ? each : LIMIT_LARGE_SEGMENT_POINTS);
}

struct buddha_segments buddha_segments(uint64_t points, uint32_t iterations)
{
	assert(points >= 1 && iterations >= 1);
	uint64_t each = LIMIT_SEGMENT_WORK / iterations;
	uint64_t least = ceil_divide(points, LIMIT_SAMPLE_SEGMENTS);
	if (each > LIMIT_SEGMENT_POINTS)
		each = LIMIT_SEGMENT_POINTS;
	if (each < 1)
		each = 1;
	if (each < least)
		each = least;
	return (struct buddha_segments){each, (uint32_t)ceil_divide(points, each)};
}

const char *buddha_sampling_name(enum buddha_sampling sampling)
{
	static const char *const names[SAMPLING_COUNT] = {
		[SAMPLING_RANDOM] = "random",
		[SAMPLING_GRID] = "grid",
		[SAMPLING_ZOOM] = "zoom",
	};
	assert((unsigned)sampling < SAMPLING_COUNT);
	return names[sampling];
}

const char *tone_curve_name(enum tone_curve curve)
{
	static const char *const names[TONE_COUNT] = {
		[TONE_LINEAR] = "linear", [TONE_SQRT] = "sqrt", [TONE_LOG] = "log",
		[TONE_GAMMA] = "gamma",   [TONE_RANK] = "rank",
	};
	assert((unsigned)curve < TONE_COUNT);
	return names[curve];
}
