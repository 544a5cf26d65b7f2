/*
 * print_selftest.c - prints worker/selftest_answers.h, from the scalar kernel without shortcuts.
 *
 * To be run when the definition of the numbers or the tiles change, and at no other time: the
 * answers are what keeps the scalar kernel itself in check.
 */
#include <inttypes.h>
#include <stdio.h>

#include "worker/selftest.h"

int main(void)
{
	const struct kernel *scalar;
	struct brot_error err;
	if (kernel_by_name("scalar", &scalar, &err) != BROT_OK) {
		fprintf(stderr, "print_selftest: %s\n", err.text);
		return 1;
	}
	printf("/*\n"
	       " * selftest_answers.h - what each kernel must say of each tile of the self-test.\n"
	       " *\n"
	       " * For each tile, in f64 and in f32, the XXH3-64 of its iterations, of whole "
	       "counts\n"
	       " * and fractions, and of what is derived from it, little-endian. Printed by\n"
	       " * print_selftest; included by selftest.c alone.\n"
	       " */\n\n"
	       "/* clang-format off */\n"
	       "static const struct selftest_digests answers[][PRECISION_COUNT] = {\n");
	for (size_t tile = 0; tile < selftest_tile_count(); tile++) {
		char name[64];
		selftest_tile_name(tile, name, sizeof name);
		printf("\t/* %s */\n\t{", name);
		for (unsigned p = 0; p < PRECISION_COUNT; p++) {
			const struct selftest_digests digests = selftest_compute(
				tile, (enum precision)p, scalar, false);
			printf("%s{0x%016" PRIx64 ", 0x%016" PRIx64 ", 0x%016" PRIx64 "}",
			       p > 0 ? ",\n\t " : "", digests.iterations, digests.smooth,
			       digests.derived);
		}
		printf("},\n");
	}
	printf("};\n/* clang-format on */\n");
	return 0;
}
