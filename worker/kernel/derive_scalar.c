/* derive_scalar.c - the reference: one sample after the other. Never optimised. */
#include "worker/kernel/derive_inside.h"
#include "worker/kernel/variants.h"

/* The sample at (re, im), whose count is n: its steps are those of escape_point_f64(). */
static inline struct derived derive_point(const struct derive_task *task, enum escape_step step,
					  double re, double im, uint32_t escaped_at)
{
	const struct derive_scale scale = derive_scale_of(task);
	const double one = task->escape->is_julia ? 0.0 : 1.0;
	struct orbit_f64 z = orbit_of_f64(task->escape, re, im);
	struct jacobian j = jacobian_of(task->escape);
	uint32_t n = 0;
	for (; n < escaped_at; n++) {
		jacobian_step(&j, step, &z, one);
		orbit_step_f64(&z, step, n % 2 == 1);
	}
	const uint32_t cap = n + SMOOTH_STEPS_MAX;
	for (; orbit_square_f64(&z) <= SMOOTH_RADIUS2 && n < cap; n++) {
		jacobian_step(&j, step, &z, one);
		orbit_step_f64(&z, step, true);
	}
	return derive_finish(&scale, step, n, z.x, z.y, &j);
}

static inline bool derive_all(const struct derive_task *task, enum escape_step step)
{
	const struct escape_task *escape = task->escape;
	struct derive_meter meter = {.poll = task->poll, .poll_at = DERIVE_POLL_WORK};
	for (uint32_t row = 0; row < escape->h; row++) {
		const struct point_row shared = point_row_of(escape->frame, escape->y + row);
		for (uint32_t column = 0; column < escape->w; column++) {
			const uint32_t n = task->iterations[row * task->iterations_stride + column];
			if (n == 0) {
				if (!derive_inside(task, step, column, row, &meter))
					return false;
				continue;
			}
			derive_write_inside(task, column, row, 0, 0.0f);
			if (!derive_wants_outside(task))
				continue;
			double re, im;
			if (!meter_add(&meter, n))
				return false;
			point_of(escape->frame, &shared, escape->x + column, &re, &im);
			const struct derived out = derive_point(task, step, re, im, n);
			derive_write(task, column, row, &out);
		}
	}
	return true;
}

#define SCALAR_STEP(tag, upper, step)                             \
	bool derive_scalar_##step(const struct derive_task *task) \
	{                                                         \
		return derive_all(task, STEP_##upper);            \
	}
ESCAPE_STEPS(SCALAR_STEP, )
