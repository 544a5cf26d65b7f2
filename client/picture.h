/*
 * picture.h - a finished image as the file writers see it, wherever its pixels lie.
 *
 * A mapped image and one that came over the socket look the same: one pointer a plane, rows
 * without padding. A writer calls picture_tick() once a row, so that whoever waits for the file
 * can keep the broker informed and notice Ctrl-C.
 *
 * Pure. One thread owns a picture.
 */
#ifndef CLIENT_PICTURE_H
#define CLIENT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/request.h"

struct picture {
	const struct request *request;     /* says size and format; borrowed */
	const uint8_t *planes[PLANES_MAX]; /* in the order of the format; borrowed */
	bool (*tick)(void *context);       /* may be NULL; false: stop */
	void *context;
};

/* The first byte of row y (0 on top, below height_px) of plane index p of the format. */
const uint8_t *picture_row(const struct picture *picture, uint32_t p, uint32_t y);

/* Bytes of one row, and of all rows, of plane index p. */
size_t picture_row_bytes(const struct request *request, uint32_t p);
size_t picture_plane_bytes(const struct request *request, uint32_t p);

/* BROT_E_CANCELLED once the tick says stop. */
enum brot_err picture_tick(const struct picture *picture, struct brot_error *err);

#endif
