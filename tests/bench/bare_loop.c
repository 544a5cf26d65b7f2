/* bare_loop.c - which bare loops this architecture has. */
#include "tests/bench/bare_loop.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#define BARE_VARIANTS(V) V(avx512) V(avx2)
#elif defined(__aarch64__)
#define BARE_VARIANTS(V) V(neon)
#else
#define BARE_VARIANTS(V)
#endif

#define BARE_DECLARE(name) bare_loop_fn bare_loop_##name##_f64, bare_loop_##name##_f32;
BARE_VARIANTS(BARE_DECLARE)

bare_loop_fn *bare_loop_of(const char *kernel, enum precision precision)
{
	const bool is_f32 = precision == PRECISION_F32;
#define BARE_CHOOSE(name)               \
	if (strcmp(kernel, #name) == 0) \
		return is_f32 ? bare_loop_##name##_f32 : bare_loop_##name##_f64;
	BARE_VARIANTS(BARE_CHOOSE)
	return NULL;
}
