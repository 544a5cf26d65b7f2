/* cases_shape.c - widths, heights, strides, limits, long beside short orbits, and giving up. */
#include "tests/kernel/cases.h"

/* Around every number of steps between two tests that a variant may have. */
static const uint32_t limits[] = {1,  2,  3,  4,  5,  7,  8,   9,   15,  16,  17,  18,
				  23, 24, 25, 31, 32, 33, 34,  47,  48,  49,  63,  64,
				  65, 66, 95, 96, 97, 99, 127, 128, 129, 130, 257, 1000};
#define LIMITS (sizeof limits / sizeof limits[0])

void suite_shapes(const struct target *target)
{
	static const uint32_t heights[] = {1, 2, 5};
	const size_t heights_count = sizeof heights / sizeof heights[0];
	size_t turn = random_below(LIMITS);
	for (uint32_t w = 1; w <= 2 * CHECK_BLOCK + 1; w++)
		for (size_t h = 0; h < heights_count; h++) {
			if (target->percent < 50 && w % heights_count != h)
				continue;
			const unsigned repeats = amount(target, 1);
			for (unsigned k = 0; k < repeats; k++) {
				struct check_case c = case_at(target, 0.0, 0.0, 1.0, w, heights[h],
							      limits[turn++ % LIMITS]);
				seek_boundary(&c, 4 + (int)random_below(8), &c.frame.re,
					      &c.frame.im);
				c.frame.step_re = random_scale(-6, -1) / (double)w;
				c.frame.step_im = 3.0 * c.frame.step_re;
				(void)check_run(&c);
			}
		}
}

/* Every limit up to a few tests past the first, on few samples. */
void suite_outputs(const struct target *target)
{
	const uint32_t end = 40 + amount(target, 100);
	for (uint32_t limit = 1; limit < end; limit++)
		for (int outputs = OUTPUT_ITERATIONS; outputs <= OUTPUT_ALL; outputs++) {
			struct check_case c = case_at(target, 0.0, 0.0, 1.0, 40, 2, limit);
			seek_boundary(&c, 10, &c.frame.re, &c.frame.im);
			c.frame.step_re = c.frame.step_im = 0.03 / (double)limit;
			c.outputs = (enum check_outputs)outputs;
			(void)check_run(&c);
		}
}

/* Long orbits beside short ones: lanes are refilled over and over, and some outlast the rest. */
void suite_refill(const struct target *target)
{
	struct check_case c = case_at(target, -0.35, 0.0, 0.016, 150, 60, 260);
	(void)check_run(&c);
	c.frame.cos = 0.6;
	c.frame.sin = 0.8;
	c.outputs = OUTPUT_ALL;
	(void)check_run(&c);
	for (unsigned k = 0; k < amount(target, 4); k++) {
		c = case_at(target, 0.0, 0.0, 1.0, 60 + random_below(80), 8 + random_below(20),
			    600);
		seek_boundary(&c, 12, &c.frame.re, &c.frame.im);
		c.frame.step_re = c.frame.step_im = random_scale(-5, -2);
		(void)check_run(&c);
	}
	if (target->step != STEP_SQUARE)
		return;
	c = case_at(target, -0.743643887037151, 0.131825904205330, 1.5e-5, 48, 20, 5000);
	for (int outputs = OUTPUT_ITERATIONS; outputs <= OUTPUT_ALL; outputs++) {
		c.outputs = (enum check_outputs)outputs;
		(void)check_run(&c);
	}
}

/* Stops at the first question, at the second, and never. Whoever asks once in 2^27 iterations is
 * asked here: 240 samples inside take 2^20 each, between samples outside. */
void suite_poll(const struct target *target)
{
	if (target->percent < 50 || (target->step != STEP_SQUARE && target->percent <= 100))
		return;
	struct check_case c = case_at(target, -0.1, 0.0, 0.01, 24, 18, 1u << 20);
	c.frame.step_im = 0.05;
	if (check_stopped(&c, 1) == 0)
		check_fail("%s %s: nobody asks within 2^27 iterations",
			   check_precision_name(target->precision), check_step_name(target->step));
	(void)check_stopped(&c, 2);
	if (target->precision == PRECISION_F64)
		(void)check_stopped(&c, UINT32_MAX);
}
