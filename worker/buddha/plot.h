/*
 * plot.h - from samples whose n is known to the hits of their orbits, a few vectors at a time.
 *
 * Samples wait by the class of their n, so that those of a group end together: up to CLASS_EXACT
 * each n is one, and beyond that four make an octave.
 */
#ifndef WORKER_BUDDHA_PLOT_H
#define WORKER_BUDDHA_PLOT_H

#include "worker/buddha/one.h"
#include "worker/kernel/simd.h"
#include "worker/kernel/step.h"

#define PLOT_LANES   16
#define PLOT_VECTORS (PLOT_LANES / SIMD_LANES)

#define CLASS_EXACT 32
#define CLASSES     (CLASS_EXACT + 4 * (30 - 5)) /* LIMIT_ITERATIONS is below 2^30 */

#define PLOT_STEPS (1u << 14) /* between two looks at the gate; even */

#define HITS_ROOM 2048u
#define HITS_STEP (4 * PLOT_LANES) /* of two steps, and their conjugates */

struct plot_class {
	SIMD_ALIGNED double re[PLOT_LANES], im[PLOT_LANES];
	uint32_t n[PLOT_LANES], weight_log2[PLOT_LANES];
	uint32_t count;
};

/* Hits on their way to the bins. */
struct plot {
	const struct buddha_job *job;
	struct scatter *scatter;
	struct gate *gate;
	SIMD_ALIGNED double hits[HITS_ROOM + SIMD_LANES];
	uint32_t count;
	struct plot_class classes[CLASSES];
};

/* struct pixel_map in vectors. */
struct plot_map {
	vec re, im, cos, sin, scale_x, scale_y, half_width, half_height;
	vec width, last_column, last_row;
	bool is_turned, is_mirrored;
};

static inline struct plot_map plot_map_of(const struct pixel_map *map)
{
	return (struct plot_map){
		.re = v_set(map->re),
		.im = v_set(map->im),
		.cos = v_set(map->cos),
		.sin = v_set(map->sin),
		.scale_x = v_set(map->scale_x),
		.scale_y = v_set(map->scale_y),
		.half_width = v_set(0.5 * map->width),
		.half_height = v_set(0.5 * map->height),
		.width = v_set(map->width),
		.last_column = v_set(map->width - 1),
		.last_row = v_set(map->height - 1),
		.is_turned = map->is_turned,
		.is_mirrored = map->is_mirrored,
	};
}

/* The cell of each lane, added to `base`; ret_is_seen: whether it lies in the image. A row that is
 * not in it has a mirror image that is not either. */
static inline vec plot_cells(const struct plot_map *map, vec x, vec y, vec base, mask *ret_is_seen)
{
	const vec dx = v_sub(x, map->re), dy = map->is_mirrored ? y : v_sub(y, map->im);
	vec u = dx, v = dy;
	if (map->is_turned) {
		u = v_fma(dx, map->cos, v_mul(dy, map->sin));
		v = v_fnma(dx, map->sin, v_mul(dy, map->cos));
	}
	const vec column = v_floor(v_fma(u, map->scale_x, map->half_width));
	const vec lower = v_floor(v_fnma(v, map->scale_y, map->half_height));
	const vec upper = v_min(lower, v_sub(map->last_row, lower));
	const vec aside = v_min(column, v_sub(map->last_column, column));
	*ret_is_seen = m_le(v_set(0), v_min(upper, aside));
	return v_fma(map->is_mirrored ? upper : lower, map->width, v_add(column, base));
}

static inline void plot_flush(struct plot *plot, uint32_t set)
{
	const uint64_t *hits = (const uint64_t *)(const void *)plot->hits;
	for (uint32_t channel = 0; set >> channel != 0; channel++)
		if ((set >> channel & 1) != 0)
			scatter_add(plot->scatter, hits, plot->count, channel);
	plot->count = 0;
}

/* The hits of one vector: z, and its conjugate where the grid does not hold both in one. */
static inline void plot_vector(struct plot *plot, const struct plot_map *map, vec x, vec y,
			       vec base, mask is_alive)
{
	mask is_seen;
	vec cells = plot_cells(map, x, y, base, &is_seen);
	uint32_t bits = m_bits(m_and(is_seen, is_alive));
	v_pack(plot->hits + plot->count, bits, cells);
	plot->count += (uint32_t)__builtin_popcount(bits);
	if (map->is_mirrored)
		return;
	cells = plot_cells(map, x, v_sub(v_set(0), y), base, &is_seen);
	bits = m_bits(m_and(is_seen, is_alive));
	v_pack(plot->hits + plot->count, bits, cells);
	plot->count += (uint32_t)__builtin_popcount(bits);
}

/* What lanes iterate. */
struct plot_lanes {
	SIMD_ALIGNED double x[PLOT_LANES], y[PLOT_LANES]; /* z_m, m odd */
	SIMD_ALIGNED double re[PLOT_LANES], im[PLOT_LANES];
	SIMD_ALIGNED double left[PLOT_LANES]; /* hits that are still to come */
	SIMD_ALIGNED double base[PLOT_LANES]; /* SCATTER_HIT and the weight */
};

/* `steps` steps of `vectors` vectors from lane `first` on: a hit before each in the lanes that have
 * some left. x and y are z_(m + steps) then, `left` is as it was. Two steps at a time: where
 * `steps` is odd no lane may have anything left at the end. */
