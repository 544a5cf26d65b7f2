/* simd_avx2.h - four doubles a vector: AVX2 and FMA. Operations as in escape_tmpl.c. */
#ifndef WORKER_KERNEL_SIMD_AVX2_H
#define WORKER_KERNEL_SIMD_AVX2_H

#include <immintrin.h>

#define SIMD_NAME   avx2
#define SIMD_UNROLL KERNEL_UNROLL_AVX2
#define SIMD_LANES  4

typedef __m256d vec;
typedef __m256d mask;

#define v_load(p)            _mm256_loadu_pd(p)
#define v_store(p, a)        _mm256_storeu_pd(p, a)
#define v_set(s)             _mm256_set1_pd(s)
#define v_add(a, b)          _mm256_add_pd(a, b)
#define v_mul(a, b)          _mm256_mul_pd(a, b)
#define v_fma(a, b, c)       _mm256_fmadd_pd(a, b, c)
#define v_fnma(a, b, c)      _mm256_fnmadd_pd(a, b, c)
#define v_select(m, a, b)    _mm256_blendv_pd(b, a, m)
#define v_add_where(m, a, b) _mm256_add_pd(a, _mm256_and_pd(m, b))
#define m_le(a, b)           _mm256_cmp_pd(a, b, _CMP_LE_OQ)
#define m_and(a, b)          _mm256_and_pd(a, b)
#define m_bits(m)            ((unsigned)_mm256_movemask_pd(m))

#endif
