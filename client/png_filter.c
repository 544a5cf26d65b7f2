/* png_filter.c - loops that a compiler can turn into vectors: no sum runs over more than a block,
 * whose 16-bit counters cannot overflow. */
#include "client/png_filter.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK_BYTES 256  /* 256 x 128 fits 16 bits */
#define PART_BYTES  4096 /* of a row, for all filters in turn while the first cache has it */

enum filter { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH, FILTER_COUNT };

/* In 16 bits, so that a vector has many; the conditions as masks, which is what vectors have. */
static inline uint8_t paeth(int16_t left, int16_t up, int16_t corner)
{
	/* The distances of left + up - corner from each of the three. */
	const int16_t towards_up = (int16_t)(up - corner), towards_left = (int16_t)(left - corner);
	const int16_t both = (int16_t)(towards_up + towards_left);
	const int16_t from_left = (int16_t)(towards_up < 0 ? -towards_up : towards_up);
	const int16_t from_up = (int16_t)(towards_left < 0 ? -towards_left : towards_left);
	const int16_t from_corner = (int16_t)(both < 0 ? -both : both);
	const int16_t least = from_up < from_corner ? from_up : from_corner;
	const int16_t other = from_up <= from_corner ? up : corner;
	return (uint8_t)(from_left <= least ? left : other);
}

/* Filters bytes [first, end), before which the row has a pixel at least; `above` is there. */
static void filter_bytes(enum filter filter, const uint8_t *restrict row,
			 const uint8_t *restrict above, size_t first, size_t end, size_t pixel,
			 uint8_t *restrict out)
{
	const uint8_t *left = row - pixel, *corner = above - pixel;
	switch (filter) {
	case FILTER_NONE:
		memcpy(out + first, row + first, end - first);
		break;
	case FILTER_SUB:
		for (size_t i = first; i < end; i++)
			out[i] = (uint8_t)(row[i] - left[i]);
		break;
	case FILTER_UP:
		for (size_t i = first; i < end; i++)
			out[i] = (uint8_t)(row[i] - above[i]);
		break;
	case FILTER_AVERAGE:
		for (size_t i = first; i < end; i++)
			out[i] = (uint8_t)(row[i] - ((left[i] + above[i]) >> 1));
		break;
	case FILTER_PAETH:
		for (size_t i = first; i < end; i++)
			out[i] = (uint8_t)(row[i] - paeth(left[i], above[i], corner[i]));
		break;
	case FILTER_COUNT:
		break;
	}
}

/* The first pixel has nothing to its left. */
static void filter_first(enum filter filter, const uint8_t *row, const uint8_t *above, size_t pixel,
			 uint8_t *out)
{
	for (size_t i = 0; i < pixel; i++) {
		uint8_t guess = 0;
		if (filter == FILTER_UP || filter == FILTER_PAETH)
			guess = above[i];
		else if (filter == FILTER_AVERAGE)
			guess = above[i] >> 1;
		out[i] = (uint8_t)(row[i] - guess);
	}
}

static uint64_t sum_of(const uint8_t *bytes, size_t count)
{
	uint64_t sum = 0;
	for (size_t first = 0; first < count; first += BLOCK_BYTES) {
		const size_t end = count - first < BLOCK_BYTES ? count : first + BLOCK_BYTES;
		uint16_t part = 0;
		for (size_t i = first; i < end; i++) {
			const uint8_t negative = (uint8_t)-bytes[i];
			const uint8_t least = bytes[i] < negative ? bytes[i] : negative;
			part = (uint16_t)(part + least);
		}
		sum += part;
	}
	return sum;
}

/* Filters `count` bytes of a row from `first` on. */
static void filter_part(enum filter filter, const uint8_t *row, const uint8_t *above, size_t first,
			size_t count, size_t pixel, uint8_t *out)
{
	if (first == 0)
		filter_first(filter, row, above, pixel, out);
	filter_bytes(filter, row + first, above + first, first == 0 ? pixel : 0, count, pixel, out);
}

void png_filter_row(const uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel_bytes,
		    uint8_t *out)
{
	/* Above the first row all is 0: up is none, and paeth is sub. */
	const int count = above == NULL ? FILTER_UP : FILTER_COUNT;
	const uint8_t *over = above != NULL ? above : row;
	uint64_t sums[FILTER_COUNT] = {0};
	uint8_t part[PART_BYTES];
	for (size_t first = 0; first < bytes; first += PART_BYTES) {
		const size_t there = bytes - first < PART_BYTES ? bytes - first : PART_BYTES;
		for (int filter = FILTER_NONE; filter < count; filter++) {
			filter_part((enum filter)filter, row, over, first, there, pixel_bytes,
				    part);
			sums[filter] += sum_of(part, there);
		}
	}
	int best = FILTER_NONE;
	for (int filter = FILTER_NONE; filter < count; filter++)
		best = sums[filter] < sums[best] ? filter : best;
	out[0] = (uint8_t)best;
	filter_part((enum filter)best, row, over, 0, bytes, pixel_bytes, out + 1);
}
