#include "tests/unit/colour_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double slope_at(const struct palette *p, int stop, int channel);

/* Stop i of a palette that goes on for ever. */
static void stop_of(const struct palette *p, int i, int channel, double *x, double *y)
{
	const int n = (int)p->stop_count;
	if (p->cyclic) {
		const int turns = (int)floor((double)i / n);
		*x = p->stops[i - turns * n].position + turns;
		*y = p->stops[i - turns * n].rgb[channel];
		return;
	}
	const int k = i < 0 ? 0 : i >= n ? n - 1 : i;
	*x = p->stops[k].position + (i - k);
	*y = p->stops[k].rgb[channel];
}

/* Fritsch and Carlson: none at an extreme, else the harmonic mean of both sides. */
static double slope_at(const struct palette *p, int stop, int channel)
{
	double x[3], y[3];
	for (int k = 0; k < 3; k++)
		stop_of(p, stop - 1 + k, channel, &x[k], &y[k]);
	const double a = (y[1] - y[0]) / (x[1] - x[0]), b = (y[2] - y[1]) / (x[2] - x[1]);
	return a * b <= 0.0 ? 0.0 : 2.0 / (1.0 / a + 1.0 / b);
}

static double channel_at(const struct palette *p, double position, int channel)
{
	int stop = 0;
	double x0, y0, x1, y1;
	while (stop_of(p, stop + 1, channel, &x1, &y1),
	       x1 <= position && stop < (int)p->stop_count - (p->cyclic ? 1 : 2))
		stop++;
	stop_of(p, stop, channel, &x0, &y0);
	const double h = x1 - x0, t = (position - x0) / h;
	if (p->linear)
		return (1 - t) * y0 + t * y1;
	const double value = (1 + 2 * t) * (1 - t) * (1 - t) * y0 +
			     t * (1 - t) * (1 - t) * h * slope_at(p, stop, channel) +
			     t * t * (3 - 2 * t) * y1 -
			     t * t * (1 - t) * h * slope_at(p, stop + 1, channel);
	return fmin(fmax(value, 0.0), 255.0);
}

static void palette_at_run(const struct colour *colour, double position, double ret[3])
{
	struct palette p;
	colour_palette_of(colour, &p);
	/* Turned by whole entries. */
	double run = position + round(colour->rotation * MODEL_ENTRIES) / MODEL_ENTRIES;
	run -= floor(run);
	if (!p.cyclic) {
		/* To and fro, a stop's width flat at either end. */
		const double half = MODEL_ENTRIES / 2 - 1;
		const double entry = run * MODEL_ENTRIES;
		run = fmax(0.0, fmin(1.0, fmin(entry, MODEL_ENTRIES - 1 - entry) / half));
	}
	for (int c = 0; c < 3; c++)
		ret[c] = channel_at(&p, run, c);
}

struct model_rgb model_palette(const struct colour *colour, double position)
{
	struct model_rgb rgb;
	double near[2][3];
	palette_at_run(colour, position, rgb.value);
	palette_at_run(colour, position - 2.0 / MODEL_ENTRIES, near[0]);
	palette_at_run(colour, position + 2.0 / MODEL_ENTRIES, near[1]);
	for (int c = 0; c < 3; c++)
		rgb.slack[c] = 0.6 + fmax(fabs(near[0][c] - rgb.value[c]),
					  fabs(near[1][c] - rgb.value[c]));
	return rgb;
}

double model_once(const struct colour *colour, double value)
{
	struct palette p;
	colour_palette_of(colour, &p);
	const double span = p.cyclic ? 1.0 : (MODEL_ENTRIES / 2 - 1) / MODEL_ENTRIES;
	return colour->offset + colour->density * span * value;
}

static double curve_of(const struct colour *colour, double count)
{
	const double turns = colour->period > 0.0 ? count / colour->period
						  : 0.0032 * pow(log2(count), 3.0);
	return colour->offset + colour->density * turns;
}

static struct model_rgb model_inside(const struct colour *colour, const struct model_sample *sample)
{
	struct model_rgb rgb = {.slack = {0.6, 0.6, 0.6}};
	for (int c = 0; c < 3; c++)
		rgb.value[c] = colour->interior[c];
	if (colour->inside == INSIDE_PLAIN || sample->period == 0)
		return rgb;
	if (colour->inside == INSIDE_PERIOD)
		return model_palette(colour, sample->period * 0.61803398875);
	const double part = (double)sample->interior / ((double)sample->interior + 16.0);
	const struct model_rgb middle = model_palette(colour, 0.5);
	for (int c = 0; c < 3; c++) {
		rgb.value[c] = part * colour->interior[c] + (1 - part) * middle.value[c];
		rgb.slack[c] += 1.0 + middle.slack[c];
	}
	return rgb;
}

