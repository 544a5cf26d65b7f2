/*
 * simd.h - the vectors of one instruction set and precision, by one set of names.
 *
 * KERNEL_SIMD_HEADER names the header of the instruction set, KERNEL_F32 is 1 for floats and 0 for
 * doubles. The header defines SIMD_NAME; SIMD_LANES, numbers a vector; SIMD_UNROLL, vectors that
 * are iterated side by side in registers; SIMD_PARTS, times which a bundle has so many: the CPU
 * overlaps one with the next, where registers for enough vectors to hide the latency of a step are
 * wanting; SIMD_DENSE, vectors of a batch, which needs more registers for each; the types vec and
 * mask; and on them:
 *
 * v_load, v_store, v_set, v_add, v_sub, v_mul, v_abs; v_fma(a, b, c) = a b + c and v_fnma(a, b, c)
 * = -a b + c, rounded once; v_floor; v_min, any of the two where one is a NaN; v_select(m, a, b) =
 * m ? a : b; v_add_where(m, a, b) = m ? a + b : a; m_le and m_eq, false for a NaN; m_and; m_bits,
 * lane 0 in bit 0; and, of doubles alone, v_pack(p, bits, a): the lanes whose bits are set, one
 * after the other, in a vector's room of which the rest gets anything.
 */
#ifndef WORKER_KERNEL_SIMD_H
#define WORKER_KERNEL_SIMD_H

#include <float.h>
#include <math.h>
#include <stdint.h>

#include KERNEL_SIMD_HEADER

#if KERNEL_F32
typedef float real;
#define SIMD_REAL_FMA      fmaf
#define REAL_TINY          FLT_MIN
#define SIMD_REAL_NAME(a)  a##_f32
#define SIMD_ROUNDING_BITS 24
#else
typedef double real;
#define SIMD_REAL_FMA      fma
#define REAL_TINY          DBL_MIN
#define SIMD_REAL_NAME(a)  a##_f64
#define SIMD_ROUNDING_BITS 53
#endif

#define SIMD_ALL ((uint32_t)((UINT64_C(1) << SIMD_LANES) - 1)) /* m_bits() of a full mask */

#define BUNDLE (SIMD_PARTS * SIMD_UNROLL * SIMD_LANES) /* samples of a bundle */
#define GROUP  (SIMD_DENSE * SIMD_LANES)               /* samples of a batch */

_Static_assert(GROUP <= 64, "the lanes of a batch must fit a bit set");

#define SIMD_ALIGNED _Alignas(64) /* a vector that crosses a cache line costs twice */

/* For loops over vectors that live in registers. */
#define SIMD_UNROLL_ALL _Pragma("GCC unroll 16")

#endif
