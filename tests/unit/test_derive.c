/*
 * test_derive.c - distance, phase, period and interior distance against what is known of them.
 *
 * That all variants store the same bytes is tests/kernel's to show; this is about their truth. The
 * formulas are written here once more, with the functions of the C library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <complex.h>
#include <math.h>
#include <string.h>

#include "worker/kernel/derive_point.h"

#define TURN 6.283185307179586

static double complex complex_of(double re, double im)
{
	return re + im * I;
}

static void assert_near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-5 * fabs(want)))
		fail_msg("%.9g, must be %.9g", got, want);
}

/* The numbers of one point, as the widest kernel has them. */
struct numbers {
	uint32_t n, whole, period;
	float fraction, distance[2], phase, interior;
};

struct place {
	enum escape_step step;
	bool is_julia;
	double c_re, c_im;
	uint32_t limit;
	double pixel_w, pixel_h, cos, sin;
};

static const struct kernel *widest(void)
{
	size_t i = 0;
	while (!kernel_at(i)->supported())
		i++;
	return kernel_at(i);
}

/* Of a frame of 2 x 2 samples the one at (re, im), to rounding: it has one pixel of 2 x 2 samples,
 * so that a pixel is what the place says. */
static struct numbers numbers_at(const struct place *place, double re, double im)
{
	struct numbers out;
	uint64_t iterations;
	const double half_w = place->pixel_w / 4, half_h = place->pixel_h / 4;
	/* Sample (0, 0) lies half_w to the left and half_h above. */
	const struct point_frame frame = {
		.re = re + (half_w * place->cos + half_h * place->sin),
		.im = im + (half_w * place->sin - half_h * place->cos),
		.step_re = half_w,
		.step_im = half_h,
		.cos = place->cos,
		.sin = place->sin,
		.columns = 2,
		.rows = 2,
	};
	const struct escape_task escape = {
		.frame = &frame,
		.w = 1,
		.h = 1,
		.limit = place->limit,
		.is_julia = place->is_julia,
		.c_re = place->c_re,
		.c_im = place->c_im,
		.has_shortcuts = true,
		.iterations = &out.n,
	};
	const struct derive_task task = {
		.escape = &escape,
		.samples = 2,
		.iterations = &out.n,
		.whole = &out.whole,
		.fraction = &out.fraction,
		.distance = out.distance,
		.phase = &out.phase,
		.period = &out.period,
		.interior = &out.interior,
	};
	assert_true(widest()->escape[PRECISION_F64][place->step](&escape, &iterations));
	assert_true(widest()->derive[place->step](&task));
	return out;
}

static double length(const struct numbers *numbers)
{
	return hypot((double)numbers->distance[0], (double)numbers->distance[1]);
}

static struct place place_of(enum escape_step step, double pixel)
{
	return (struct place){
		.step = step, .limit = 5000, .pixel_w = pixel, .pixel_h = pixel, .cos = 1};
}

static double complex orbit(const struct place *place, uint32_t n, double re, double im)
{
	double complex z = place->is_julia ? complex_of(re, im) : 0;
	const double complex c = place->is_julia ? complex_of(place->c_re, place->c_im)
						 : complex_of(re, im);
	for (uint32_t k = 0; k < n; k++) {
		if (place->step == STEP_BURNING_SHIP)
			z = complex_of(fabs(creal(z)), fabs(cimag(z)));
		if (place->step == STEP_TRICORN)
			z = conj(z);
		double complex power = z;
		for (int i = 1; i < step_power_of(place->step); i++)
			power *= z;
		z = power + c;
	}
	return z;
}

/* The first n with |z_n| > 2^16. */
static uint32_t far_n(const struct place *place, double re, double im)
{
	uint32_t n = 1;
	while (cabs(orbit(place, n, re, im)) <= 65536)
		n++;
	return n;
}

/* ln|z_n| so many pixels to the right of a point and above it. */
static double potential(const struct place *place, uint32_t n, double re, double im, double right,
			double up)
{
	const double x = right * place->pixel_w, y = up * place->pixel_h;
	return log(cabs(orbit(place, n, re + x * place->cos - y * place->sin,
			      im + x * place->sin + y * place->cos)));
}