struct model_rgb model_sample(const struct colour *colour, const struct model_sample *sample,
			      double share)
{
	const double count = sample->whole + (double)sample->fraction;
	if (sample->iterations == 0)
		return model_inside(colour, sample);
	if (colour->mode == COLOUR_BANDED)
		return model_palette(colour, curve_of(colour, sample->iterations + 4.0));
	if (colour->mode == COLOUR_HISTOGRAM)
		return model_palette(colour, model_once(colour, share));
	if (colour->mode == COLOUR_DISTANCE) {
		const double d = hypot((double)sample->distance[0], (double)sample->distance[1]);
		return model_palette(colour, model_once(colour, 1.0 - d / (d + 4.0)));
	}
	struct model_rgb rgb = model_palette(colour, curve_of(colour, count));
	if (colour->mode == COLOUR_ANGLE && sample->phase >= 0.5f)
		for (int c = 0; c < 3; c++)
			rgb.value[c] *= 0.75;
	return rgb;
}

uint64_t model_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	const uint64_t x = (*state ^ *state >> 29) * 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static double unit(uint64_t *state)
{
	return (double)(model_random(state) >> 11) * 0x1p-53;
}

void model_fill(uint64_t *state, size_t count, struct model_sample *ret_samples)
{
	for (size_t i = 0; i < count; i++) {
		struct model_sample *s = &ret_samples[i];
		*s = (struct model_sample){0};
		if (model_random(state) % 10 == 0) {
			s->whole = UINT32_MAX;
			s->period = (uint32_t)(model_random(state) % 20);
			s->interior = s->period == 0 ? 0.0f : (float)exp2(14 * unit(state) - 4);
			continue;
		}
		/* Where the curve is not so steep that a count in f64 would not tell its place. */
		const double v = exp2(1.0 + 13.0 * unit(state));
		const double length = exp2(20.0 * unit(state) - 8.0),
			     turn = 6.2831853 * unit(state);
		s->whole = (uint32_t)v;
		s->fraction = (float)(model_random(state) >> 40) * 0x1p-24f;
		s->iterations = s->whole;
		s->phase = (float)(model_random(state) >> 40) * 0x1p-24f;
		s->distance[0] = (float)(length * cos(turn));
		s->distance[1] = (float)(length * sin(turn));
	}
}

struct shade_numbers model_planes(const struct model_sample *samples, size_t count)
{
	uint32_t *iterations = malloc(count * 4), *whole = malloc(count * 4);
	uint32_t *period = malloc(count * 4);
	float *fraction = malloc(count * 4), *distance = malloc(count * 8);
	float *phase = malloc(count * 4), *interior = malloc(count * 4);
	for (size_t i = 0; i < count; i++) {
		iterations[i] = samples[i].iterations;
		whole[i] = samples[i].whole;
		period[i] = samples[i].period;
		fraction[i] = samples[i].fraction;
		distance[2 * i] = samples[i].distance[0];
		distance[2 * i + 1] = samples[i].distance[1];
		phase[i] = samples[i].phase;
		interior[i] = samples[i].interior;
	}
	return (struct shade_numbers){iterations, whole,  fraction, distance,
				      phase,      period, interior};
}

void model_planes_free(struct shade_numbers *planes)
{
	/* The tests made them, and may write to them. */
	free((void *)(uintptr_t)planes->iterations);
	free((void *)(uintptr_t)planes->whole);
	free((void *)(uintptr_t)planes->fraction);
	free((void *)(uintptr_t)planes->distance);
	free((void *)(uintptr_t)planes->phase);
	free((void *)(uintptr_t)planes->period);
	free((void *)(uintptr_t)planes->interior);
}

struct colour model_colour(uint64_t *state, enum colour_mode mode, enum colour_inside inside)
{
	static const char *const palettes[] = {"classic", "hot", "grey", "viridis", "twilight"};
	struct colour colour;
	colour_init(&colour);
	(void)snprintf(colour.palette.name, sizeof colour.palette.name, "%s",
		       palettes[model_random(state) % 5]);
	colour.mode = mode;
	colour.inside = inside;
	for (int c = 0; c < 3; c++)
		colour.interior[c] = (uint8_t)model_random(state);
	colour.period = model_random(state) % 2 == 0 ? 0.0 : exp2(2.0 + 8.0 * unit(state));
	colour.density = exp2(4.0 * unit(state) - 2.0);
	colour.offset = 2.0 * unit(state) - 1.0;
	colour.rotation = 2.0 * unit(state) - 1.0;
	colour.azimuth_deg = 720.0 * unit(state) - 360.0;
	colour.elevation_deg = 90.0 * unit(state);
	colour.height = 3.0 * unit(state);
	colour.power = 0.2 + unit(state);
	colour.blend = (enum colour_blend)(model_random(state) % BLEND_COUNT);
	return colour;
}
