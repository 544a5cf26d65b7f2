/* check_derive.c - planes of derivatives, variant by variant. */
#include "tests/kernel/check_derive.h"

#include <stdio.h>
#include <string.h>

#include "worker/kernel/derive.h"

#define SAMPLES_MAX 8192
#define WORK_MAX    UINT64_C(2000000) /* steps of the reference that a case may cost */
#define CANARY      0xa5
#define SAMPLES     3 /* a pixel */

/* Rows have one more at their end that nobody may touch. */
struct planes {
	uint32_t whole[SAMPLES_MAX], period[SAMPLES_MAX];
	float fraction[SAMPLES_MAX], distance[2 * SAMPLES_MAX], phase[SAMPLES_MAX];
	float interior[SAMPLES_MAX];
};

static struct planes wanted, got;
static uint32_t counts[SAMPLES_MAX], wholes[SAMPLES_MAX];
static float fractions[SAMPLES_MAX];
static unsigned long cases;

unsigned long check_derive_cases(void)
{
	return cases;
}

static void planes_reset(struct planes *planes, size_t samples)
{
	memset(planes->whole, CANARY, 4 * samples);
	memset(planes->fraction, CANARY, 4 * samples);
	memset(planes->distance, CANARY, 8 * samples);
	memset(planes->phase, CANARY, 4 * samples);
	memset(planes->period, CANARY, 4 * samples);
	memset(planes->interior, CANARY, 4 * samples);
}

static void derive(const struct kernel *kernel, const struct check_case *c, struct planes *planes)
{
	const struct escape_task escape = check_task(c);
	const size_t stride = (size_t)c->w + 1;
	const struct derive_task task = {
		.escape = &escape,
		.samples = SAMPLES,
		.iterations = counts,
		.iterations_stride = stride,
		.whole = planes->whole,
		.whole_stride = stride,
		.fraction = planes->fraction,
		.fraction_stride = stride,
		.distance = planes->distance,
		.distance_stride = stride,
		.phase = planes->phase,
		.phase_stride = stride,
		.period = planes->period,
		.period_stride = stride,
		.interior = planes->interior,
		.interior_stride = stride,
	};
	planes_reset(planes, stride * c->h);
	if (!kernel->derive[c->step](&task))
		check_fail("%s gives derivatives up without being told to", kernel->name);
}

static bool words_equal(const void *a, const void *b, size_t words, size_t *ret_first)
{
	for (size_t i = 0; i < words; i++)
		if (memcmp((const char *)a + 4 * i, (const char *)b + 4 * i, 4) != 0) {
			*ret_first = i;
			return false;
		}
	return true;
}

static void compare(const struct check_case *c, const struct kernel *kernel, const char *plane,
		    const void *have, const void *want, size_t words)
{
	const struct point_frame *f = &c->frame;
	size_t at = 0;
	if (memcmp(have, want, 4 * words) == 0 || words_equal(have, want, words, &at))
		return;
	uint32_t a, b;
	memcpy(&a, (const char *)have + 4 * at, 4);
	memcpy(&b, (const char *)want + 4 * at, 4);
	check_fail("%s: %s of word %zu is 0x%x, must be 0x%x: step %s, frame %a %a %a %a %a %a %u "
		   "%u, rectangle %u %u %u %u, limit %u, julia %d %a %a",
		   kernel->name, plane, at, a, b, check_step_name(c->step), f->re, f->im,
		   f->step_re, f->step_im, f->cos, f->sin, f->columns, f->rows, c->x, c->y, c->w,
		   c->h, c->limit, c->is_julia, c->c_re, c->c_im);
}

static void compare_all(const struct check_case *c, const struct kernel *kernel)
{
	const size_t samples = ((size_t)c->w + 1) * c->h;
	compare(c, kernel, "whole", got.whole, wanted.whole, samples);
	compare(c, kernel, "fraction", got.fraction, wanted.fraction, samples);
	compare(c, kernel, "distance", got.distance, wanted.distance, 2 * samples);
	compare(c, kernel, "phase", got.phase, wanted.phase, samples);
	compare(c, kernel, "period", got.period, wanted.period, samples);
	compare(c, kernel, "interior", got.interior, wanted.interior, samples);
}

/* The smooth counts must be the escape kernel's, whatever stands beside them. */
static void compare_smooth(const struct check_case *c, const struct kernel *kernel)
{
	for (size_t row = 0; row < c->h; row++) {
		const size_t at = row * ((size_t)c->w + 1);
		compare(c, kernel, "whole against escape's", wanted.whole + at, wholes + at, c->w);
		compare(c, kernel, "fraction against escape's", wanted.fraction + at,
			fractions + at, c->w);
	}
}

/* The numbers of inside points of the upside-down frame. */
static void compare_conjugate(const struct check_case *c, const struct kernel *kernel)
{
	struct check_case turned = *c;
	turned.frame.im = -c->frame.im;
	turned.frame.sin = -c->frame.sin;
	turned.c_im = -c->c_im;
	turned.y = c->frame.rows - c->y - c->h;
	const size_t stride = (size_t)c->w + 1;
	static uint32_t upright[SAMPLES_MAX];
	if (c->step == STEP_BURNING_SHIP)
		return;
	memcpy(upright, counts, 4 * stride * c->h);
	for (size_t row = 0; row < c->h; row++)
		memcpy(counts + row * stride, upright + (c->h - 1 - row) * stride, 4 * stride);
	derive(kernel, &turned, &got);
	memcpy(counts, upright, 4 * stride * c->h);
	for (size_t row = 0; row < c->h; row++) {
		const size_t at = row * stride, from = (c->h - 1 - row) * stride;
		compare(&turned, kernel, "conjugate period", got.period + from, wanted.period + at,
			c->w);
		compare(&turned, kernel, "conjugate interior", got.interior + from,
			wanted.interior + at, c->w);
		compare(&turned, kernel, "conjugate fraction", got.fraction + from,
			wanted.fraction + at, c->w);
	}
}

/* Counts the case; false where it would cost too much. */
static bool count_case(const struct check_case *c, const struct kernel *reference)
{
	struct escape_task task = check_task(c);
	uint64_t total;
	task.iterations = counts;
	task.whole = wholes;
	task.fraction = fractions;
	task.iterations_stride = task.whole_stride = task.fraction_stride = (size_t)c->w + 1;
	(void)reference->escape[PRECISION_F64][c->step](&task, &total);
	return total <= WORK_MAX;
}

void check_derive(const struct check_case *given, const char *only)
{
	const struct kernel *reference = NULL;
	if (given->precision != PRECISION_F64 || ((size_t)given->w + 1) * given->h > SAMPLES_MAX ||
	    kernel_by_name("scalar", &reference, NULL) != BROT_OK)
		return;
	memset(counts, 0, 4 * ((size_t)given->w + 1) * given->h);
	if (!count_case(given, reference))
		return;
	derive(reference, given, &wanted);
	compare_smooth(given, reference);
	for (size_t i = 0; kernel_at(i) != NULL; i++) {
		const struct kernel *kernel = kernel_at(i);
		if (!kernel->supported() || (only != NULL && strcmp(only, kernel->name) != 0))
			continue;
		cases++;
		if (kernel != reference) {
			derive(kernel, given, &got);
			compare_all(given, kernel);
		}
		compare_conjugate(given, kernel);
	}
}
