/* cases_place.c - the boundary, and where rounding and range may give a kernel away. */
#include "tests/kernel/cases.h"

/* Between inside and outside, at every depth that a precision has and past it. */
void suite_boundary(const struct target *target)
{
	const bool is_f32 = target->precision == PRECISION_F32;
	for (unsigned k = 0; k < amount(target, 150); k++) {
		struct check_case c = case_at(target, 0.0, 0.0, 1.0, 1 + random_below(60),
					      1 + random_below(8), 1);
		c.limit = 1 + random_below(k % 8 == 0 ? 3000 : 300);
		seek_boundary(&c, 3 + (int)random_below(is_f32 ? 24 : 50), &c.frame.re,
			      &c.frame.im);
		c.frame.step_re = c.frame.step_im = random_scale(is_f32 ? -9 : -17, -1);
		if (random_below(2) == 0)
			case_rotate(&c);
		(void)check_run(&c);
	}
}

/* Points within a few roundings of |c| = 2, where a test of |z| alone every few steps would not
 * do: there an orbit may leave the disc and come back. */
void suite_edge(const struct target *target)
{
	const double unit = target->precision == PRECISION_F32 ? 0x1p-25 : 0x1p-54;
	for (unsigned k = 0; k < amount(target, 90); k++) {
		struct check_case turn = {0};
		case_rotate(&turn);
		double re = 2.0 * turn.frame.cos, im = 2.0 * turn.frame.sin;
		if (k % 3 == 0) {
			re = k % 2 == 0 ? -2.0 : 2.0;
			im = 0.0;
		}
		const double step = unit * (double)(1u << (k % 24));
		struct check_case c = case_at(target, re, im, step, 37, 3, k % 7 == 0 ? 17 : 300);
		(void)check_run(&c);
		/* z_0 on that circle, and c too. */
		case_julia(&c, k % 2 == 0 ? -2.0 : re, k % 2 == 0 ? 0.0 : im);
		(void)check_run(&c);
	}
}

/* Far outside, on the axes, and so small that squares vanish. */
void suite_extremes(const struct target *target)
{
	static const double centres[] = {0.0, 1024.0, -1024.0, 0.25, -1.25, 1e-300};
	static const double steps[] = {1.0, 0x1p-10, 1e-17, 1e-41, 1e-160, 1e-310};
	const size_t count = sizeof centres / sizeof centres[0];
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
				struct check_case c = case_at(target, centres[i], centres[j],
							      steps[k], 37, 2, 100);
				c.outputs = OUTPUT_ALL;
				(void)check_run(&c);
			}
}

/* The real and the imaginary axis, with zeros of both signs. */
void suite_axis(const struct target *target)
{
	static const double zeros[] = {0.0, -0.0};
	static const double turns[][2] = {{1.0, 0.0},  {-1.0, 0.0}, {0.0, 1.0},
					  {0.0, -1.0}, {1.0, -0.0}, {-1.0, -0.0}};
	static const double centres[] = {-2.0, -1.75, -1.4, -0.75, 0.25, 0.3};
	for (size_t i = 0; i < sizeof centres / sizeof centres[0]; i++)
		for (size_t t = 0; t < sizeof turns / sizeof turns[0]; t++)
			for (size_t z = 0; z < 2; z++) {
				const bool is_upright = t == 2 || t == 3;
				struct check_case c = case_at(
					target, is_upright ? zeros[z] : centres[i],
					is_upright ? centres[i] : zeros[z], random_scale(-8, -1),
					51, 3, 50 + random_below(400));
				/* An odd number of rows puts one on the axis. */
				c.frame.columns = 51;
				c.frame.rows = 3;
				c.x = c.y = 0;
				c.frame.cos = turns[t][0];
				c.frame.sin = turns[t][1];
				(void)check_run(&c);
			}
}

/* Parameters on the boundary, inside, real and out at |c| = 2; points around their Julia sets. */
void suite_julia(const struct target *target)
{
	static const double known[][2] = {
		{0.0, 0.0},    {-1.0, 0.0},  {-2.0, 0.0},  {2.0, 0.0}, {0.0, 1.0},
		{0.25, 0.0},   {-0.75, 0.0}, {-0.0, -0.0}, {0.3, 0.5}, {-0.123, 0.745},
		{-0.8, 0.156}, {1.0, 0.0},   {0.285, 0.01}};
	const size_t known_count = sizeof known / sizeof known[0];
	for (unsigned k = 0; k < amount(target, 60); k++) {
		struct check_case c = case_at(target, 0.0, 0.0, 1.0, 1 + random_below(90),
					      1 + random_below(9), 1 + random_below(500));
		double re, im;
		if (k % 2 == 0) {
			re = known[k / 2 % known_count][0];
			im = known[k / 2 % known_count][1];
		} else {
			seek_boundary(&c, 4 + (int)random_below(30), &re, &im);
			/* |c| <= 2 is the kernels' condition. */
			if (re * re + im * im > 4.0)
				re = im = 1.0;
		}
		case_julia(&c, re, im);
		c.frame.step_re = c.frame.step_im = 2.0 / (double)c.w;
		if (k % 3 != 0) {
			seek_boundary(&c, 5 + (int)random_below(20), &c.frame.re, &c.frame.im);
			c.frame.step_re = c.frame.step_im = random_scale(-8, -1);
		}
		if (random_below(2) == 0)
			case_rotate(&c);
		(void)check_run(&c);
	}
}
