/* simd_neon.h - two doubles a vector: AArch64. Operations as in escape_tmpl.c. */
#ifndef WORKER_KERNEL_SIMD_NEON_H
#define WORKER_KERNEL_SIMD_NEON_H

#include <arm_neon.h>

#define SIMD_NAME   neon
#define SIMD_UNROLL KERNEL_UNROLL_NEON
#define SIMD_LANES  2

typedef float64x2_t vec;
typedef uint64x2_t mask;

#define v_load(p)         vld1q_f64(p)
#define v_store(p, a)     vst1q_f64(p, a)
#define v_set(s)          vdupq_n_f64(s)
#define v_add(a, b)       vaddq_f64(a, b)
#define v_mul(a, b)       vmulq_f64(a, b)
#define v_fma(a, b, c)    vfmaq_f64(c, a, b)
#define v_fnma(a, b, c)   vfmsq_f64(c, a, b)
#define v_select(m, a, b) vbslq_f64(m, a, b)
#define v_add_where(m, a, b) \
	vaddq_f64(a, vreinterpretq_f64_u64(vandq_u64(m, vreinterpretq_u64_f64(b))))
#define m_le(a, b)  vcleq_f64(a, b)
#define m_and(a, b) vandq_u64(a, b)
#define m_bits(m)   ((unsigned)((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2)))

#endif
