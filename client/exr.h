/*
 * exr.h - OpenEXR files of numbers, in the layout that Kalles Fraktaler, Fraktaler-3 and zoomasm
 * share, by OpenEXR's core library.
 *
 * One part of scanlines, row 0 on top, ZIP in blocks of 16 rows. Channels, as far as the format has
 * them:
 *
 *     N         uint   whole + IterationsBias; 2^32 - 1 inside; 0 with NF 0: not computed
 *     N0, N1    uint   read where there is no N: its low and high 32 bits, each 2^32 - 1 inside
 *     NF        float  fraction
 *     T         float  phase
 *     DEX, DEY  float  distance: x to the right, y up
 *     PERIOD    uint   period, which is ours
 *     INTERIOR  float  interior, which is ours
 *     ITERATIONS uint  iterations, which is ours, without the bias
 *     DENSITY   uint   density32, which is ours; of a Nebulabrot RED, GREEN and BLUE
 *     DENSITY0, DENSITY1 uint  the low and high 32 bits of density; RED0, RED1 and so on likewise
 *
 * Attributes: int Iterations and IterationsBias, float xDensity, pixels an inch, where it is said;
 * our own, string brot-request, is the request, canonical.
 */
#ifndef CLIENT_EXR_H
#define CLIENT_EXR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/outfile.h"
#include "client/picture.h"
#include "proto/error.h"

#define EXR_REQUEST_KEY    "brot-request"
#define EXR_ITERATIONS_KEY "Iterations"
#define EXR_BIAS_KEY       "IterationsBias"
#define EXR_BIAS           1024 /* as the others have it; a count is never "not computed" so */

#define EXR_ELEMENT_BYTES 4 /* of every channel */

/* Where the numbers of a channel lie. */
struct exr_channel {
	const char *name;
	enum plane_type plane;
	uint32_t part;  /* of a pixel's values in the plane, 0 or 1 */
	uint32_t index; /* of the counts of a Buddhabrot, which has so many: */
	uint32_t count; /* 0: this is no count */
};
extern const struct exr_channel exr_channels[]; /* in the order of names; ends with a NULL name */

bool exr_channel_is_float(const struct exr_channel *channel);

/* Writes a picture whose format is iterations, smooth, raw or one of counts. Packs on all cores.
 * Rules as in filetype.h; the bytes do not depend on the number of cores. */
enum brot_err exr_file_write(struct picture *picture, struct outfile *outfile,
			     struct brot_error *err);

/* Whether the bytes, the first of a file, are those of an OpenEXR file. */
bool exr_file_is_exr(const void *start, size_t bytes);

/* Reads the request's text. `name` is for sentences only. The numbers are skipped; the file may be
 * hostile: BROT_E_REQUEST where its head is damaged, it ends before its last block, or carries no
 * request of at most LIMIT_REQUEST_BYTES. The caller frees *ret_text, NUL-terminated. */
enum brot_err exr_file_read_request(FILE *file, const char *name, char **ret_text,
				    struct brot_error *err);

#endif
