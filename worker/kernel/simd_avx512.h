/* simd_avx512.h - eight doubles or sixteen floats a vector: AVX-512 F and DQ. */
#ifndef WORKER_KERNEL_SIMD_AVX512_H
#define WORKER_KERNEL_SIMD_AVX512_H

#include <immintrin.h>

#define SIMD_NAME   avx512
#define SIMD_UNROLL 8
#define SIMD_PARTS  1
#define SIMD_DENSE  4

#if KERNEL_F32
#define SIMD_LANES 16
typedef __m512 vec;
typedef __mmask16 mask;
#define SIMD_OP(name)   _mm512_##name##_ps
#define SIMD_MASK(name) _mm512_##name##_ps_mask
#else
#define SIMD_LANES      8
typedef __m512d vec;
typedef __mmask8 mask;
#define SIMD_OP(name)   _mm512_##name##_pd
#define SIMD_MASK(name) _mm512_##name##_pd_mask
#endif

#define v_load(p)            SIMD_OP(loadu)(p)
#define v_store(p, a)        SIMD_OP(storeu)(p, a)
#define v_set(s)             SIMD_OP(set1)(s)
#define v_add(a, b)          SIMD_OP(add)(a, b)
#define v_sub(a, b)          SIMD_OP(sub)(a, b)
#define v_mul(a, b)          SIMD_OP(mul)(a, b)
#define v_fma(a, b, c)       SIMD_OP(fmadd)(a, b, c)
#define v_fnma(a, b, c)      SIMD_OP(fnmadd)(a, b, c)
#define v_abs(a)             SIMD_OP(abs)(a)
#define v_floor(a)           SIMD_OP(floor)(a)
#define v_min(a, b)          SIMD_OP(min)(a, b)
#define v_select(m, a, b)    SIMD_OP(mask_blend)(m, b, a)
#define v_add_where(m, a, b) SIMD_OP(mask_add)(a, m, a, b)
#define m_le(a, b)           SIMD_MASK(cmp)(a, b, _CMP_LE_OQ)
#define m_eq(a, b)           SIMD_MASK(cmp)(a, b, _CMP_EQ_OQ)
#define m_and(a, b)          ((mask)((a) & (b)))
#define m_bits(m)            ((uint32_t)(m))
#define v_pack(p, bits, a)   v_store(p, _mm512_maskz_compress_pd((mask)(bits), a))

#endif
