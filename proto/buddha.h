/*
 * buddha.h - what a Buddhabrot counts: its samples, its bands of iterations, and how the counts
 * become a picture.
 *
 * Sample k, 0 <= k < 2^62, is a point c of the upper half of the square that holds all orbits which
 * matter: -2 <= re < 2, 0 <= im < 2.
 *
 * - random: Philox4x64-10, counter {k, 0, 0, 0}, key {seed, 0}; u and v are the top 53 bits of
 * words 0 and 1, times 2^-53; c = (-2 + 4 u, 2 v).
 * - grid: points is 2 q^2; k = j * 2 q + i; c = (-2 + (2 i + 1) / q, (2 j + 1) / q), each division
 *   of exact integers rounded once, and so is the sum.
 * - zoom: see worker/buddha/zoom.h.
 *
 * z_1 = c and z_(m+1) = z_m^2 + c in f64, with the fused multiply-adds of the escape-time kernels'
 * scalar reference, whose two forms of the square alternate. n is the smallest m >= 1 with
 * !(|z_m|^2 <= 4), if there is one up to N (the request's `iterations`).
 *
 * A sample is of a band of iterations where min <= n <= max; then each z_1 ... z_(n-1) is a hit,
 * and so is its conjugate. The anti-Buddhabrot (`inside`) has instead the samples without such an
 * n: z_1 ... z_max of a band are hits, whatever its min. A hit adds the sample's weight (1 but for
 * zoom) to the pixel that it lies in: its offset from the view's centre, turned back by the view's
 * rotation, in pixels from the left and upper edge, rounded down (worker/buddha/pixel.h has each
 * operation). Where the centre's im is exactly 0 and `rotate` is 0 (view_is_mirrored()) the
 * conjugate's pixel is the mirror image of the point's: row H - 1 - row.
 *
 * Pure data.
 */
#ifndef PROTO_BUDDHA_H
#define PROTO_BUDDHA_H

#include <stdbool.h>
#include <stdint.h>

enum buddha_sampling { SAMPLING_RANDOM, SAMPLING_GRID, SAMPLING_ZOOM, SAMPLING_COUNT };

#define BUDDHA_CHANNELS 3 /* at most: red, green, blue */

struct buddha_band {
	uint32_t min, max; /* 1 <= min <= max <= iterations, both included */
};

struct buddha {
	uint64_t first, points; /* samples first ... first + points - 1; points >= 1 and at most
				 * buddha_points_most(); the sum below 2^62. first is 0 for grid */
	uint64_t seed;          /* below 2^63; 0 for grid */
	enum buddha_sampling sampling;
	bool is_inside;    /* anti-Buddhabrot */
	uint32_t channels; /* 1 or BUDDHA_CHANNELS; 0: not said, one band of all iterations */
	struct buddha_band bands[BUDDHA_CHANNELS];
};

/* How counts become brightness, in each channel by itself. x = count / white, at most 1, where
 * white is the least count that at least the share `white` of the pixels with a count do not
 * exceed. linear x, sqrt, log log(1 + 1000 x) / log(1001), gamma x^gamma, rank: the share of pixels
 * with a count whose count is not larger. To compare counts with one another, for white and rank,
 * they are rounded down to their leading 16 bits: below 65536 they stay what they are. Without a
 * count there is no brightness. */
enum tone_curve { TONE_LINEAR, TONE_SQRT, TONE_LOG, TONE_GAMMA, TONE_RANK, TONE_COUNT };

struct tone {
	enum tone_curve curve; /* sqrt */
	double gamma;          /* of gamma, 0.01..10; 0.5 */
	double white;          /* 0..1; 0.9999 */
};

/* So many points may a request have: more would make segments that a worker cannot be waited for.
 */
uint64_t buddha_points_most(uint32_t iterations);

/* How the samples of a request are cut for its workers: segment s has the samples
 * first + s * points ... first + (s + 1) * points - 1, of which the last segment may lack some. */
struct buddha_segments {
	uint64_t points; /* a segment */
	uint32_t count;  /* 1..LIMIT_SAMPLE_SEGMENTS */
};
struct buddha_segments buddha_segments(uint64_t points, uint32_t iterations);

/* Whether a grid may have so many samples: 2 q^2. Else what would do, the nearest that are not
 * more (0: none) and not fewer. points < 2^62. */
bool buddha_grid_fits(uint64_t points, uint64_t *ret_fewer, uint64_t *ret_more);

/* Every default but `points`, which has none: 0. */
void buddha_init(struct buddha *buddha);
void tone_init(struct tone *tone);

const char *buddha_sampling_name(enum buddha_sampling sampling);
const char *tone_curve_name(enum tone_curve curve);

#endif
