/* escape_scalar.c - the reference: one sample after the other, no shortcut. Never optimised. */
#include "worker/kernel/escape_point.h"
#include "worker/kernel/variants.h"

#define POLL_WORK (1u << 24)

typedef struct escape_result point_fn(const struct escape_task *task, enum escape_step step,
				      double re, double im);

static inline bool escape_all(const struct escape_task *task, enum escape_step step,
			      point_fn *point, uint64_t *ret_iterations)
{
	uint64_t total = 0, next_poll = POLL_WORK;
	for (uint32_t row = 0; row < task->h; row++) {
		const struct point_row shared = point_row_of(task->frame, task->y + row);
		for (uint32_t column = 0; column < task->w; column++) {
			double re, im;
			if (task->poll != NULL && total >= next_poll) {
				next_poll = total + POLL_WORK;
				if (!task->poll->keep_going(task->poll->context, total)) {
					*ret_iterations = total;
					return false;
				}
			}
			point_of(task->frame, &shared, task->x + column, &re, &im);
			const struct escape_result result = point(task, step, re, im);
			total += escape_store(task, step, column, row, &result);
		}
	}
	*ret_iterations = total;
	return true;
}

#define SCALAR_STEP(precision, upper, step)                                                      \
	bool escape_scalar_##precision##_##step(const struct escape_task *task,                  \
						uint64_t *ret_iterations)                        \
	{                                                                                        \
		return escape_all(task, STEP_##upper, escape_point_##precision, ret_iterations); \
	}
ESCAPE_STEPS(SCALAR_STEP, f64)
ESCAPE_STEPS(SCALAR_STEP, f32)
