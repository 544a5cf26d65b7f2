/* palette_ggr.c - GIMP's segments, by the formulas of its gradients. */
#include <math.h>
#include <string.h>

#include "client/palette_file.h"
#include "client/textline.h"
#include "proto/logarithm.h"
#include "proto/point.h"
#include "proto/power.h"

#define SEGMENTS_MAX 1000
#define GAP          1e-7 /* between the two sides of a sudden change */
#define EDGE         1e-6 /* segments must meet within this */

enum { BLEND_LINEAR, BLEND_CURVED, BLEND_SINE, BLEND_SPHERE_UP, BLEND_SPHERE_DOWN, BLEND_STEP };
enum { HUE_NONE, HUE_UP, HUE_DOWN };

struct segment {
	double left, middle, right;
	double from[3], to[3]; /* 0..1 */
	long blend, hue;
};

/* 0..1 over the segment, 0.5 at its middle. */
static double linear_factor(const struct segment *s, double position)
{
	const double width = s->right - s->left;
	const double at = width > 0.0 ? (position - s->left) / width : 0.5;
	const double middle = width > 0.0 ? (s->middle - s->left) / width : 0.5;
	if (at <= middle)
		return middle > 0.0 ? 0.5 * at / middle : 0.0;
	return middle < 1.0 ? 0.5 + 0.5 * (at - middle) / (1.0 - middle) : 1.0;
}

/* The power of x, 0..1, that is a half at the middle. */
static double curve(double x, double middle)
{
	const double exponent = -1.0 / logarithm_2(middle);
	if (x < 1e-300 || exponent * logarithm_2(x) < -60.0)
		return 0.0;
	return power_of(x, exponent);
}

static double factor(const struct segment *s, double position)
{
	const double t = linear_factor(s, position);
	const double width = s->right - s->left;
	switch (s->blend) {
	case BLEND_CURVED: {
		const double middle = width > 0.0 ? (s->middle - s->left) / width : 0.5;
		const double at = width > 0.0 ? (position - s->left) / width : 0.5;
		return curve(at, fmin(fmax(middle, 1e-10), 1.0 - 1e-10));
	}
	case BLEND_SINE: {
		double cosine, sine;
		point_rotation(180.0 * t, &cosine, &sine);
		return (1.0 - cosine) / 2.0;
	}
	case BLEND_SPHERE_UP:
		return sqrt(1.0 - (t - 1.0) * (t - 1.0));
	case BLEND_SPHERE_DOWN:
		return 1.0 - sqrt(1.0 - t * t);
	case BLEND_STEP:
		return position >= s->middle ? 1.0 : 0.0;
	default:
		return t;
	}
}

static void hsv_of(const double rgb[3], double hsv[3])
{
	const double max = fmax(rgb[0], fmax(rgb[1], rgb[2]));
	const double min = fmin(rgb[0], fmin(rgb[1], rgb[2]));
	const double range = max - min;
	hsv[1] = max > 0.0 ? range / max : 0.0;
	hsv[2] = max;
	if (range <= 0.0)
		hsv[0] = 0.0;
	else if (max == rgb[0])
		hsv[0] = fmod((rgb[1] - rgb[2]) / range / 6.0 + 1.0, 1.0);
	else if (max == rgb[1])
		hsv[0] = (2.0 + (rgb[2] - rgb[0]) / range) / 6.0;
	else
		hsv[0] = (4.0 + (rgb[0] - rgb[1]) / range) / 6.0;
}

static void rgb_of(const double hsv[3], double rgb[3])
{
	for (int c = 0; c < 3; c++) {
		const double k = fmod((5.0 - 2.0 * c) + hsv[0] * 6.0, 6.0);
		const double part = fmax(0.0, fmin(fmin(k, 4.0 - k), 1.0));
		rgb[c] = hsv[2] - hsv[2] * hsv[1] * part;
	}
}

static void colour_at(const struct segment *s, double position, uint8_t ret_rgb[3])
{
	const double t = factor(s, position);
	double rgb[3], from[3], to[3], hsv[3];
	if (s->hue == HUE_NONE) {
		for (int c = 0; c < 3; c++)
			rgb[c] = s->from[c] + t * (s->to[c] - s->from[c]);
	} else {
		hsv_of(s->from, from);
		hsv_of(s->to, to);
		if (s->hue == HUE_UP && to[0] <= from[0])
			to[0] += 1.0;
		if (s->hue == HUE_DOWN && to[0] >= from[0])
			from[0] += 1.0;
		for (int c = 0; c < 3; c++)
			hsv[c] = from[c] + t * (to[c] - from[c]);
		hsv[0] = fmod(hsv[0], 1.0);
		rgb_of(hsv, rgb);
	}
	for (int c = 0; c < 3; c++)
		ret_rgb[c] = (uint8_t)(fmin(fmax(rgb[c], 0.0), 1.0) * 255.0 + 0.5);
}

