/* numbers.c - which kernel computes which plane. */
#include "worker/numbers.h"

#include <assert.h>

unsigned numbers_needed(unsigned planes)
{
	if ((planes & NUMBERS_DERIVED) != 0)
		planes |= 1u << PLANE_ITERATIONS;
	if ((planes & NUMBERS_INSIDE) != 0)
		planes |= NUMBERS_INSIDE;
	return planes;
}

static bool numbers_derive(const struct numbers_source *source, const struct escape_task *escape,
			   bool has_smooth, const struct numbers_planes *planes)
{
	const struct derive_task task = {
		.escape = escape,
		.samples = source->samples,
		.iterations = planes->at[PLANE_ITERATIONS],
		.iterations_stride = planes->stride[PLANE_ITERATIONS],
		.whole = has_smooth ? NULL : planes->at[PLANE_WHOLE],
		.whole_stride = planes->stride[PLANE_WHOLE],
		.fraction = has_smooth ? NULL : planes->at[PLANE_FRACTION],
		.fraction_stride = planes->stride[PLANE_FRACTION],
		.distance = planes->at[PLANE_DISTANCE],
		.distance_stride = planes->stride[PLANE_DISTANCE],
		.phase = planes->at[PLANE_PHASE],
		.phase_stride = planes->stride[PLANE_PHASE],
		.period = planes->at[PLANE_PERIOD],
		.period_stride = planes->stride[PLANE_PERIOD],
		.interior = planes->at[PLANE_INTERIOR],
		.interior_stride = planes->stride[PLANE_INTERIOR],
		.poll = escape->poll,
	};
	assert(task.iterations != NULL && (task.period == NULL) == (task.interior == NULL));
	return source->derive(&task);
}

bool numbers_compute(const struct numbers_source *source, uint32_t x, uint32_t y, uint32_t w,
		     uint32_t h, const struct numbers_planes *planes,
		     const struct escape_poll *poll, uint64_t *ret_iterations)
{
	const bool is_outside = planes->at[PLANE_DISTANCE] != NULL ||
				planes->at[PLANE_PHASE] != NULL;
	const bool is_derived = is_outside || planes->at[PLANE_PERIOD] != NULL;
	struct escape_task task = *source->task;
	task.frame = source->frame;
	task.x = x;
	task.y = y;
	task.w = w;
	task.h = h;
	task.poll = poll;
	task.iterations = planes->at[PLANE_ITERATIONS];
	task.iterations_stride = planes->stride[PLANE_ITERATIONS];
	/* What derives goes that way anyhow. */
	task.whole = is_outside ? NULL : planes->at[PLANE_WHOLE];
	task.whole_stride = planes->stride[PLANE_WHOLE];
	task.fraction = is_outside ? NULL : planes->at[PLANE_FRACTION];
	task.fraction_stride = planes->stride[PLANE_FRACTION];
	if (!source->escape(&task, ret_iterations))
		return false;
	return !is_derived || numbers_derive(source, &task, !is_outside, planes);
}
