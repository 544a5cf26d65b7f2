/*
 * test_adaptive.c - that no pixel differs from the full grid by more than was asked for, and that
 * the bounds of the proof hold where the truth is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/preset.h"
#include "worker/kernel/derive.h"
#include "worker/render.h"

#define WIDTH  96
#define HEIGHT 64
#define BYTES  (WIDTH * HEIGHT * 3)

static struct request request;
static struct render_job job;

static const struct kernel *widest(void)
{
	size_t i = 0;
	while (!kernel_at(i)->supported())
		i++;
	return kernel_at(i);
}

static void request_at(const char *formula, const char *re, const char *im, const char *width)
{
	request_init(&request);
	assert_int_equal(request_set_formula(formula, &request, NULL), BROT_OK);
	strcpy(request.view.re.text, re);
	strcpy(request.view.im.text, im);
	strcpy(request.view.width.text, width);
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.iterations = 500;
	request.samples = 4;
}

static void job_make(void)
{
	struct brot_error err;
	if (render_job_make(&request, widest(), &job, &err) != BROT_OK)
		fail_msg("%s", err.text);
}

/* Renders a picture of 8 bits a channel, in tiles of w x h. */
static uint64_t picture(uint8_t rgb[BYTES], uint32_t w, uint32_t h)
{
	uint64_t sum = 0;
	job_make();
	for (uint32_t y = 0; y < HEIGHT; y += h)
		for (uint32_t x = 0; x < WIDTH; x += w) {
			const struct rect rect = {x, y, WIDTH - x < w ? WIDTH - x : w,
						  HEIGHT - y < h ? HEIGHT - y : h};
			void *const planes[PLANES_MAX] = {rgb + ((size_t)y * WIDTH + x) * 3};
			const size_t strides[PLANES_MAX] = {(size_t)WIDTH * 3};
			uint64_t iterations;
			assert_int_equal(
				render_rect(&job, &rect, planes, strides, NULL, &iterations),
				BROT_OK);
			sum += iterations;
		}
	return sum;
}

/* All samples, fewer, fewer in other tiles and by brute force. */
static void check_picture(const char *what)
{
	static uint8_t full[BYTES], fewer[BYTES], cut[BYTES];
	const uint32_t error = request.adaptive;
	request.adaptive = 0;
	(void)picture(full, WIDTH, HEIGHT);
	assert_false(job.adaptive.is_on);
	request.adaptive = error;
	(void)picture(fewer, WIDTH, HEIGHT);
	for (size_t i = 0; i < BYTES; i++)
		if ((uint32_t)abs(full[i] - fewer[i]) > error)
			fail_msg("%s: pixel (%zu, %zu) is %d, by all samples %d; %u may be between",
				 what, i / 3 % WIDTH, i / 3 / WIDTH, fewer[i], full[i], error);
	(void)picture(cut, 17, 5);
	assert_memory_equal(fewer, cut, BYTES);
	request.has_shortcuts = false;
	(void)picture(cut, WIDTH, 7);
	request.has_shortcuts = true;
	assert_memory_equal(fewer, cut, BYTES);
}

/* With colours of every kind. Brute force would take long on the deep ones. */
static void presets_keep_the_bound(void **state)
{
	(void)state;
	unsigned checked = 0;
	for (size_t i = 0; preset_at(i) != NULL; i++) {
		const struct preset *preset = preset_at(i);
		request_at(preset->formula, preset->re, preset->im, preset->width);
		if (request.formula == FORMULA_BURNING_SHIP || request.formula == FORMULA_TRICORN)
			continue;
		preset_view(preset, &request.view);
		request.iterations = preset->iterations < 1000 ? preset->iterations : 1000;
		static const uint32_t samples[] = {2, 3, 5}, errors[] = {1, 4, 12, 32};
		request.samples = samples[i % 3];
		request.adaptive = errors[i % 4];
		if (i % 5 == 0)
			request.colour.density = 8.0;
		if (i % 7 == 1)
			request.colour.period = 20.0;
		request.colour.is_dithered = i % 7 == 2;
		request.colour.offset = i % 7 == 3 ? 0.7 : 0.0;
		request.colour.rotation = i % 7 == 4 ? -0.3 : 0.0;
		check_picture(preset->name);
		checked++;
	}
	assert_true(checked > 30);
}

/* A palette that leaps shows an error that a smooth one hides; a small limit cuts off counts. */
static void steep_colours_keep_the_bound(void **state)
{
	(void)state;
	static const uint32_t limits[] = {5, 9, 40, 500};
	for (size_t i = 0; i < 4; i++) {
		request_at("mandelbrot", "-0.7453", "0.1127", i % 2 == 0 ? "0.0065" : "0.3");
		struct colour_palette *own = &request.colour.palette;
		*own = (struct colour_palette){.is_cyclic = true, .stop_count = 8};
		for (uint32_t s = 0; s < 8; s++) {
			own->stops[s].position = (float)s / 8.0f;
			memset(own->stops[s].rgb, s % 2 == 0 ? 0 : 255, 3);
		}
		request.iterations = limits[i];
		request.adaptive = 3;
		check_picture("leaps");
	}
}

/* What is far from the set, or deep in it, is decided by one sample. */
static void samples_are_saved(void **state)
{
	(void)state;
	static uint8_t rgb[BYTES];
	request_at("mandelbrot", "1.5", "0", "0.5");
	request.adaptive = 4;
	const uint64_t outside = picture(rgb, WIDTH, HEIGHT);
	request.adaptive = 0;
	assert_true(outside * 15 < picture(rgb, WIDTH, HEIGHT));

	request_at("mandelbrot", "-0.1", "0", "0.2");
	request.has_shortcuts = false;
	request.adaptive = 1;
	const uint64_t inside = picture(rgb, WIDTH, HEIGHT);
	request.adaptive = 0;
	assert_true(inside * 15 < picture(rgb, WIDTH, HEIGHT));
}

