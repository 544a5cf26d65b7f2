/* kernel.c - the table of variants. */
#include "worker/kernel/kernel.h"

#include <stdio.h>
#include <string.h>

#include "worker/kernel/variants.h"

#define VARIANT_TEST(name, test, needs)    \
	static bool supported_##name(void) \
	{                                  \
		return (test);             \
	}
ESCAPE_VARIANTS(VARIANT_TEST)
#undef VARIANT_TEST

#define VARIANT_STEP(variant, upper, step)   [STEP_##upper] = escape_##variant##_##step,
#define VARIANT_DERIVE(variant, upper, step) [STEP_##upper] = derive_##variant##_##step,
#define VARIANT_ROW(name, test, needs)                     \
	{#name,                                            \
	 needs,                                            \
	 supported_##name,                                 \
	 {                                                 \
		 {ESCAPE_STEPS(VARIANT_STEP, name##_f64)}, \
		 {ESCAPE_STEPS(VARIANT_STEP, name##_f32)}, \
	 },                                                \
	 {ESCAPE_STEPS(VARIANT_DERIVE, name)},             \
	 buddha_##name},
static const struct kernel kernel_table[] = {ESCAPE_VARIANTS(VARIANT_ROW)};
#undef VARIANT_ROW
#undef VARIANT_DERIVE
#undef VARIANT_STEP

_Static_assert(PRECISION_F64 == 0 && PRECISION_F32 == 1, "the rows are in this order");

#define KERNEL_COUNT (sizeof kernel_table / sizeof kernel_table[0])

const struct kernel *kernel_at(size_t index)
{
	return index < KERNEL_COUNT ? &kernel_table[index] : NULL;
}

static enum brot_err kernel_unknown(const char *name, struct brot_error *err)
{
	char choices[128] = "";
	size_t length = 0;
	for (size_t i = 0; i < KERNEL_COUNT && length < sizeof choices; i++)
		length += (size_t)snprintf(choices + length, sizeof choices - length, "%s%s",
					   i > 0 ? ", " : "", kernel_table[i].name);
	return error_set(err, BROT_E_USAGE, "kernel: must be one of %s, got \"%.64s\"", choices,
			 name);
}

enum brot_err kernel_by_name(const char *name, const struct kernel **ret_kernel,
			     struct brot_error *err)
{
	for (size_t i = 0; i < KERNEL_COUNT; i++) {
		const struct kernel *kernel = &kernel_table[i];
		if (strcmp(kernel->name, name) != 0)
			continue;
		if (!kernel->supported())
			return error_set(err, BROT_E_USAGE,
					 "kernel: %s needs %s, which this CPU has not", name,
					 kernel->needs);
		*ret_kernel = kernel;
		return BROT_OK;
	}
	return kernel_unknown(name, err);
}

enum escape_step kernel_step(const struct request *request)
{
	switch (request->formula) {
	case FORMULA_MULTIBROT:
		return (enum escape_step)(STEP_POWER3 + (request->power - FORMULA_POWER_MIN));
	case FORMULA_BURNING_SHIP:
		return STEP_BURNING_SHIP;
	case FORMULA_TRICORN:
		return STEP_TRICORN;
	case FORMULA_MANDELBROT:
	case FORMULA_JULIA:
	case FORMULA_COUNT:
		break;
	}
	return STEP_SQUARE;
}
