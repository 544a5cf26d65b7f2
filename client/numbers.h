/*
 * numbers.h - the numbers of an image, read from a file to be coloured.
 *
 * Files that this program writes hold them, and EXR files of those whose layout ours is. A file is
 * taken whole or not at all: it may be anything.
 *
 * Thread-safe.
 */
#ifndef CLIENT_NUMBERS_H
#define CLIENT_NUMBERS_H

#include <brot/colour.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/buddha.h"
#include "proto/error.h"
#include "proto/format.h"

/* What is read. Begin with NUMBERS_NONE. */
struct numbers {
	uint32_t width_px, height_px;
	void *planes[PLANE_TYPES]; /* by enum plane_type; owned; NULL: not there */
	/* The second and third channel of a Nebulabrot's density or density32, whose first is in
	 * `planes`; likewise. */
	void *more[BUDDHA_CHANNELS - 1];
	char *request; /* the JSON that it was rendered for; NULL: not said; owned */
};
#define NUMBERS_NONE ((struct numbers){0})

/* Reads a file; its suffix says which kind it is, .npy or .exr. BROT_E_USAGE for another,
 * BROT_E_NO_INPUT where it cannot be read, BROT_E_REQUEST where it is not what it should be,
 * BROT_E_SYSTEM where memory is short: *numbers holds nothing then. */
enum brot_err numbers_read(const char *path, struct numbers *numbers, struct brot_error *err);

/* As brot_colour takes them; borrowed. */
void numbers_view(const struct numbers *numbers, struct brot_numbers *ret_view);

/* Whether they are a Buddhabrot's counts, and of how many channels: 0 if they are not. */
uint32_t numbers_channels(const struct numbers *numbers);

/* Leaves NUMBERS_NONE. */
void numbers_free(struct numbers *numbers);

/* ---- for the readers of files ---- */

/* Reserves a plane of the size; that of a channel. False if memory is short. */
bool numbers_reserve(struct numbers *numbers, enum plane_type plane);
bool numbers_reserve_channel(struct numbers *numbers, enum plane_type plane, uint32_t channel);

/* The plane of a channel, 0 of all but a Buddhabrot's counts; NULL: not there. */
void *numbers_plane(const struct numbers *numbers, enum plane_type plane, uint32_t channel);

/* `"FILE": reason`, BROT_E_REQUEST. */
enum brot_err numbers_refuse(const char *path, const char *reason, struct brot_error *err);

/* Checks the size, 1..LIMIT_SIZE_PX each. */
enum brot_err numbers_check_size(const char *path, uint64_t width, uint64_t height,
				 struct brot_error *err);

/* Checks the values of the planes of floats: finite, fraction and phase in [0, 1), interior not
 * negative. */
enum brot_err numbers_check(const char *path, const struct numbers *numbers,
			    struct brot_error *err);

/* Takes a smooth count apart: +inf is inside. False for what is none. */
bool numbers_split(double count, uint32_t *ret_whole, float *ret_fraction);

enum brot_err npy_read(const char *path, struct numbers *numbers, struct brot_error *err);
enum brot_err exr_file_read(const char *path, struct numbers *numbers, struct brot_error *err);

#endif