static inline void plot_advance(struct plot *plot, const struct plot_map *shared,
				struct plot_lanes *lanes, int first, int vectors, uint32_t steps,
				uint32_t set)
{
	const struct plot_map map = *shared;
	vec x[PLOT_VECTORS], y[PLOT_VECTORS], done = v_set(1);
	SIMD_UNROLL_ALL
	for (int i = 0; i < vectors; i++) {
		x[i] = v_load(lanes->x + first + i * SIMD_LANES);
		y[i] = v_load(lanes->y + first + i * SIMD_LANES);
	}
	for (uint32_t k = 0; k < steps; k += 2) {
		SIMD_UNROLL_ALL
		for (int half = 0; half < 2; half++) {
			SIMD_UNROLL_ALL
			for (int i = 0; i < vectors; i++) {
				const int lane = first + i * SIMD_LANES;
				plot_vector(plot, &map, x[i], y[i], v_load(lanes->base + lane),
					    m_le(done, v_load(lanes->left + lane)));
				step(&x[i], &y[i], v_load(lanes->re + lane),
				     v_load(lanes->im + lane), half == 0);
			}
			done = v_add(done, v_set(1));
		}
		if (plot->count > HITS_ROOM - HITS_STEP)
			plot_flush(plot, set);
	}
	SIMD_UNROLL_ALL
	for (int i = 0; i < vectors; i++) {
		v_store(lanes->x + first + i * SIMD_LANES, x[i]);
		v_store(lanes->y + first + i * SIMD_LANES, y[i]);
	}
}

/* All the steps of a group whose orbits have at most `last` hits: as plot_advance(), but `left` is
 * what is left, and where the gate says so it ends early. */
static inline void plot_orbits(struct plot *plot, const struct plot_map *map,
			       struct plot_lanes *lanes, int first, int vectors, uint32_t last,
			       uint32_t set)
{
	for (uint32_t done = 0; done < last; done += PLOT_STEPS) {
		const uint32_t steps = last - done < PLOT_STEPS ? last - done : PLOT_STEPS;
		if (!gate_pass(plot->gate, (uint64_t)steps * (uint32_t)(vectors * SIMD_LANES)))
			return;
		plot_advance(plot, map, lanes, first, vectors, steps, set);
		for (int i = first; i < first + vectors * SIMD_LANES; i++)
			lanes->left[i] -= steps;
	}
}

/* Plots the samples of a class that go to one set of channels. */
static inline void plot_group(struct plot *plot, struct plot_class *group, uint32_t set)
{
	const struct buddha_job *job = plot->job;
	const struct plot_map map = plot_map_of(&job->map);
	struct plot_lanes lanes;
	uint32_t count = 0, last = 0;
	for (uint32_t i = 0; i < group->count; i++) {
		if (buddha_channels_at(job, group->n[i]) != set)
			continue;
		lanes.x[count] = lanes.re[count] = group->re[i];
		lanes.y[count] = lanes.im[count] = group->im[i];
		lanes.left[count] = group->n[i] - 1;
		lanes.base[count] = SCATTER_HIT + SCATTER_WEIGHT * group->weight_log2[i];
		last = group->n[i] - 1 > last ? group->n[i] - 1 : last;
		count++;
	}
	const uint32_t taken = count;
	for (; count % SIMD_LANES != 0; count++) {
		lanes.x[count] = lanes.re[count] = lanes.y[count] = lanes.im[count] = 0;
		lanes.left[count] = 0;
		lanes.base[count] = SCATTER_HIT;
	}
	if (taken > PLOT_LANES - SIMD_LANES)
		plot_orbits(plot, &map, &lanes, 0, PLOT_VECTORS, last, set);
	else
		for (uint32_t first = 0; first < taken; first += SIMD_LANES)
			plot_orbits(plot, &map, &lanes, (int)first, 1, last, set);
	plot_flush(plot, set);
}

static inline void plot_class_flush(struct plot *plot, struct plot_class *group)
{
	uint32_t done = 0;
	for (uint32_t i = 0; i < group->count; i++) {
		const uint32_t set = buddha_channels_at(plot->job, group->n[i]);
		if ((done >> set & 1) == 0)
			plot_group(plot, group, set);
		done |= 1u << set;
	}
	group->count = 0;
}

static inline uint32_t plot_class_of(uint32_t n)
{
	if (n < CLASS_EXACT)
		return n;
	const uint32_t octave = 31 - (uint32_t)__builtin_clz(n);
	return CLASS_EXACT + 4 * (octave - 5) + (n >> (octave - 2) & 3);
}

/* A sample that escapes at n >= 2, which is of a band. */
static inline void plot_sample(struct plot *plot, double re, double im, uint32_t n,
			       uint32_t weight_log2)
{
	struct plot_class *group = &plot->classes[plot_class_of(n)];
	const uint32_t i = group->count++;
	group->re[i] = re;
	group->im[i] = im;
	group->n[i] = n;
	group->weight_log2[i] = weight_log2;
	if (group->count == PLOT_LANES)
		plot_class_flush(plot, group);
}

static inline void plot_init(struct plot *plot, const struct buddha_job *job,
			     struct scatter *scatter, struct gate *gate)
{
	plot->job = job;
	plot->scatter = scatter;
	plot->gate = gate;
	plot->count = 0;
	for (uint32_t i = 0; i < CLASSES; i++)
		plot->classes[i].count = 0;
}

static inline void plot_end(struct plot *plot)
{
	for (uint32_t i = 0; i < CLASSES; i++)
		plot_class_flush(plot, &plot->classes[i]);
}

#endif
