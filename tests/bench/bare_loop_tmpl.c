/*
 * bare_loop_tmpl.c - the bare loop, compiled once for each instruction set and precision.
 *
 * KERNEL_SIMD_HEADER and KERNEL_F32 as for worker/kernel/escape_tmpl.c. Each number of vectors has
 * a function of its own, in which the compiler can give every vector a register.
 */
#include "tests/bench/bare_loop.h"

#include "worker/kernel/simd.h"

#define ESCAPE_STEP STEP_SQUARE
#include "worker/kernel/step.h"

#define PASTE(a, b)             a##b
#define BARE_NAME(isa)          SIMD_REAL_NAME_OF(PASTE(bare_loop_, isa))
#define SIMD_REAL_NAME_OF(name) SIMD_REAL_NAME(name)
#define BARE_LOOP               BARE_NAME(SIMD_NAME)

#define LANES        (BARE_VECTORS_MAX * SIMD_LANES)
#define INSIDE_NORM2 ((real)1)

/* What of a group is not in registers. */
struct group {
	real x[LANES], y[LANES], cr[LANES], ci[LANES];
};

/* `vectors` must be a constant, `iterations` even. */
static inline __attribute__((always_inline)) void group_run(struct group *g, int vectors,
							    uint64_t iterations)
{
	vec x[BARE_VECTORS_MAX], y[BARE_VECTORS_MAX];
	for (int u = 0; u < vectors; u++) {
		x[u] = v_load(g->x + u * SIMD_LANES);
		y[u] = v_load(g->y + u * SIMD_LANES);
	}
	for (uint64_t n = 0; n < iterations; n += 2) {
		for (int u = 0; u < vectors; u++)
			step(&x[u], &y[u], v_load(g->cr + u * SIMD_LANES),
			     v_load(g->ci + u * SIMD_LANES), true);
		for (int u = 0; u < vectors; u++)
			step(&x[u], &y[u], v_load(g->cr + u * SIMD_LANES),
			     v_load(g->ci + u * SIMD_LANES), false);
	}
	for (int u = 0; u < vectors; u++) {
		v_store(g->x + u * SIMD_LANES, x[u]);
		v_store(g->y + u * SIMD_LANES, y[u]);
	}
}

typedef void run_fn(struct group *groups, unsigned count, uint64_t rounds);

#define RUN_ONE(vectors)                                                                     \
	static void run_one_##vectors(struct group *groups, unsigned count, uint64_t rounds) \
	{                                                                                    \
		(void)count;                                                                 \
		group_run(groups, vectors, rounds *BARE_BLOCK);                              \
	}
#define RUN_MANY(vectors)                                                                     \
	static void run_many_##vectors(struct group *groups, unsigned count, uint64_t rounds) \
	{                                                                                     \
		for (uint64_t r = 0; r < rounds; r++)                                         \
			for (unsigned i = 0; i < count; i++)                                  \
				group_run(&groups[i], vectors, BARE_BLOCK);                   \
	}

#define ONE_GROUP(V)   V(1) V(2) V(3) V(4) V(5) V(6) V(7) V(8) V(9) V(10) V(11) V(12)
#define MANY_GROUPS(V) V(3) V(4) V(5) V(6)

ONE_GROUP(RUN_ONE)
MANY_GROUPS(RUN_MANY)

#define ONE_ENTRY(vectors)  [vectors] = run_one_##vectors,
#define MANY_ENTRY(vectors) [vectors] = run_many_##vectors,
static run_fn *const one_group[BARE_VECTORS_MAX + 1] = {ONE_GROUP(ONE_ENTRY)};
static run_fn *const many_groups[BARE_VECTORS_MAX + 1] = {MANY_GROUPS(MANY_ENTRY)};

/* Points of the main cardioid, whose orbits tend to a point that is not 0. */
static void groups_fill(struct group groups[BARE_GROUPS_MAX])
{
	for (unsigned i = 0; i < BARE_GROUPS_MAX; i++)
		for (unsigned k = 0; k < LANES; k++) {
			groups[i].x[k] = groups[i].y[k] = 0;
			groups[i].cr[k] = (real)-0.1 + (real)0.001 * (real)k;
			groups[i].ci[k] = (real)0.1 + (real)0.01 * (real)i;
		}
}

bare_loop_fn BARE_LOOP;

uint64_t BARE_LOOP(const struct bare_shape *shape, uint64_t rounds, bool *ret_is_inside)
{
	struct group groups[BARE_GROUPS_MAX];
	run_fn *run = NULL;
	if (shape->groups <= BARE_GROUPS_MAX && shape->vectors <= BARE_VECTORS_MAX)
		run = (shape->groups == 1 ? one_group : many_groups)[shape->vectors];
	if (run == NULL)
		return 0;
	groups_fill(groups);
	run(groups, shape->groups, rounds);
	*ret_is_inside = true;
	for (unsigned i = 0; i < shape->groups; i++)
		for (unsigned k = 0; k < shape->vectors * SIMD_LANES; k++) {
			const real x = groups[i].x[k], y = groups[i].y[k];
			if (!(x * x + y * y <= INSIDE_NORM2))
				*ret_is_inside = false;
		}
	return (uint64_t)shape->groups * shape->vectors * SIMD_LANES * BARE_BLOCK * rounds;
}
