/* racy_loop.c - the loops. The ways to add are compiled apart, so that none pays for another. */
#include "tests/bench/racy_loop.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t critical = PTHREAD_MUTEX_INITIALIZER;

static inline void add(const struct racy_task *task, enum racy_way way, double x, double y)
{
	const double scale = 0.25 * task->side_px;
	const int32_t column = (int32_t)((x + 2) * scale), row = (int32_t)((2 - y) * scale);
	if (column < 0 || column >= (int32_t)task->side_px || row < 0 ||
	    row >= (int32_t)task->side_px)
		return;
	uint32_t *cell = &task->grid[(size_t)row * task->side_px + (size_t)column];
	if (way == RACY_ATOMIC) {
		__atomic_fetch_add(cell, 1, __ATOMIC_RELAXED);
	} else if (way == RACY_CRITICAL) {
		pthread_mutex_lock(&critical);
		(*cell)++;
		pthread_mutex_unlock(&critical);
	} else {
		/* A plain addition, which the compiler may not merge with another. */
		*(volatile uint32_t *)cell = *(volatile uint32_t *)cell + 1;
	}
}

static inline void hit(const struct racy_task *task, enum racy_way way, double x, double y)
{
	add(task, way, x, y);
	if (way == RACY_SYMMETRIC)
		add(task, way, x, -y);
}

static inline void row_of(const struct racy_task *task, enum racy_way way, bool has_cache,
			  uint32_t row)
{
	const double step = 4.0 / task->side;
	const double ci = 2 - (row + 0.5) * step;
	for (uint32_t i = 0; i < task->side; i++) {
		const double cr = -2 + (i + 0.5) * step;
		double x = cr, y = ci;
		uint32_t n = 1;
		while (n <= task->limit && x * x + y * y <= 4) {
			if (has_cache) {
				task->cache_x[n - 1] = x;
				task->cache_y[n - 1] = y;
			}
			const double next = x * x - y * y + cr;
			y = 2 * x * y + ci;
			x = next;
			n++;
		}
		if (n > task->limit)
			continue;
		x = cr;
		y = ci;
		for (uint32_t m = 1; m < n; m++) {
			if (has_cache) {
				hit(task, way, task->cache_x[m - 1], task->cache_y[m - 1]);
				continue;
			}
			hit(task, way, x, y);
			const double next = x * x - y * y + cr;
			y = 2 * x * y + ci;
			x = next;
		}
	}
}

#define ROW(name, way)                                                          \
	static void name##_cached(const struct racy_task *task, uint32_t row)   \
	{                                                                       \
		row_of(task, way, true, row);                                   \
	}                                                                       \
	static void name##_uncached(const struct racy_task *task, uint32_t row) \
	{                                                                       \
		row_of(task, way, false, row);                                  \
	}
ROW(unsafe, RACY_UNSAFE)
ROW(atomic, RACY_ATOMIC)
ROW(critical, RACY_CRITICAL)
ROW(symmetric, RACY_SYMMETRIC)

void racy_row(const struct racy_task *task, enum racy_way way, uint32_t row)
{
	static void (*const rows[RACY_COUNT][2])(const struct racy_task *, uint32_t) = {
		{unsafe_uncached, unsafe_cached},       {atomic_uncached, atomic_cached},
		{critical_uncached, critical_cached},   {unsafe_uncached, unsafe_cached},
		{symmetric_uncached, symmetric_cached},
	};
	rows[way][task->cache_x != NULL](task, row);
}

void racy_sum(uint32_t *to, const uint32_t *from, uint32_t side_px, uint32_t first, uint32_t rows)
{
	const size_t end = (size_t)(first + rows) * side_px;
	for (size_t i = (size_t)first * side_px; i < end; i++)
		to[i] += from[i];
}
