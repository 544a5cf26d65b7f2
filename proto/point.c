/*
 * point.c - the frame of a request, and how deep its precision goes.
 */
#include "proto/point.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sine and cosine of x + low for |x| <= pi/4 and |low| below half an ulp of x, by the Taylor
 * series to x^17 and x^16: what they leave out is below 2^-58. */
static void rotation_small(double x, double low, double *ret_cos, double *ret_sin)
{
	static const double sin_terms[] = {
		0x1.952c77030ad4ap-49,  -0x1.ae7f3e733b81fp-41, 0x1.6124613a86d09p-33,
		-0x1.ae64567f544e4p-26, 0x1.71de3a556c734p-19,  -0x1.a01a01a01a01ap-13,
		0x1.1111111111111p-7,   -0x1.5555555555555p-3,
	};
	static const double cos_terms[] = {
		0x1.ae7f3e733b81fp-45,  -0x1.93974a8c07c9dp-37, 0x1.1eed8eff8d898p-29,
		-0x1.27e4fb7789f5cp-22, 0x1.a01a01a01a01ap-16,  -0x1.6c16c16c16c17p-10,
		0x1.5555555555555p-5,
	};
	const double square = x * x;
	double s = sin_terms[0], c = cos_terms[0];
	for (size_t i = 1; i < sizeof sin_terms / sizeof sin_terms[0]; i++)
		s = fma(s, square, sin_terms[i]);
	for (size_t i = 1; i < sizeof cos_terms / sizeof cos_terms[0]; i++)
		c = fma(c, square, cos_terms[i]);
	*ret_sin = x + fma(s * square, x, low);
	/* 1 - square/2 is split so that its rounding error is kept. */
	const double half = 0.5 * square;
	const double head = 1.0 - half;
	const double tail = ((1.0 - head) - half) - x * low;
	*ret_cos = head + fma(c * square, square, tail);
}

void point_rotation(double degrees, double *ret_cos, double *ret_sin)
{
	/* degrees - 90 * turns is exact, and so are the multiples of 90. */
	const double turns = floor((degrees + 45.0) / 90.0);
	const double rest = degrees - 90.0 * turns;
	const double radian = 0x1.1df46a2529d39p-6, radian_low = 0x1.5c1d8becdd291p-62;
	const double x = rest * radian;
	const double low = fma(rest, radian, -x) + rest * radian_low;
	double c, s;
	rotation_small(x, low, &c, &s);
	switch (((int)turns + 8) % 4) {
	case 0:
		*ret_cos = c;
		*ret_sin = s;
		break;
	case 1:
		*ret_cos = -s;
		*ret_sin = c;
		break;
	case 2:
		*ret_cos = -c;
		*ret_sin = -s;
		break;
	default:
		*ret_cos = s;
		*ret_sin = -c;
		break;
	}
}

/* The distance between neighbouring numbers of that precision at x > 0. */
static double spacing_at(double x, enum precision precision)
{
	if (precision == PRECISION_F32)
		return (double)(nextafterf((float)x, FLT_MAX) - (float)x);
	return nextafter(x, DBL_MAX) - x;
}

/* Writes x > 0 rounded up to two digits ("2.3e-13"), whatever the locale. */
static void text_of_minimum(double x, char *text, size_t bytes)
{
	int exponent = 0;
	while (x < 1.0) {
		x *= 10.0;
		exponent--;
	}
	while (x >= 10.0) {
		x /= 10.0;
		exponent++;
	}
	int tenths = (int)ceil(x * 10.0);
	if (tenths >= 100) {
		tenths = 10;
		exponent++;
	}
	(void)snprintf(text, bytes, "%d.%de%d", tenths / 10, tenths % 10, exponent);
}

/* Checks that `count` samples over that extent are a unit apart or more. */
static enum brot_err depth_check(const char *field, const struct decimal_text *extent, double step,
				 uint32_t count, double unit, enum precision precision,
				 struct brot_error *err)
{
	if (2.0 * step > unit)
		return BROT_OK;
	char least[32];
	text_of_minimum(unit * (double)count, least, sizeof least);
	return error_set(err, BROT_E_REQUEST,
			 "view.%s: %.40s%s is too deep for %s at this place and size, must be at "
			 "least %s%s",
			 field, extent->text, strlen(extent->text) > 40 ? "..." : "",
			 precision_name(precision), least,
			 precision == PRECISION_F32 ? "; f64 goes deeper" : "");
}

/* The least distance between samples of a Julia set, in whose first step z^2 meets c: neighbours
 * differ by 2 |z| times their distance there, and in the middle of the plane |z| is no more than
 * the view is wide. */
static double spacing_beside_c(const struct request *request, const struct point_frame *frame)
{
	const double c = fmax(fabs(decimal_to_double(&request->c_re)),
			      fabs(decimal_to_double(&request->c_im)));
	const double unit = spacing_at(fmax(c, DBL_MIN), request->precision);
	const double centre = sqrt(frame->re * frame->re + frame->im * frame->im);
	return fmin(unit / (2.0 * fmax(centre, DBL_MIN)), sqrt(unit / (2.0 * frame->columns)));
}

enum brot_err point_frame_make(const struct request *request, struct point_frame *ret_frame,
			       struct brot_error *err)
{
	const struct view *view = &request->view;
	struct point_frame frame = {
		.re = decimal_to_double(&view->re),
		.im = decimal_to_double(&view->im),
		.columns = request->width_px * request->samples,
		.rows = request->height_px * request->samples,
	};
	const bool is_square = view->height.text[0] == '\0';
	frame.step_re = decimal_to_double(&view->width) / (2.0 * (double)frame.columns);
	frame.step_im = is_square ? frame.step_re
				  : decimal_to_double(&view->height) / (2.0 * (double)frame.rows);
	point_rotation(view->rotate_deg, &frame.cos, &frame.sin);

	const double largest = fmax(fabs(frame.re), fabs(frame.im)) +
			       frame.step_re * (double)frame.columns +
			       frame.step_im * (double)frame.rows;
	const enum precision precision = request->precision;
	double unit = spacing_at(largest, precision);
	if (formula_info(request->formula)->has_c)
		unit = fmax(unit, spacing_beside_c(request, &frame));
	/* Of two neighbours one component at least must differ. */
	unit /= fmax(fabs(frame.cos), fabs(frame.sin));
	enum brot_err code = depth_check("width", &view->width, frame.step_re, frame.columns, unit,
					 precision, err);
	if (code == BROT_OK && !is_square)
		code = depth_check("height", &view->height, frame.step_im, frame.rows, unit,
				   precision, err);
	if (code == BROT_OK)
		*ret_frame = frame;
	return code;
}
