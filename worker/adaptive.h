/*
 * adaptive.h - which pixels one sample is enough for, by proof.
 *
 * With `adaptive` E a pixel takes the colour of its centre alone where no channel of the mean over
 * all of its samples can differ from that by more than E of 255. Why it cannot:
 *
 * 1. Distance. Let g be Green's function of the outside of the set: ln|z_n| / power^n in the limit
 *    (times the power in a parameter plane, where z_1 = c), and e = g / |grad g| = |z_n| ln|z_n| /
 *    |dz_n|, the estimate of plane `distance` in units of the plane. Where the set is connected,
 * the outside and infinity make a simply connected domain. Map the unit disc onto it, 0 to the
 * point p and some a with |a| = exp(-g) to infinity, by h; with q of the set, u = (h - p) / (1 - (h
 * - p) / (q - p)) is univalent and finite, and u(a) = p - q. By the growth theorem |p - q| >=
 *    |h'(0)| |a| / (1 + |a|)^2, and |grad g| = (1 - |a|^2) / (|a| |h'(0)|), so that no point of the
 *    set is nearer to p than
 *
 *        d = e tanh(g/2) / g,  where tanh(g/2) / g > 1/2 - g^2/24 for g <= 2, > 3/(4g) beyond.
 *
 *    The Mandelbrot and Multibrot sets are connected. A Julia set is if the orbit of 0 is
 *    attracted by a cycle: that of its c is looked for; where none is found, nothing is proven.
 * 2. Count. g is positive and harmonic within d of p. By Harnack's inequality it changes within r <
 *    d by a factor of at most (d + r) / (d - r), and the smooth count, 1 - log(g) to the base of
 *    the power and a constant, by at most its logarithm. Counts on that way stay below the limit.
 * 3. Colour. The position in the palette never falls with the count; the largest difference of any
 *    channel among the entries within the distance that it may move bounds the difference of
 *    colours, and that of means, whose channels lie between those of the samples.
 *
 * Margins: 2^-20 of e for the rounding of planes and for |z_n| > 2^16 not being infinite, 2^-16 of
 * a count likewise, 2^-44 of the coordinates for the rounding of points and orbits, a twentieth of
 * the movement and two entries for the tables of the shade. Inside pixels are proven only in the
 * two largest components of the Mandelbrot set, where all of their samples pass the test of
 * interior.h: by Koebe's theorem no boundary point of the cardioid is nearer than (1 - |m|^2) |s| /
 * 8, m = 1 - s the multiplier and s = sqrt(1 - 4c).
 *
 * Nothing depends on other pixels, and so on tiles. Pure and thread-safe.
 */
#ifndef WORKER_ADAPTIVE_H
#define WORKER_ADAPTIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/point.h"
#include "proto/request.h"
#include "worker/colour/shade.h"

#define ADAPTIVE_LEVELS 12 /* up to half the palette's entries to either side: all */
#define ADAPTIVE_COUNTS 64

/* What the proofs of one request need; 50 KiB. */
struct adaptive {
	bool is_on;               /* else nothing can be proven */
	struct point_frame frame; /* of the pixels' centres */
	enum escape_step step;
	bool is_julia;
	uint32_t limit;
	uint32_t error; /* channels may differ by so much among table entries, of 255 */
	double radius;  /* of a pixel's samples around its centre */
	double unit;    /* the lesser side of a pixel */
	double slack;   /* for rounding, in units of the plane */
	double period;  /* of the colour */
	double entries; /* of the table a unit of its curve */
	double koebe[ADAPTIVE_COUNTS]; /* d / e at a count of at least so much */
	/* The most that a channel of any entry within 2^level of an entry differs from its own. */
	uint8_t spread[ADAPTIVE_LEVELS][SHADE_ENTRIES];
};

/* Makes the proofs of a request ready, whose frame and shade are given. is_on is false where the
 * request does not ask for them or nothing can be proven. */
void adaptive_make(const struct request *request, const struct point_frame *frame,
		   const struct shade *shade, struct adaptive *ret_adaptive);

/* The numbers of the centre of a pixel, as the planes have them. */
struct adaptive_centre {
	uint32_t x, y; /* the pixel */
	uint32_t whole;
	float fraction;
	float distance_x, distance_y;
};

/* A lower bound of the distance from the set, in units of the plane, and an upper bound of how much
 * the smooth count of a sample may differ; false where nothing is known. For tests as well. */
bool adaptive_bound(const struct adaptive *adaptive, const struct adaptive_centre *centre,
		    double *ret_distance, double *ret_change);

/* Whether the colour of the centre is near enough to that of all samples. */
bool adaptive_proves(const struct adaptive *adaptive, const struct shade *shade,
		     const struct adaptive_centre *centre);

#endif
