/* cases.c - what the suites of test_variants share. */
#include "tests/kernel/cases.h"

#include <math.h>

#define FRAME_CELLS 4096

static uint32_t random_state;

void random_seed(uint32_t seed)
{
	random_state = seed;
}

static uint32_t random_word(void)
{
	uint32_t word = 0;
	for (int i = 0; i < 2; i++) {
		random_state = random_state * 1664525u + 1013904223u;
		word = word << 16 | random_state >> 16;
	}
	return word;
}

double random_unit(void)
{
	return (double)random_word() * 0x1p-32;
}

double random_between(double least, double end)
{
	return least + (end - least) * random_unit();
}

uint32_t random_below(uint32_t end)
{
	return (uint32_t)((double)end * random_unit());
}

double random_scale(int least, int end)
{
	double scale = 1.0;
	for (int k = least + (int)random_below((uint32_t)(end - least)); k < 0; k++)
		scale /= 10.0;
	return scale;
}

unsigned amount(const struct target *target, unsigned usual)
{
	return (usual * target->percent + 99) / 100;
}

struct check_case case_at(const struct target *target, double re, double im, double step,
			  uint32_t w, uint32_t h, uint32_t limit)
{
	return (struct check_case){
		.precision = target->precision,
		.step = target->step,
		.frame = {.re = re,
			  .im = im,
			  .step_re = step,
			  .step_im = step,
			  .cos = 1.0,
			  .columns = FRAME_CELLS,
			  .rows = FRAME_CELLS},
		.x = (FRAME_CELLS - w) / 2,
		.y = (FRAME_CELLS - h) / 2,
		.w = w,
		.h = h,
		.limit = limit,
		.outputs = (enum check_outputs)(OUTPUT_ITERATIONS + random_below(OUTPUT_ALL)),
		.gap = random_below(5),
	};
}

void case_rotate(struct check_case *c)
{
	static const double right[][2] = {{0.0, 1.0}, {-1.0, 0.0}, {0.0, -1.0}};
	if (random_below(4) == 0) {
		const uint32_t turn = random_below(3);
		c->frame.cos = right[turn][0];
		c->frame.sin = right[turn][1];
		return;
	}
	/* A point of the circle without a library's sine. */
	const double t = random_between(-1.0, 1.0);
	c->frame.cos = (1.0 - t * t) / (1.0 + t * t);
	c->frame.sin = 2.0 * t / (1.0 + t * t);
}

void case_julia(struct check_case *c, double re, double im)
{
	c->is_julia = true;
	c->c_re = re;
	c->c_im = im;
}

void seek_boundary(const struct check_case *c, int halvings, double *ret_re, double *ret_im)
{
	double inside_re = random_between(-0.1, 0.1), inside_im = 0.0;
	double outside_re = random_between(-2.0, 2.0), outside_im = random_between(2.0, 3.0);
	if (random_below(2) == 0)
		outside_im = -outside_im;
	for (int i = 0; i < halvings; i++) {
		const double re = 0.5 * (inside_re + outside_re);
		const double im = 0.5 * (inside_im + outside_im);
		if (check_count(c, re, im) == 0) {
			inside_re = re;
			inside_im = im;
		} else {
			outside_re = re;
			outside_im = im;
		}
	}
	*ret_re = outside_re;
	*ret_im = outside_im;
}
