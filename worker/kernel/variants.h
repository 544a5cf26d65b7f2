/*
 * variants.h - the list of variants that this architecture has, in order of preference.
 *
 * V(name, samples in flight, CPU test, what the test asks for). A new one is a line here,
 * a header simd_<name>.h and a line in worker/CMakeLists.txt. The order was set by tests/bench.
 */
#ifndef WORKER_KERNEL_VARIANTS_H
#define WORKER_KERNEL_VARIANTS_H

#include "worker/kernel/kernel.h"

/* Vectors in flight: enough to hide the latency of two dependent multiply-adds. */
#define KERNEL_UNROLL_AVX512 4
#define KERNEL_UNROLL_AVX2   4
#define KERNEL_UNROLL_NEON   4

#if defined(__x86_64__)
#define CPU_HAS_AVX512 (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
#define CPU_HAS_AVX2   (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define ESCAPE_VARIANTS(V)                                                          \
	V(avx512, KERNEL_UNROLL_AVX512 * 8, CPU_HAS_AVX512, "AVX512F and AVX512DQ") \
	V(avx2, KERNEL_UNROLL_AVX2 * 4, CPU_HAS_AVX2, "AVX2 and FMA")               \
	V(scalar, 1, true, "")
#elif defined(__aarch64__)
#define ESCAPE_VARIANTS(V)                        \
	V(neon, KERNEL_UNROLL_NEON * 2, true, "") \
	V(scalar, 1, true, "")
#else
#define ESCAPE_VARIANTS(V) V(scalar, 1, true, "")
#endif

#define VARIANT_DECLARE(name, lanes, test, needs) escape_fn escape_##name;
ESCAPE_VARIANTS(VARIANT_DECLARE)
#undef VARIANT_DECLARE

#endif
