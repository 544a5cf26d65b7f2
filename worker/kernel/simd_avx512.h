/* simd_avx512.h - eight doubles a vector: AVX512F and AVX512DQ. Operations as in escape_tmpl.c. */
#ifndef WORKER_KERNEL_SIMD_AVX512_H
#define WORKER_KERNEL_SIMD_AVX512_H

#include <immintrin.h>

#define SIMD_NAME   avx512
#define SIMD_UNROLL KERNEL_UNROLL_AVX512
#define SIMD_LANES  8

typedef __m512d vec;
typedef __mmask8 mask;

#define v_load(p)            _mm512_loadu_pd(p)
#define v_store(p, a)        _mm512_storeu_pd(p, a)
#define v_set(s)             _mm512_set1_pd(s)
#define v_add(a, b)          _mm512_add_pd(a, b)
#define v_mul(a, b)          _mm512_mul_pd(a, b)
#define v_fma(a, b, c)       _mm512_fmadd_pd(a, b, c)
#define v_fnma(a, b, c)      _mm512_fnmadd_pd(a, b, c)
#define v_select(m, a, b)    _mm512_mask_blend_pd(m, b, a)
#define v_add_where(m, a, b) _mm512_mask_add_pd(a, m, a, b)
#define m_le(a, b)           _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ)
#define m_and(a, b)          ((mask)((a) & (b)))
#define m_bits(m)            ((unsigned)(m))

#endif
