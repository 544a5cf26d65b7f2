/*
 * place_avx2.c - the places of smooth counts, four at a time: the steps of place.c, so the same
 * places.
 *
 * Knots are loaded whole and turned: instructions that gather their members take longer on Zen 3.
 */
#include <immintrin.h>

#include "worker/colour/place.h"

_Static_assert(sizeof(struct knot) == 16 && offsetof(struct knot, rise) == 8, "a knot is a vector");

/* Four numbers 0..2^32 - 1 as doubles: behind the exponent of 2^52, and 2^52 less. */
static __m256d doubles_of(__m128i numbers)
{
	const __m256d two_52 = _mm256_set1_pd(0x1p52);
	const __m256i bits = _mm256_or_si256(_mm256_cvtepu32_epi64(numbers),
					     _mm256_castpd_si256(two_52));
	return _mm256_sub_pd(_mm256_castsi256_pd(bits), two_52);
}

/* The counts of four samples as shade_count() has them: where an operand is not a number, max and
 * min give the second. */
static __m256d counts_of(__m128i whole, const float *fraction)
{
	const __m256d sum = _mm256_add_pd(doubles_of(whole),
					  _mm256_cvtps_pd(_mm_loadu_ps(fraction)));
	return _mm256_min_pd(_mm256_max_pd(sum, _mm256_set1_pd(1.0)),
			     _mm256_set1_pd(SHADE_COUNT_MOST));
}

static __m128d knot_at(const struct knot *curve, int64_t bytes)
{
	return _mm_loadu_pd((const double *)(const void *)((const char *)curve + bytes));
}

/* The curve at four counts. */
static __m256d curve_at(const struct knot *curve, __m256d counts)
{
	/* 16 times the numbers of the knots below: their bytes. */
	const __m256i first = _mm256_set1_epi64x((1023ll << 6) * (int64_t)sizeof(struct knot));
	const __m256i knots = _mm256_set1_epi64x(-(int64_t)sizeof(struct knot));
	const __m256i bits = _mm256_castpd_si256(counts);
	const __m256i at = _mm256_sub_epi64(
		_mm256_and_si256(_mm256_srli_epi64(bits, 46 - 4), knots), first);
	const __m128i low = _mm256_castsi256_si128(at), high = _mm256_extracti128_si256(at, 1);
	const __m128d a = knot_at(curve, _mm_cvtsi128_si64(low));
	const __m128d b = knot_at(curve, _mm_extract_epi64(low, 1));
	const __m128d c = knot_at(curve, _mm_cvtsi128_si64(high));
	const __m128d d = knot_at(curve, _mm_extract_epi64(high, 1));
	const __m256d ac = _mm256_insertf128_pd(_mm256_castpd128_pd256(a), c, 1);
	const __m256d bd = _mm256_insertf128_pd(_mm256_castpd128_pd256(b), d, 1);
	/* The rest as the significand of a number in [1, 2). */
	const __m256d one = _mm256_set1_pd(1.0);
	const __m256i rest = _mm256_srli_epi64(_mm256_slli_epi64(bits, 18), 12);
	const __m256d way = _mm256_sub_pd(_mm256_or_pd(_mm256_castsi256_pd(rest), one), one);
	return _mm256_add_pd(_mm256_unpacklo_pd(ac, bd),
			     _mm256_mul_pd(way, _mm256_unpackhi_pd(ac, bd)));
}

/* The lowest 28 bits of four whole numbers below 2^52. */
static __m128i wrapped(__m256d places)
{
	const __m256d whole = _mm256_round_pd(places, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
	const __m256i bits = _mm256_castpd_si256(_mm256_add_pd(whole, _mm256_set1_pd(0x1p52)));
	const __m128 low = _mm_castsi128_ps(_mm256_castsi256_si128(bits));
	const __m128 high = _mm_castsi128_ps(_mm256_extracti128_si256(bits, 1));
	return _mm_and_si128(_mm_castps_si128(_mm_shuffle_ps(low, high, 0x88)),
			     _mm_set1_epi32((int)(SHADE_TURN - 1)));
}

size_t place_smooth_avx2(const struct shade *shade, const uint32_t *whole, const float *fraction,
			 size_t count, uint32_t *ret_places)
{
	const __m128i inside = _mm_set1_epi32((int)KERNEL_WHOLE_INSIDE);
	const __m128i interior = _mm_set1_epi32((int)PLACE_INTERIOR);
	size_t i = 0;
	for (; i + 4 <= count; i += 4) {
		const __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(whole + i));
		const __m256d counts = counts_of(four, fraction + i);
		const __m128i places = wrapped(curve_at(shade->curve, counts));
		_mm_storeu_si128((__m128i *)(void *)(ret_places + i),
				 _mm_blendv_epi8(places, interior, _mm_cmpeq_epi32(four, inside)));
	}
	return i;
}
