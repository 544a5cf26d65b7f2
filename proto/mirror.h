/*
 * mirror.h - conjugate symmetry: images whose lower half is the upper one upside down.
 *
 * Row y and row H - 1 - y of such an image are equal byte for byte, so that only its upper rows
 * are computed and the others are copies. With an odd H the middle row is its own mirror image:
 * it is computed and copied nowhere. mirror_applies() knows such an image by its request, because:
 *
 * 1. Points. Sample rows r and R - 1 - r (of R = samples x H) have the factors k and -k in
 *    point_row_of(), which are exact, and a product rounds alike for either sign: dy and -dy.
 *    With rotate 0 or 180 the cosine is 1 or -1 and the sine 0, and with im 0 the imaginary part is
 *    dy or -dy exactly, the real part the same. Rounding to f32 keeps that.
 * 2. Counts. A formula is_conjugate where each operation of its steps gives from (x, -y) what it
 *    gives from (x, y), or the exact opposite: fma(-y, y, c) and fma(x, x, t) are even in y,
 *    fma(x + x, y, c) with c turned as well is odd, and x - y and x + y change places in a product.
 *    So does the square of |z| that the escape test and the smooth count see. Julia's c must be
 *    real, for it has no mirror image to go with.
 *    Zeros may differ in sign, which no comparison sees and only zeros inherit.
 *    Derivatives go the same way: those of mirrored points are conjugate, so that the length of
 *    `distance` is the same, its direction and `phase` are not; period and interior are.
 * 3. Pixels. Mirrored pixels have the same samples, in another order: pixel row y has the sample
 *    rows n y + b, and the mirror of that is n (H - 1 - y) + (n - 1 - b). Colours come from a
 *    sample's numbers alone and are summed as integers, so the order does not matter; but for the
 *    pattern of a dither, which depends on the pixel's place, and for the colours of mode angle,
 *    which see the phase. Which pixels `adaptive` proves depends on their centres, which mirror
 * like samples, by the length of `distance`.
 * 4. Planes. What a plane holds must be equal at mirrored points: plane_info.is_conjugate.
 *
 * A request for brute force (has_shortcuts false) is not mirrored: it is the check on all this.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_MIRROR_H
#define PROTO_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/image.h"
#include "proto/request.h"
#include "proto/tile.h"

/* Whether the image of a request that request_parse() accepted is its own mirror image, and may be
 * rendered so. */
bool mirror_applies(const struct request *request);

/* The rows 0.. of an image that are computed: the upper half, an odd height's middle row
 * included. */
uint32_t mirror_rows(uint32_t height_px);

/* The mirror image of a rectangle; it overlaps with a rectangle of the upper half at most in the
 * middle row. */
struct rect mirror_rect(uint32_t height_px, const struct rect *rect);

/* The pixels of a rectangle of the upper half and of its mirror image, each counted once. */
uint64_t mirror_pixels(uint32_t height_px, const struct rect *rect);

/* Copies a rectangle of the upper half (asserted) to its mirror image, in all planes. Each byte
 * there is stored once; a middle row is left as it is. */
void mirror_copy(void *memory, const struct image_layout *layout, const struct rect *rect);

#endif
