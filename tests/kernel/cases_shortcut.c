/*
 * cases_shortcut.c - where a shortcut could say inside of a sample that escapes, or find a period
 * that is none.
 */
#include "tests/kernel/cases.h"

struct place {
	double re, im;
};

/* Where components of z^2 + c touch, end or begin, and points whose orbits end in exact cycles. */
static const struct place tangencies[] = {
	{0.25, 0.0},
	{-0.75, 0.0},
	{-1.25, 0.0},
	{-1.75, 0.0},
	{-1.3680989394, 0.0},
	{-1.4011551890920506, 0.0},
	{-0.125, 0.649519052838329},
	{0.25, 0.5},
	{-1.0, 0.25},
	{-2.0, 0.0},
	{0.0, 1.0},
	{0.0, -1.0},
	{-1.5436890126920764, 0.0},
	{0.38, 0.333},
};

/* Centres of components by their period: 1 to 7 and more. */
static const struct place nuclei[] = {
	{0.0, 0.0},
	{-1.0, 0.0},
	{-1.7548776662466927, 0.0},
	{-0.12256116687665362, 0.7448617666197442},
	{-1.3107026413368328, 0.0},
	{0.28227139076691388, 0.53006061757852531},
	{-1.9407998065294847, 0.0},
	{-0.15652016683375508, 1.0322471089228318},
	{-1.6254137251233037, 0.0},
	{0.35925922475800738, 0.64251373713999393},
	{-0.50434017544624405, 0.56276576145298196},
	{-1.9999999, 0.0},
};

void suite_tangencies(const struct target *target)
{
	const size_t count = sizeof tangencies / sizeof tangencies[0];
	const int deepest = target->precision == PRECISION_F32 ? -9 : -17;
	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < amount(target, 6); k++) {
			const uint32_t limit = k == 0 ? 4000 : 1 + random_below(500);
			struct check_case c = case_at(target, tangencies[i].re, tangencies[i].im,
						      random_scale(deepest, -1), 23, 2, limit);
			if (k % 3 == 2)
				case_rotate(&c);
			(void)check_run(&c);
		}
}

/* The rims of the cardioid and of the disc, so close that a test in the wrong precision errs, with
 * orbits long enough to show it: f32 points need thousands of steps there. */
void suite_bulbs(const struct target *target)
{
	if (target->step != STEP_SQUARE)
		return;
	const double unit = target->precision == PRECISION_F32 ? 0x1p-26 : 0x1p-55;
	for (unsigned k = 0; k < amount(target, 60); k++) {
		struct check_case turn = {0};
		case_rotate(&turn);
		double a = turn.frame.cos, b = turn.frame.sin;
		if (k % 4 == 0) {
			/* Near the cusp. */
			b = random_scale(-4, -1);
			a = 1.0 - 0.5 * b * b;
		}
		/* (a + ib)/2 - ((a + ib)/2)^2, or the disc around -1. */
		double re = 0.5 * a - 0.25 * (a * a - b * b), im = 0.5 * b - 0.5 * a * b;
		if (k % 4 == 1) {
			re = -1.0 + 0.25 * a;
			im = 0.25 * b;
		}
		const double step = unit * (double)(1u << random_below(12));
		struct check_case c = case_at(target, re, im, step, 11, 2, 20000);
		(void)check_run(&c);
	}
	/* All of both at once, cut by no symmetry. */
	struct check_case c = case_at(target, -0.5, 0.01, 0.0101, 110, 60, 300);
	(void)check_run(&c);
}

/* Just past the cusps of z^d + c, d = 2 to 6, on the axes, where an orbit drifts along one axis so
 * slowly that its other part stays the same for thousands of steps, and escapes in the end. */
void suite_drifts(const struct target *target)
{
	static const double cusps[] = {0.25, 0.3849001794597505, 0.47247039371057747, 0.53499225,
				       0.58235593};
	for (size_t i = 0; i < sizeof cusps / sizeof cusps[0]; i++)
		for (int turn = 0; turn < 4; turn++) {
			const double at = turn % 2 == 0 ? cusps[i] : -cusps[i];
			const bool is_upright = turn >= 2;
			struct check_case c = case_at(target, is_upright ? 0.0 : at,
						      is_upright ? at : 0.0, 2e-6, 15, 1, 3000);
			/* One row, on the axis. */
			c.frame.columns = c.w;
			c.frame.rows = 1;
			c.x = c.y = 0;
			if (is_upright) {
				c.frame.cos = 0.0;
				c.frame.sin = 1.0;
			}
			(void)check_run(&c);
		}
}

/* Interiors of components, where an orbit becomes periodic in rounded numbers, in both phases of
 * the alternating forms; and their rims, where it takes long, or escapes after all. */
void suite_periods(const struct target *target)
{
	const size_t count = sizeof nuclei / sizeof nuclei[0];
	const bool is_square = target->step == STEP_SQUARE;
	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < amount(target, is_square ? 6 : 1); k++) {
			/* Odd and even limits end in either phase. */
			const uint32_t limit = (k == 0 && target->percent >= 50 ? 50000 : 2000) +
					       random_below(9);
			struct check_case c = case_at(target, nuclei[i].re, nuclei[i].im,
						      random_scale(-7, -2), 9, 2, limit);
			if (k % 2 == 1) {
				seek_boundary(&c, 8 + (int)random_below(20), &c.frame.re,
					      &c.frame.im);
				c.frame.step_re = c.frame.step_im = random_scale(-5, -1);
			}
			if (k % 3 == 2) {
				/* The filled Julia set of that centre. */
				case_julia(&c, nuclei[i].re, nuclei[i].im);
				c.frame.re = c.frame.im = 0.0;
				c.frame.step_re = c.frame.step_im = 0.1;
			}
			(void)check_run(&c);
		}
}

/* Rectangles that straddle the real axis, evenly or not, on a frame that is symmetric or nearly. */
void suite_symmetry(const struct target *target)
{
	for (unsigned k = 0; k < amount(target, 40); k++) {
		const uint32_t w = 1 + random_below(40), h = 2 + random_below(24);
		const double re = random_between(-1.9, 0.4);
		struct check_case c = case_at(target, re, 0.0, random_scale(-4, 0) / 20.0, w, h,
					      20 + random_below(300));
		c.frame.rows = h + random_below(3);
		c.y = random_below(c.frame.rows - h + 1);
		if (k % 5 == 1)
			c.frame.im = 0x1p-60;
		if (k % 5 == 2)
			c.frame.im = c.frame.step_im * (double)(1 + random_below(4));
		if (k % 5 == 3)
			c.frame.cos = -1.0;
		if (k % 5 == 4)
			c.frame.sin = 0x1p-40;
		if (k % 4 == 3)
			case_julia(&c, re, k % 8 == 3 ? 0.0 : 0.3);
		(void)check_run(&c);
		if (c.y + h < c.frame.rows) {
			c.y++;
			(void)check_run(&c);
		}
	}
}

/* More iterations than single precision can count: an escape that late, where there is one, or
 * none. */
void suite_late(const struct target *target)
{
	if (target->step != STEP_SQUARE || target->percent < 100)
		return;
	const bool is_f32 = target->precision == PRECISION_F32;
	const double im = is_f32 ? 0.0 : 0x1.86d78ee17391cp-23;
	const uint32_t middle = is_f32 ? (1u << 24) + 2 : 17261499;
	for (uint32_t limit = middle - 1; limit <= middle + 1; limit++) {
		struct check_case c = case_at(target, -0.75, im, 0.0, 1, 1, limit);
		c.outputs = OUTPUT_ALL;
		(void)check_run(&c);
	}
}
