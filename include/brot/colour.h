/*
 * colour.h - colours for the numbers of an image: what a render does to make a picture of them, to
 * numbers that are there already.
 *
 *     brot_colour_new, brot_colour_check, brot_colour_survey (of all rows, where it needs them),
 *     brot_colour_rows8 or brot_colour_rows16, brot_colour_free
 *
 * The bytes are those of a render with the same request, whatever the number of threads and however
 * the rows are split over them. Any number makes a colour, one that no render would make included:
 * a count below 1 or not a number is coloured as 1, a distance that is none as one far away.
 *
 * Thread rule: brot_colour_survey() may be called by any number of threads at once; when all of it
 * is done, so may brot_colour_rows8() and brot_colour_rows16(). A call needs some 128 KiB of stack,
 * brot_colour_new() 256 KiB.
 */
#ifndef BROT_COLOUR_H
#define BROT_COLOUR_H

#include <brot/api.h>
#include <brot/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct brot_colour; /* opaque: a request's colours, made ready */

/* The numbers of an image, row 0 on top, without padding, width x height elements each (distance:
 * twice as many), in the host's byte order. What is not there is NULL. The planes are those of
 * PROTOCOL.md, section 6: distance and interior are in pixels of these numbers, not of a picture
 * that has more samples than one a pixel. */
struct brot_numbers {
	uint32_t width_px, height_px;
	const uint32_t *iterations;
	const uint32_t *whole;
	const float *fraction; /* with whole */
	const float *distance;
	const float *phase;
	const uint32_t *period;
	const float *interior;
	/* The counts of a Buddhabrot: of one band in [0], of three in all places. Where all are in
	 * both of these, density is taken. */
	const uint64_t *density[3];
	const uint32_t *density32[3];
	const void *reserved[BROT_RESERVED]; /* NULL: planes of later versions */
};

/* Makes ready the colours of a request, a JSON document (see request.schema.json), of which only
 * size, samples and colour matter, of a Buddhabrot kind, tone and the number of bands too; `bytes`
 * long. The numbers must be of size x samples. BROT_E_REQUEST for a bad one, BROT_E_SYSTEM if
 * memory is short; *ret_colour is untouched then. The caller owns *ret_colour. */
BROT_API enum brot_err brot_colour_new(const char *request, size_t bytes,
				       struct brot_colour **ret_colour, struct brot_error *err);
BROT_API void brot_colour_free(struct brot_colour *colour); /* accepts NULL */

/* Whether the numbers are enough: BROT_E_REQUEST names what is missing, or the size that is not
 * size x samples. What follows is only for numbers that pass. */
BROT_API enum brot_err brot_colour_check(const struct brot_colour *colour,
					 const struct brot_numbers *numbers,
					 struct brot_error *err);

/* Whether the whole image must be surveyed before a row is coloured. */
BROT_API bool brot_colour_needs_survey(const struct brot_colour *colour);

/* Looks at `rows` rows of the numbers from `first` on; all numbers must be there, for it looks at
 * the neighbours too. Each row once, in any order, by any number of threads at once (each keeps a
 * histogram of its own until the first row is coloured: a call should have thousands of pixels).
 * Does nothing where no survey is needed. */
BROT_API void brot_colour_survey(struct brot_colour *colour, const struct brot_numbers *numbers,
				 uint32_t first, uint32_t rows);

/* Colours rows of the picture (size; `first` and `rows` are its own) into rgb: 3 values a pixel,
 * rows stride_bytes apart (0 does not stand for no padding here); 8 or, in the host's
 * byte order, 16 bits each. Each byte is stored once.
 */
BROT_API void brot_colour_rows8(const struct brot_colour *colour,
				const struct brot_numbers *numbers, uint32_t first, uint32_t rows,
				uint8_t *rgb, size_t stride_bytes);
BROT_API void brot_colour_rows16(const struct brot_colour *colour,
				 const struct brot_numbers *numbers, uint32_t first, uint32_t rows,
				 uint16_t *rgb, size_t stride_bytes);

/* Half the size, for the levels of a pyramid: two rows of sRGB, 8 bits each, become one of (width +
 * 1) / 2 pixels, the mean of four in linear light. The last column of an odd width counts twice; a
 * last row is given twice by the caller. */
BROT_API void brot_colour_halve(const uint8_t *upper, const uint8_t *lower, uint32_t width_px,
				uint8_t *ret_rgb);

#ifdef __cplusplus
}
#endif

#endif
