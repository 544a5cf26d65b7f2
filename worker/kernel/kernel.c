/* kernel.c - the table of variants and the choice of one. */
#include "worker/kernel/kernel.h"

#include <stdio.h>
#include <string.h>

#include "worker/kernel/variants.h"

#define VARIANT_TEST(name, lanes, test, needs) \
	static bool supported_##name(void)     \
	{                                      \
		return (test);                 \
	}
ESCAPE_VARIANTS(VARIANT_TEST)
#undef VARIANT_TEST

#define VARIANT_ROW(name, lanes, test, needs) \
	{#name, needs, (lanes), supported_##name, {[FORMULA_MANDELBROT] = escape_##name}},
static const struct kernel kernel_table[] = {ESCAPE_VARIANTS(VARIANT_ROW)};
#undef VARIANT_ROW

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

enum brot_err kernel_select(const char *name, const struct kernel **ret_kernel,
			    struct brot_error *err)
{
	for (size_t i = 0; i < KERNEL_COUNT; i++) {
		const struct kernel *kernel = &kernel_table[i];
		if (name != NULL && strcmp(kernel->name, name) != 0)
			continue;
		if (kernel->supported()) {
			*ret_kernel = kernel;
			return BROT_OK;
		}
		if (name != NULL)
			return error_set(err, BROT_E_USAGE,
					 "kernel: %s needs %s, which this CPU has not", name,
					 kernel->needs);
	}
	return kernel_unknown(name, err);
}