static void what_cannot_be_proven_is_off(void **state)
{
	(void)state;
	static const struct {
		const char *formula;
		bool is_on;
	} cases[] = {
		{"mandelbrot", true},        {"multibrot:3", true}, {"multibrot:6", true},
		{"julia:-1,0", true},        {"julia:0,0", true},   {"julia:-0.1226,0.7449", true},
		{"julia:-0.8,0.156", false}, {"julia:0,1", false},  {"julia:-0.75,0", false},
		{"julia:0.3,0", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		request_at(cases[i].formula, "0.1", "0.2", "3");
		request.adaptive = 4;
		job_make();
		if (job.adaptive.is_on != cases[i].is_on)
			fail_msg("%s: is_on is %d", cases[i].formula, job.adaptive.is_on);
	}
}

/* The numbers of the centres of a row, by the frame that the proof uses. */
struct row {
	uint32_t iterations[WIDTH], whole[WIDTH];
	float fraction[WIDTH], distance[2 * WIDTH];
};

static void row_compute(uint32_t y, struct row *row)
{
	uint64_t iterations;
	struct escape_task escape = job.task;
	escape.frame = &job.adaptive.frame;
	escape.y = y;
	escape.w = WIDTH;
	escape.h = 1;
	escape.iterations = row->iterations;
	assert_true(job.escape(&escape, &iterations));
	const struct derive_task task = {.escape = &escape,
					 .samples = 1,
					 .iterations = row->iterations,
					 .whole = row->whole,
					 .fraction = row->fraction,
					 .distance = row->distance};
	assert_true(job.derive(&task));
}

/* The known distance of a point from the set. */
typedef double known_distance(double re, double im);

static double from_circle(double re, double im)
{
	return hypot(re, im) - 1.0;
}

static double from_segment(double re, double im)
{
	const double beyond = fabs(re) - 2.0;
	return hypot(beyond > 0.0 ? beyond : 0.0, im);
}

/* Left of -2 and the axis. */
static double from_tip(double re, double im)
{
	return hypot(re + 2.0, im);
}

/* The bound of the distance is below the truth, and at least a quarter of it (Koebe's factor both
 * ways); that of the count is not below how much it changes among the samples of the pixel. */
static void check_bounds(known_distance *known)
{
	static uint32_t wholes[WIDTH * 4 * 4];
	static float fractions[WIDTH * 4 * 4];
	unsigned bounded = 0;
	for (uint32_t y = 0; y < HEIGHT; y++) {
		struct row row;
		uint64_t iterations;
		row_compute(y, &row);
		struct escape_task fine = job.task;
		fine.frame = &job.frame;
		fine.y = y * 4;
		fine.w = WIDTH * 4;
		fine.h = 4;
		fine.whole = wholes;
		fine.fraction = fractions;
		fine.whole_stride = fine.fraction_stride = WIDTH * 4;
		assert_true(job.escape(&fine, &iterations));
		for (uint32_t x = 0; x < WIDTH; x++) {
			const struct adaptive_centre centre = {
				.x = x,
				.y = y,
				.whole = row.whole[x],
				.fraction = row.fraction[x],
				.distance_x = row.distance[2 * x],
				.distance_y = row.distance[2 * x + 1],
			};
			double distance, change, re, im;
			const struct point_row shared = point_row_of(&job.adaptive.frame, y);
			point_of(&job.adaptive.frame, &shared, x, &re, &im);
			if (!adaptive_bound(&job.adaptive, &centre, &distance, &change))
				continue;
			bounded++;
			assert_true(distance <= known(re, im));
			if (known == from_circle)
				assert_true(distance >= 0.24 * known(re, im));
			const double v = (double)centre.whole + (double)centre.fraction;
			for (uint32_t i = 0; i < 16; i++) {
				const size_t at = (size_t)(i / 4) * WIDTH * 4 + x * 4 + i % 4;
				const double w = (double)wholes[at] + (double)fractions[at];
				if (!(fabs(w - v) <= change))
					fail_msg("%g%+gi: a count of %g is bounded by %g +- %g", re,
						 im, w, v, change);
			}
		}
	}
	assert_true(bounded > WIDTH * HEIGHT / 8);
}

static void bounds_hold_where_the_truth_is_known(void **state)
{
	(void)state;
	static const struct {
		const char *width, *circle, *segment, *tip;
	} places[] = {
		{"5", "0", "0", "-5"},
		{"0.3", "1", "2", "-2.2"},
		{"0.01", "1", "2", "-2.006"},
		{"1e-6", "1", "2", "-2.0000006"},
	};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		request_at("julia:0,0", places[i].circle, "0", places[i].width);
		request.adaptive = 4;
		job_make();
		check_bounds(from_circle);
		/* That the Julia set of -2 is connected the proof cannot know: it is made for
		 * another one, c being no part of it. */
		request_at("julia:-1,0", places[i].segment, "0", places[i].width);
		request.adaptive = 4;
		job_make();
		job.task.c_re = -2.0;
		check_bounds(from_segment);
		request_at("mandelbrot", places[i].tip, "0", places[i].width);
		request.adaptive = 4;
		job_make();
		check_bounds(from_tip);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_keep_the_bound),
		cmocka_unit_test(steep_colours_keep_the_bound),
		cmocka_unit_test(samples_are_saved),
		cmocka_unit_test(what_cannot_be_proven_is_off),
		cmocka_unit_test(bounds_hold_where_the_truth_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
