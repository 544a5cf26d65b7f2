/*
 * variants.h - the list of variants that this architecture has, the widest first.
 *
 * V(name, CPU test, what the test asks for). A new one is a line here, a header simd_<name>.h and
 * a line in worker/CMakeLists.txt. Each has one function for each precision and step, and one for
 * each step that derives, and one that counts a Buddhabrot.
 */
#ifndef WORKER_KERNEL_VARIANTS_H
#define WORKER_KERNEL_VARIANTS_H

#include "worker/kernel/kernel.h"

#if defined(__x86_64__)
#define CPU_HAS_AVX512 (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
#define CPU_HAS_AVX2   (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define ESCAPE_VARIANTS(V)                                \
	V(avx512, CPU_HAS_AVX512, "AVX512F and AVX512DQ") \
	V(avx2, CPU_HAS_AVX2, "AVX2 and FMA")             \
	V(scalar, true, "")
#elif defined(__aarch64__)
#define ESCAPE_VARIANTS(V) \
	V(neon, true, "")  \
	V(scalar, true, "")
#else
#define ESCAPE_VARIANTS(V) V(scalar, true, "")
#endif

#define VARIANT_STEP(variant, upper, step)   escape_fn escape_##variant##_##step;
#define VARIANT_DERIVE(variant, upper, step) derive_fn derive_##variant##_##step;
#define VARIANT_DECLARE(name, test, needs)     \
	ESCAPE_STEPS(VARIANT_STEP, name##_f64) \
	ESCAPE_STEPS(VARIANT_STEP, name##_f32) \
	ESCAPE_STEPS(VARIANT_DERIVE, name)     \
	buddha_fn buddha_##name;
ESCAPE_VARIANTS(VARIANT_DECLARE)
#undef VARIANT_DECLARE
#undef VARIANT_DERIVE
#undef VARIANT_STEP

#endif