/* The vector that central differences over h pixels give. */
static void difference_distance(const struct place *place, double re, double im, double h,
				double ret[2])
{
	const uint32_t n = far_n(place, re, im);
	const double gx = (potential(place, n, re, im, h, 0) - potential(place, n, re, im, -h, 0)) /
			  (2 * h);
	const double gy = (potential(place, n, re, im, 0, h) - potential(place, n, re, im, 0, -h)) /
			  (2 * h);
	const double factor = potential(place, n, re, im, 0, 0) / (gx * gx + gy * gy);
	ret[0] = gx * factor;
	ret[1] = gy * factor;
}

static void check_distance(const struct place *place, double re, double im)
{
	double want[2];
	const struct numbers got = numbers_at(place, re, im);
	assert_true(got.n > 0);
	difference_distance(place, re, im, fmin(1e-3 * length(&got), 1e-2), want);
	const double off = hypot((double)got.distance[0] - want[0],
				 (double)got.distance[1] - want[1]);
	if (!(off <= 1e-4 * hypot(want[0], want[1])))
		fail_msg("step %d, julia %d, %g%+gi: (%g, %g), must be (%g, %g)", (int)place->step,
			 place->is_julia, re, im, (double)got.distance[0], (double)got.distance[1],
			 want[0], want[1]);
}

/* Pixels that are turned and not square as well. */
static void distance_is_what_differences_say(void **state)
{
	(void)state;
	for (int step = 0; step < STEP_COUNT; step++)
		for (int turned = 0; turned < 2; turned++) {
			unsigned checked = 0;
			struct place place = place_of((enum escape_step)step, 1e-3);
			if (turned == 1) {
				place.pixel_h = 2.5e-3;
				place.cos = 0.8;
				place.sin = -0.6;
			}
			place.limit = 30;
			for (int i = 0; i < 400; i++) {
				const double re = -2.2 + 0.217 * (i % 20);
				const double im = -2.1 + 0.213 * (i / 20);
				if (numbers_at(&place, re, im).n == 0)
					continue;
				check_distance(&place, re, im);
				checked++;
			}
			assert_true(checked > 150);
		}
	struct place julia = place_of(STEP_SQUARE, 1e-3);
	julia.is_julia = true;
	julia.c_re = -0.8;
	julia.c_im = 0.156;
	julia.limit = 40;
	for (int i = 0; i < 100; i++)
		if (numbers_at(&julia, -1.7 + 0.31 * (i % 10), 0.03 + 0.17 * (i / 10)).n > 0)
			check_distance(&julia, -1.7 + 0.31 * (i % 10), 0.03 + 0.17 * (i / 10));
}

/* Left of -2 the nearest point of the set is known; the Julia set of 0 is the unit
 * circle, whose potential is ln|z|, that of -2 the segment from -2 to 2. */
static void distance_fits_known_ones(void **state)
{
	(void)state;
	for (double t = 1e-6; t < 2; t *= 3) {
		struct place place = place_of(STEP_SQUARE, t / 10);
		struct numbers left = numbers_at(&place, -2 - t, 0);
		assert_true(left.distance[0] < 0 && left.distance[1] == 0);
		/* What adaptive.h says of the distance from below, turned round, and Harnack's
		 * inequality for the gradient from above. */
		const uint32_t n = far_n(&place, -2 - t, 0);
		const double g = 2 * potential(&place, n, -2 - t, 0, 0, 0) / ldexp(1, (int)n);
		assert_true(length(&left) <= 10.001 * g / tanh(g / 2));
		assert_true(length(&left) >= 5);
		place.is_julia = true;
		const double r = 1 + t;
		const struct numbers circle = numbers_at(&place, 0.6 * r, 0.8 * r);
		const double want = r * log(r) / (t / 10);
		assert_near(length(&circle), want);
		assert_near((double)circle.distance[0], 0.6 * want);
		assert_near((double)circle.distance[1], 0.8 * want);
		place.c_re = -2;
		const struct numbers above = numbers_at(&place, 0.5, t);
		assert_true(length(&above) <= 20 && length(&above) >= 5);
	}
}

