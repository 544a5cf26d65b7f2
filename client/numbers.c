/* numbers.c - what the readers share. */
#include "client/numbers.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/limits.h"
#include "proto/planes.h"

enum brot_err numbers_read(const char *path, struct numbers *numbers, struct brot_error *err)
{
	static const struct {
		const char *suffix;
		enum brot_err (*read)(const char *, struct numbers *, struct brot_error *);
	} kinds[] = {{".npy", npy_read}, {".exr", exr_file_read}};
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (dot == NULL || strcasecmp(dot, kinds[i].suffix) != 0)
			continue;
		const enum brot_err code = kinds[i].read(path, numbers, err);
		if (code != BROT_OK)
			numbers_free(numbers);
		return code;
	}
	return error_set(err, BROT_E_USAGE,
			 "DATA: must be a file of numbers, whose suffix is .npy or .exr, got "
			 "\"%.100s\"",
			 path);
}

void numbers_view(const struct numbers *numbers, struct brot_numbers *ret_view)
{
	*ret_view = (struct brot_numbers){
		.width_px = numbers->width_px,
		.height_px = numbers->height_px,
	};
	for (unsigned type = PLANE_ITERATIONS; type < PLANE_TYPES; type++)
		for (uint32_t channel = 0; channel < BUDDHA_CHANNELS; channel++)
			planes_set_channel(ret_view, (enum plane_type)type, channel,
					   numbers_plane(numbers, (enum plane_type)type, channel));
}

void *numbers_plane(const struct numbers *numbers, enum plane_type plane, uint32_t channel)
{
	const bool has_channels = plane == PLANE_DENSITY || plane == PLANE_DENSITY32;
	if (channel == 0 || numbers->planes[plane] == NULL)
		return numbers->planes[plane];
	return has_channels ? numbers->more[channel - 1] : NULL;
}

uint32_t numbers_channels(const struct numbers *numbers)
{
	if (numbers->planes[PLANE_DENSITY] == NULL && numbers->planes[PLANE_DENSITY32] == NULL)
		return 0;
	return numbers->more[0] == NULL ? 1 : BUDDHA_CHANNELS;
}

void numbers_free(struct numbers *numbers)
{
	for (size_t i = 0; i < PLANE_TYPES; i++)
		free(numbers->planes[i]);
	for (size_t i = 0; i < BUDDHA_CHANNELS - 1; i++)
		free(numbers->more[i]);
	free(numbers->request);
	*numbers = NUMBERS_NONE;
}

bool numbers_reserve(struct numbers *numbers, enum plane_type plane)
{
	return numbers_reserve_channel(numbers, plane, 0);
}

bool numbers_reserve_channel(struct numbers *numbers, enum plane_type plane, uint32_t channel)
{
	void **place = channel == 0 ? &numbers->planes[plane] : &numbers->more[channel - 1];
	const uint64_t bytes = (uint64_t)numbers->width_px * numbers->height_px *
			       plane_info(plane)->pixel_bytes;
	assert(*place == NULL);
	if (bytes <= SIZE_MAX)
		*place = malloc((size_t)bytes);
	return *place != NULL;
}

enum brot_err numbers_refuse(const char *path, const char *reason, struct brot_error *err)
{
	return error_set(err, BROT_E_REQUEST, "\"%.80s\": %s", path, reason);
}

enum brot_err numbers_check_size(const char *path, uint64_t width, uint64_t height,
				 struct brot_error *err)
{
	if (width >= 1 && width <= LIMIT_SIZE_PX && height >= 1 && height <= LIMIT_SIZE_PX)
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST,
			 "\"%.80s\": its size must be 1x1 to %dx%d, got %" PRIu64 "x%" PRIu64, path,
			 LIMIT_SIZE_PX, LIMIT_SIZE_PX, width, height);
}

/* Of a plane of floats; NaN is in no range. */
static enum brot_err check_range(const char *path, const struct numbers *numbers,
				 enum plane_type plane, float least, float below,
				 struct brot_error *err)
{
	const float *values = numbers->planes[plane];
	const size_t per_pixel = plane_info(plane)->pixel_bytes / sizeof *values;
	const size_t count = (size_t)numbers->width_px * numbers->height_px * per_pixel;
	for (size_t i = 0; values != NULL && i < count; i++) {
		if (values[i] >= least && values[i] < below)
			continue;
		const size_t pixel = i / per_pixel;
		return error_set(err, BROT_E_REQUEST,
				 "\"%.80s\": %s must be a number%s, and is %g at column %zu of "
				 "row %zu",
				 path, plane_info(plane)->name,
				 below == 1.0f   ? " in [0, 1)"
				 : least == 0.0f ? " that is not negative"
						 : "",
				 (double)values[i], pixel % numbers->width_px,
				 pixel / numbers->width_px);
	}
	return BROT_OK;
}

enum brot_err numbers_check(const char *path, const struct numbers *numbers, struct brot_error *err)
{
	enum brot_err code = check_range(path, numbers, PLANE_FRACTION, 0.0f, 1.0f, err);
	if (code == BROT_OK)
		code = check_range(path, numbers, PLANE_PHASE, 0.0f, 1.0f, err);
	if (code == BROT_OK)
		code = check_range(path, numbers, PLANE_INTERIOR, 0.0f, INFINITY, err);
	if (code == BROT_OK)
		code = check_range(path, numbers, PLANE_DISTANCE, -FLT_MAX, INFINITY, err);
	return code;
}

bool numbers_split(double count, uint32_t *ret_whole, float *ret_fraction)
{
	const bool is_inside = isinf(count) && count > 0.0;
	if (!is_inside && !(count >= 0.0 && count < (double)UINT32_MAX))
		return false;
	*ret_whole = is_inside ? UINT32_MAX : (uint32_t)count;
	/* Of a sum of whole and fraction this gives a fraction that makes the same sum. */
	*ret_fraction = is_inside ? 0.0f : (float)(count - (double)*ret_whole);
	if (*ret_fraction == 1.0f) {
		*ret_fraction = 0.0f;
		++*ret_whole;
	}
	return is_inside || *ret_whole != UINT32_MAX;
}
