/*
 * avx512.h - AVX-512 by SIMDe, for the test of that variant on CPUs that have AVX2 and FMA only.
 *
 * Included before anything else, so that the kernel's own <immintrin.h> finds it done and its
 * intrinsics have SIMDe's meaning.
 */
#ifndef TESTS_KERNEL_EMULATED_AVX512_H
#define TESTS_KERNEL_EMULATED_AVX512_H

#define SIMDE_ENABLE_NATIVE_ALIASES

#include <simde/x86/avx512.h>

#endif