static void phase_is_the_angle(void **state)
{
	(void)state;
	double worst = 0;
	for (int i = 0; i < 2000000; i++) {
		const double angle = TURN * ((double)i + 0.5) / 2000000, r = ldexp(1, i % 60 - 20);
		const double x = r * cos(angle), y = r * sin(angle);
		double want = atan2(y, x) / TURN;
		want = want < 0 ? want + 1 : want;
		worst = fmax(worst, fabs(angle_turns(x, y) - want));
	}
	assert_true(worst < 0x1p-47);
	assert_true(angle_turns(1, 0) == 0 && angle_turns(1, -0.0) == 0);
	assert_true(angle_turns(0, 3) == 0.25 && angle_turns(-2, 0) == 0.5);
	assert_true(angle_turns(0, -5) == 0.75 && angle_turns(1, -1e-300) == 1);
	assert_true(angle_turns(1e300, 1e-300) == 0);

	struct place place = place_of(STEP_SQUARE, 1e-3);
	for (int i = 0; i < 100; i++) {
		const double re = -2.05 + 0.031 * i, im = 1.2 - 0.001 * i;
		const struct numbers got = numbers_at(&place, re, im);
		const double complex z = orbit(&place, far_n(&place, re, im), re, im);
		const double want = carg(z) / TURN, off = (double)got.phase - want;
		assert_true(got.phase >= 0 && got.phase < 1);
		assert_true(fabs(off - round(off)) < 1e-6);
	}
}

/* A phase that is less than half a unit below 1 stays below it. */
static void phase_stays_below_1(void **state)
{
	(void)state;
	struct place place = place_of(STEP_SQUARE, 1e-3);
	const struct numbers got = numbers_at(&place, 2.5, -1e-14);
	assert_true(got.phase == 0x1.fffffep-1f);
	assert_true(numbers_at(&place, 2.5, 0).phase == 0);
}

static void check_period(enum escape_step step, double re, double im, uint32_t period)
{
	const struct place place = place_of(step, 1e-3);
	const struct numbers up = numbers_at(&place, re, im), down = numbers_at(&place, re, -im);
	if (up.n != 0 || up.period != period)
		fail_msg("step %d, %.17g%+.17gi: period %u, must be %u", (int)step, re, im,
			 up.period, period);
	assert_int_equal(down.period, period);
	assert_true((period > 0) == (up.interior > 0));
	assert_true(fabs((double)(up.interior - down.interior)) <= 1e-4 * (double)up.interior);
	assert_int_equal(up.whole, UINT32_MAX);
	assert_true(up.fraction == 0 && up.distance[0] == 0 && up.distance[1] == 0 &&
		    up.phase == 0);
}

static void nuclei_have_their_periods(void **state)
{
	(void)state;
	check_period(STEP_SQUARE, 0, 0, 1);
	check_period(STEP_SQUARE, -1, 0, 2);
	check_period(STEP_SQUARE, -1.75487766624669276, 0, 3);
	check_period(STEP_SQUARE, -0.122561166876653620, 0.744861766619744237, 3);
	check_period(STEP_SQUARE, -1.31070264133683288, 0, 4);
	check_period(STEP_SQUARE, -1.94079980652948475, 0, 4);
	check_period(STEP_SQUARE, 0.282271390766913880, 0.530060617578525299, 4);
	/* Off the nuclei: near a root, and where a component bears another. */
	check_period(STEP_SQUARE, 0.2499, 0, 1);
	check_period(STEP_SQUARE, -0.7499, 0, 1);
	check_period(STEP_SQUARE, -0.7501, 0, 2);
	check_period(STEP_SQUARE, -1.2499, 0.0001, 2);
	check_period(STEP_SQUARE, -1.2501, 0, 4);
	check_period(STEP_SQUARE, -1.3810, 0, 8);
	check_period(STEP_SQUARE, -0.1226, 0.7, 3);
	/* z^d + c returns to 0 after two steps where c^(d - 1) = -1. */
	check_period(STEP_POWER3, 0, 0, 1);
	check_period(STEP_POWER3, 0, 1, 2);
	check_period(STEP_POWER4, -1, 0, 2);
	check_period(STEP_POWER5, 0.70710678118654752, 0.70710678118654752, 2);
	check_period(STEP_POWER6, -1, 0, 2);
	/* Boundary points that no cycle attracts. */
	check_period(STEP_SQUARE, -2, 0, 0);
	check_period(STEP_SQUARE, 0, 1, 0);
}

