/* escape_scalar.c - the reference: one sample after the other. Never optimised. */
#include "worker/kernel/escape_point.h"
#include "worker/kernel/variants.h"

uint64_t escape_scalar(const struct escape_task *task)
{
	uint64_t total = 0;
	for (uint32_t row = 0; row < task->h; row++) {
		const struct point_row shared = point_row_of(task->frame, task->y + row);
		for (uint32_t column = 0; column < task->w; column++) {
			double cr, ci;
			point_of(task->frame, &shared, task->x + column, &cr, &ci);
			const struct escape_result result = escape_point(cr, ci, task->limit,
									 task->whole != NULL);
			total += escape_store(task, column, row, &result);
		}
	}
	return total;
}
