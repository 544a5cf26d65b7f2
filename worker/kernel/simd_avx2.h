/* simd_avx2.h - four doubles or eight floats a vector: AVX2 and FMA. As escape_tmpl.c says. */
#ifndef WORKER_KERNEL_SIMD_AVX2_H
#define WORKER_KERNEL_SIMD_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define SIMD_NAME   avx2
#define SIMD_UNROLL 6 /* with 16 registers two bundles of 6 are faster than one of 7 */
#define SIMD_PARTS  2
#define SIMD_DENSE  5

#if KERNEL_F32
#define SIMD_LANES 8
typedef __m256 vec;
typedef __m256 mask;
#define SIMD_OP(name) _mm256_##name##_ps
#else
#define SIMD_LANES    4
typedef __m256d vec;
typedef __m256d mask;
#define SIMD_OP(name) _mm256_##name##_pd
#endif

#define v_load(p)            SIMD_OP(loadu)(p)
#define v_store(p, a)        SIMD_OP(storeu)(p, a)
#define v_set(s)             SIMD_OP(set1)(s)
#define v_add(a, b)          SIMD_OP(add)(a, b)
#define v_sub(a, b)          SIMD_OP(sub)(a, b)
#define v_mul(a, b)          SIMD_OP(mul)(a, b)
#define v_fma(a, b, c)       SIMD_OP(fmadd)(a, b, c)
#define v_fnma(a, b, c)      SIMD_OP(fnmadd)(a, b, c)
#define v_abs(a)             SIMD_OP(andnot)(v_set(-0.0), a)
#define v_floor(a)           SIMD_OP(floor)(a)
#define v_min(a, b)          SIMD_OP(min)(a, b)
#define v_select(m, a, b)    SIMD_OP(blendv)(b, a, m)
#define v_add_where(m, a, b) SIMD_OP(add)(a, SIMD_OP(and)(m, b))
#define m_le(a, b)           SIMD_OP(cmp)(a, b, _CMP_LE_OQ)
#define m_eq(a, b)           SIMD_OP(cmp)(a, b, _CMP_EQ_OQ)
#define m_and(a, b)          SIMD_OP (and)(a, b)
#define m_bits(m)            ((uint32_t)SIMD_OP(movemask)(m))

#if !KERNEL_F32
/* Where the halves of each double go, by the bits of the lanes that are kept. */
static const uint32_t simd_pack[16][8] = {
	{0, 0, 0, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0, 0, 0}, {2, 3, 0, 0, 0, 0, 0, 0},
	{0, 1, 2, 3, 0, 0, 0, 0}, {4, 5, 0, 0, 0, 0, 0, 0}, {0, 1, 4, 5, 0, 0, 0, 0},
	{2, 3, 4, 5, 0, 0, 0, 0}, {0, 1, 2, 3, 4, 5, 0, 0}, {6, 7, 0, 0, 0, 0, 0, 0},
	{0, 1, 6, 7, 0, 0, 0, 0}, {2, 3, 6, 7, 0, 0, 0, 0}, {0, 1, 2, 3, 6, 7, 0, 0},
	{4, 5, 6, 7, 0, 0, 0, 0}, {0, 1, 4, 5, 6, 7, 0, 0}, {2, 3, 4, 5, 6, 7, 0, 0},
	{0, 1, 2, 3, 4, 5, 6, 7},
};

static inline void v_pack(double *p, uint32_t bits, vec a)
{
	const __m256i order = _mm256_loadu_si256((const __m256i *)(const void *)simd_pack[bits]);
	v_store(p, _mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(a), order)));
}
#endif

#endif