/* The cardioid's boundary point of a multiplier exp(i t). */
static double complex cardioid(double t)
{
	const double complex m = cexp(complex_of(0, t));
	return m / 2 - m * m / 4;
}

/* By Koebe's theorem the estimate is 1 to 4 times the distance; in the disc of period 2 it is
 * known. */
static void interior_estimates_the_distance(void **state)
{
	(void)state;
	const double pixel = 0.01;
	const struct place place = place_of(STEP_SQUARE, pixel);
	for (int i = 1; i < 40; i++) {
		const double complex inner = 0.9 * cardioid(0.15 * i) * ((i % 7) + 1) / 8;
		double least = 9;
		for (int k = 0; k < 20000; k++)
			least = fmin(least, cabs(inner - cardioid(TURN * k / 20000)));
		const struct numbers got = numbers_at(&place, creal(inner), cimag(inner));
		assert_int_equal(got.period, 1);
		const double estimate = (double)got.interior * pixel;
		if (!(estimate >= least * 0.9999 && estimate <= 4 * least * 1.0001))
			fail_msg("%g%+gi: %g, but the boundary is %g away", creal(inner),
				 cimag(inner), estimate, least);
		const double complex m = 0.245 * cexp(complex_of(0, 0.15 * i)) * (i % 5) / 4;
		const struct numbers disc = numbers_at(&place, -1 + creal(m), cimag(m));
		assert_int_equal(disc.period, 2);
		const double want = (1 - 16 * creal(m * conj(m))) / 4 / pixel;
		assert_near((double)disc.interior, want);
	}
	/* No estimate is larger than the plane has room for. */
	const struct numbers centre = numbers_at(&(struct place){.step = STEP_POWER3,
								 .limit = 50,
								 .pixel_w = pixel,
								 .pixel_h = pixel,
								 .cos = 1},
						 0, 0);
	assert_true(centre.interior > 50 && centre.interior <= 400);
}

/* Of what has no one critical orbit, nothing is said. */
static void others_have_no_period(void **state)
{
	(void)state;
	check_period(STEP_BURNING_SHIP, 0, 0, 0);
	check_period(STEP_TRICORN, 0, 0, 0);
	struct place julia = place_of(STEP_SQUARE, 1e-3);
	julia.is_julia = true;
	const struct numbers got = numbers_at(&julia, 0.1, 0.1);
	assert_true(got.n == 0 && got.period == 0 && got.interior == 0);
}

static bool says_no(void *context, uint64_t iterations)
{
	assert_int_equal(iterations, 0);
	++*(unsigned *)context;
	return false;
}

/* Long orbits can be given up, and what has not been stored then is untouched. */
static void a_poll_ends_it(void **state)
{
	(void)state;
	static const double places[][2] = {{-2, 0}, {0, 1}};
	const struct point_frame frame = {
		.step_re = 1e-9, .step_im = 1e-9, .cos = 1, .columns = 1, .rows = 1};
	for (size_t k = 0; kernel_at(k) != NULL; k++)
		for (size_t i = 0; i < 2 && kernel_at(k)->supported(); i++) {
			struct point_frame here = frame;
			here.re = places[i][0];
			here.im = places[i][1];
			unsigned asked = 0;
			const struct escape_poll poll = {says_no, &asked};
			uint32_t n = 0, period = 77;
			float interior = 77;
			const struct escape_task escape = {
				.frame = &here, .w = 1, .h = 1, .limit = LIMIT_ITERATIONS};
			const struct derive_task task = {.escape = &escape,
							 .samples = 1,
							 .iterations = &n,
							 .period = &period,
							 .interior = &interior,
							 .poll = &poll};
			assert_false(kernel_at(k)->derive[STEP_SQUARE](&task));
			assert_int_equal(asked, 1);
			assert_true(period == 77 && interior == 77);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_is_what_differences_say),
		cmocka_unit_test(distance_fits_known_ones),
		cmocka_unit_test(phase_is_the_angle),
		cmocka_unit_test(phase_stays_below_1),
		cmocka_unit_test(nuclei_have_their_periods),
		cmocka_unit_test(interior_estimates_the_distance),
		cmocka_unit_test(others_have_no_period),
		cmocka_unit_test(a_poll_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
