/* power.c - 2^x by Taylor's series, and powers by it. */
#include "proto/power.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/logarithm.h"

/* ln(2)^i / i!, from i = 13 down to 0. With |x| <= 1/2 the rest is below 2^-57. */
static const double terms[] = {
	0x1.816193166d0f9p-40, 0x1.c3bd650fc2986p-36,
	0x1.e8cac7351bb25p-32, 0x1.e4cf5158b8ecap-28,
	0x1.b5253d395e7c4p-24, 0x1.62c0223a5c824p-20,
	0x1.ffcbfc588b0c7p-17, 0x1.430912f86c787p-13,
	0x1.5d87fe78a6731p-10, 0x1.3b2ab6fba4e77p-7,
	0x1.c6b08d704a0c0p-5,  0x1.ebfbdff82c58fp-3,
	0x1.62e42fefa39efp-1,  1.0,
};

double power_of(double x, double exponent)
{
	const double y = exponent * logarithm_2(x);
	const double whole = floor(y + 0.5);
	const double rest = y - whole;
	double sum = terms[0];
	for (size_t i = 1; i < sizeof terms / sizeof terms[0]; i++)
		sum = sum * rest + terms[i];
	const uint64_t bits = (uint64_t)((int64_t)whole + 1023) << 52;
	double scale;
	memcpy(&scale, &bits, sizeof scale);
	return sum * scale;
}
