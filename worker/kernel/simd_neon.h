/* simd_neon.h - two doubles or four floats a vector: AArch64. Operations as in simd.h. */
#ifndef WORKER_KERNEL_SIMD_NEON_H
#define WORKER_KERNEL_SIMD_NEON_H

#include <arm_neon.h>

#define SIMD_NAME   neon
#define SIMD_UNROLL 8
#define SIMD_PARTS  1
#define SIMD_DENSE  4

#if KERNEL_F32
#define SIMD_LANES 4
typedef float32x4_t vec;
typedef uint32x4_t mask;
#define SIMD_OP(name)     name##_f32
#define SIMD_MASK(name)   name##_u32
#define SIMD_TO_MASK(a)   vreinterpretq_u32_f32(a)
#define SIMD_FROM_MASK(m) vreinterpretq_f32_u32(m)
#define SIMD_LANE_BITS    ((mask){1, 2, 4, 8})
#else
#define SIMD_LANES        2
typedef float64x2_t vec;
typedef uint64x2_t mask;
#define SIMD_OP(name)     name##_f64
#define SIMD_MASK(name)   name##_u64
#define SIMD_TO_MASK(a)   vreinterpretq_u64_f64(a)
#define SIMD_FROM_MASK(m) vreinterpretq_f64_u64(m)
#define SIMD_LANE_BITS    ((mask){1, 2})
#endif

#define v_load(p)            SIMD_OP(vld1q)(p)
#define v_store(p, a)        SIMD_OP(vst1q)(p, a)
#define v_set(s)             SIMD_OP(vdupq_n)(s)
#define v_add(a, b)          SIMD_OP(vaddq)(a, b)
#define v_sub(a, b)          SIMD_OP(vsubq)(a, b)
#define v_mul(a, b)          SIMD_OP(vmulq)(a, b)
#define v_fma(a, b, c)       SIMD_OP(vfmaq)(c, a, b)
#define v_fnma(a, b, c)      SIMD_OP(vfmsq)(c, a, b)
#define v_abs(a)             SIMD_OP(vabsq)(a)
#define v_floor(a)           SIMD_OP(vrndmq)(a)
#define v_min(a, b)          SIMD_OP(vminq)(a, b)
#define v_select(m, a, b)    SIMD_OP(vbslq)(m, a, b)
#define v_add_where(m, a, b) v_add(a, SIMD_FROM_MASK(m_and(m, SIMD_TO_MASK(b))))
#define m_le(a, b)           SIMD_OP(vcleq)(a, b)
#define m_eq(a, b)           SIMD_OP(vceqq)(a, b)
#define m_and(a, b)          SIMD_MASK(vandq)(a, b)
#define m_bits(m)            ((uint32_t)SIMD_MASK(vaddvq)(m_and(m, SIMD_LANE_BITS)))
#define v_pack(p, bits, a)   v_store(p, (bits) == 2 ? vdupq_laneq_f64(a, 1) : (a))

#endif