/* NULL, or why the line is no segment. Ends that are GIMP's foreground or background have no colour
 * of their own. */
static const char *segment_parse(const char *text, struct segment *s)
{
	static const char rule[] = "must be a segment: 11 numbers, blending 0..5, colouring 0..2";
	double *const places[] = {&s->left,    &s->middle,  &s->right, &s->from[0],
				  &s->from[1], &s->from[2], NULL,      &s->to[0],
				  &s->to[1],   &s->to[2],   NULL}; /* NULL: an opacity */
	double ignored;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (!textline_number(&text, places[i] != NULL ? places[i] : &ignored))
			return rule;
	if (!textline_whole(&text, BLEND_LINEAR, BLEND_STEP, &s->blend) ||
	    !textline_whole(&text, HUE_NONE, HUE_DOWN, &s->hue))
		return rule;
	for (int end = 0; end < 2 && *text != '\0'; end++) {
		long kind;
		if (!textline_whole(&text, 0, 4, &kind))
			return rule;
		if (kind != 0)
			return "its ends must have colours of their own, not the foreground's or "
			       "background's";
	}
	return *text == '\0' ? NULL : rule;
}

static void add(struct colour_palette *palette, double position, const uint8_t rgb[3])
{
	struct palette_stop *stop = &palette->stops[palette->stop_count];
	const struct palette_stop *last = stop - 1;
	if (palette->stop_count > 0 && position <= last->position) {
		if (memcmp(last->rgb, rgb, 3) == 0)
			return;
		position = last->position + GAP;
	}
	if (palette->stop_count == LIMIT_STOPS || position > 1.0)
		return;
	stop->position = position;
	memcpy(stop->rgb, rgb, 3);
	palette->stop_count++;
}

/* Samples a segment with so many steps. */
static void sample(const struct segment *s, unsigned steps, struct colour_palette *palette)
{
	uint8_t rgb[3];
	for (unsigned i = 0; i <= steps; i++) {
		const double position = s->left + (s->right - s->left) * i / steps;
		colour_at(s, i == steps ? s->right : position, rgb);
		add(palette, position, rgb);
	}
}

/* Reads the line after the head, with the number of segments. */
static bool count_parse(struct textlines *lines, long *ret_count)
{
	const char *text = lines->line;
	if (strncmp(text, "Name:", 5) == 0) {
		if (!textlines_next(lines))
			return false;
		text = lines->line;
	}
	return textline_whole(&text, 1, SEGMENTS_MAX, ret_count);
}

enum brot_err palette_ggr_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err)
{
	struct textlines lines = textlines_of(from->text, from->bytes);
	struct colour_palette palette = {.is_cyclic = false, .is_linear = true};
	double end = 0.0;
	long count;
	if (!textlines_next(&lines) || strncmp(lines.line, "GIMP Gradient", 13) != 0)
		return palette_refuse(from, 1, "must be \"GIMP Gradient\"", err);
	if (!textlines_next(&lines) || !count_parse(&lines, &count))
		return palette_refuse(from, lines.number, "must be the number of segments, 1..1000",
				      err);
	/* Each takes two stops more than its steps at the worst. */
	const long spare = LIMIT_STOPS - 2 * count;
	if (spare < count)
		return palette_refuse(from, lines.number, "must have at most 85 segments", err);
	for (long i = 0; i < count; i++) {
		struct segment s;
		if (!textlines_next(&lines))
			return palette_refuse(from, lines.number, "ends before its last segment",
					      err);
		const char *why = segment_parse(lines.line, &s);
		if (why != NULL)
			return palette_refuse(from, lines.number, why, err);
		if (!(fabs(s.left - end) <= EDGE && s.left <= s.middle && s.middle <= s.right &&
		      s.right <= 1.0 + EDGE))
			return palette_refuse(
				from, lines.number,
				"must begin where the one before it ended, and rise to "
				"at most 1",
				err);
		if (i == count - 1 && fabs(s.right - 1.0) > EDGE)
			return palette_refuse(from, lines.number, "the last segment must end at 1",
					      err);
		s.left = end;
		end = s.right = i == count - 1 ? 1.0 : fmin(s.right, 1.0);
		const double steps = (double)spare * (s.right - s.left);
		sample(&s, steps < 1.0 ? 1 : (unsigned)steps, &palette);
	}
	while (textlines_next(&lines))
		if (*textline_skip(lines.line) != '\0')
			return palette_refuse(from, lines.number,
					      "must be empty behind the last segment", err);
	/* The last place is 1 even where sudden changes have moved others. */
	palette.stops[palette.stop_count - 1].position = 1.0;
	*ret_palette = palette;
	return palette.stop_count >= 2
		       ? BROT_OK
		       : palette_refuse(from, lines.number, "must have two colours", err);
}
