/* cases_known.c - the reference against counts that can be had by hand. */
#include "tests/kernel/cases.h"

struct known {
	double re, im;
	uint32_t count; /* up to 1000 */
};

static void known_check(const struct target *target, const struct known *known, size_t count)
{
	const struct check_case c = {
		.precision = target->precision, .step = target->step, .limit = 1000};
	for (size_t i = 0; i < count; i++) {
		const uint32_t n = check_count(&c, known[i].re, known[i].im);
		if (n != known[i].count)
			check_fail("scalar %s %s: c = %a %a has count %u, must be %u",
				   check_precision_name(target->precision),
				   check_step_name(target->step), known[i].re, known[i].im, n,
				   known[i].count);
	}
}

/* The real axis: z^d + c with c < 0 for an odd d is the mirror image of c > 0. */
void suite_known(const struct target *target)
{
	static const struct known all[] = {
		{0.0, 0.0, 0},       {2.5, 0.0, 1}, {-2.5, 0.0, 1},
		{1024.0, 1024.0, 1}, {2.0, 0.0, 2}, {0.0, 2.5, 1},
	};
	static const struct known square[] = {
		{-1.0, 0.0, 0}, {0.25, 0.0, 0}, {-2.0, 0.0, 0},     {0.0, 1.0, 0},
		{1.0, 0.0, 3},  {0.5, 0.0, 5},  {0.0, 2.0, 2},      {-1.0, 1.0, 3},
		{0.0, -1.0, 0}, {1.0, 1.0, 2},  {-0.75, 0.01, 315},
	};
	/* z^3 + c is real to 2 / 3^1.5 = 0.3849. */
	static const struct known power3[] = {
		{0.375, 0.0, 0}, {1.0, 0.0, 3}, {-1.0, 0.0, 3}, {0.0, 1.0, 0}, {0.5, 0.0, 6}};
	static const struct known power4[] = {{-1.0, 0.0, 0}, {1.0, 0.0, 3}, {0.0, 2.0, 2}};
	static const struct known power5[] = {{1.0, 0.0, 3}, {-1.0, 0.0, 3}, {0.5, 0.0, 0}};
	static const struct known power6[] = {{-1.0, 0.0, 0}, {1.0, 0.0, 3}};
	/* (|x| + i|y|)^2 + c and conj(z)^2 + c are z^2 + c on the real axis. */
	static const struct known ship[] = {
		{-1.0, 0.0, 0}, {0.5, 0.0, 5}, {-2.0, 0.0, 0}, {0.0, 1.0, 3}, {0.0, -1.0, 0}};
	static const struct known tricorn[] = {
		{-1.0, 0.0, 0}, {0.5, 0.0, 5}, {-2.0, 0.0, 0}, {0.0, 1.0, 3}, {0.0, -1.0, 3}};
#define KNOWN_CHECK(table) known_check(target, table, sizeof table / sizeof table[0])
	KNOWN_CHECK(all);
	switch (target->step) {
	case STEP_SQUARE:
		KNOWN_CHECK(square);
		break;
	case STEP_POWER3:
		KNOWN_CHECK(power3);
		break;
	case STEP_POWER4:
		KNOWN_CHECK(power4);
		break;
	case STEP_POWER5:
		KNOWN_CHECK(power5);
		break;
	case STEP_POWER6:
		KNOWN_CHECK(power6);
		break;
	case STEP_BURNING_SHIP:
		KNOWN_CHECK(ship);
		break;
	case STEP_TRICORN:
		KNOWN_CHECK(tricorn);
		break;
	case STEP_COUNT:
		check_fail("there is no such step");
		break;
	}
}
