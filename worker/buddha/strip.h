/*
 * strip.h - makes samples, and leaves out those whose end is known from c alone.
 */
#ifndef WORKER_BUDDHA_STRIP_H
#define WORKER_BUDDHA_STRIP_H

#include "worker/buddha/buddha.h"
#include "worker/kernel/interior.h"
#include "worker/kernel/simd.h"

#define STRIP 256 /* samples that are made at once */

/* |c|^2 of a sample that is left to one_sample() lies in 4 - EDGE to 4 + EDGE: worker/kernel says
 * why. */
#define EDGE 0x1p-40

struct strip {
	SIMD_ALIGNED double re[STRIP + SIMD_LANES], im[STRIP + SIMD_LANES];
	SIMD_ALIGNED double depth[STRIP + SIMD_LANES];
	uint32_t weight_log2[STRIP];
	uint32_t count, next; /* those before `next` are taken */
};

static inline void strip_random(struct strip *s, const struct sampler *sampler, uint64_t first,
				uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct sample sample = sampler_random(sampler, first + i);
		s->re[i] = sample.re;
		s->im[i] = sample.im;
	}
}

static inline void strip_zoom(struct strip *s, const struct sampler *sampler, uint64_t first,
			      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct sample sample = sampler_zoom(sampler, first + i);
		s->re[i] = sample.re;
		s->im[i] = sample.im;
		s->weight_log2[i] = sample.weight_log2;
	}
}

/* Within one row: the caller sees to it. */
static inline void strip_grid(struct strip *s, const struct sampler *sampler, uint64_t first,
			      uint32_t count)
{
	const uint64_t row = first / (2 * sampler->side), column = first % (2 * sampler->side);
	const double q = (double)(int64_t)sampler->side;
	const double from = (double)(int64_t)(2 * column + 1);
	const double im = sampler_grid_at(sampler, column, row).im;
	for (uint32_t i = 0; i < count; i++) {
		s->re[i] = -2 + (from + 2 * (double)(int32_t)i) / q;
		s->im[i] = im;
	}
}

/* Fills the strip with samples from `first` on, at most `count`; returns how many it took. */
static inline uint32_t strip_fill(struct strip *s, const struct sampler *sampler, uint64_t first,
				  uint64_t count)
{
	uint32_t taken = count < STRIP ? (uint32_t)count : STRIP;
	if (sampler->sampling == SAMPLING_GRID) {
		const uint64_t there = 2 * sampler->side - first % (2 * sampler->side);
		taken = there < taken ? (uint32_t)there : taken;
		strip_grid(s, sampler, first, taken);
	} else if (sampler->sampling == SAMPLING_RANDOM) {
		strip_random(s, sampler, first, taken);
	} else {
		strip_zoom(s, sampler, first, taken);
	}
	s->count = taken;
	s->next = 0;
	return taken;
}

static inline void strip_copy(struct strip *s, uint32_t to, uint32_t from, bool has_weights)
{
	s->re[to] = s->re[from];
	s->im[to] = s->im[from];
	if (has_weights)
		s->weight_log2[to] = s->weight_log2[from];
}

/* The bits of the lanes from `first` on that are neither inside by interior.h, nor out from the
 * start, nor at the edge. */
static inline uint32_t strip_bits(const struct strip *s, uint32_t first, bool has_interior,
				  uint32_t *ret_inside, uint32_t *ret_edge)
{
	const vec re = v_load(s->re + first), im = v_load(s->im + first);
	const vec r = v_fma(re, re, v_mul(im, im));
	const uint32_t near = m_bits(m_le(r, v_set(4 + EDGE)));
	const uint32_t edge = near & m_bits(m_le(v_set(4 - EDGE), r));
	const uint32_t inside = has_interior
					? m_bits(m_le(v_load(s->depth + first), v_set(-REAL_TINY)))
					: 0;
	*ret_inside = inside & ~edge;
	*ret_edge = edge;
	return near & ~edge & ~inside;
}

static inline void strip_depth(struct strip *s)
{
	const struct interior margin = INTERIOR_F64;
	for (uint32_t i = 0; i < STRIP; i++)
		s->depth[i] = interior_depth(&margin, s->re[i], s->im[i]);
}

/* Leaves out the samples of cells that are of no interest. */
static inline void strip_skip(struct strip *s, const struct cells *cells, bool has_weights)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < s->count; i++) {
		const bool is_kept = !cells_has(cells, s->re[i], s->im[i]);
		strip_copy(s, kept, i, has_weights);
		kept += is_kept;
	}
	s->count = kept;
}

#endif
