/*
 * npy.h - NumPy array files (version 1.0) of numbers.
 *
 *     iterations  '<u4' of shape (height, width), 0 inside
 *     smooth      '<f8' of that shape, whole plus fraction, +inf inside
 *     distance    '<f4' of shape (height, width, 2), x and y
 *     phase       '<f4' of shape (height, width)
 *     raw         NPY_RAW of that shape: a field a plane
 *     density     '<u8' of that shape, density32 '<u4'
 *     nebula      '<u8' of shape (height, width, 3), nebula32 '<u4'
 *
 * All in C order, row 0 on top.
 */
#ifndef CLIENT_NPY_H
#define CLIENT_NPY_H

#include "client/outfile.h"
#include "client/picture.h"

/* What NumPy calls their types. */
#define NPY_ITERATIONS "'<u4'"
#define NPY_SMOOTH     "'<f8'"
#define NPY_DENSITY    "'<u8'"
#define NPY_FLOAT      "'<f4'"
#define NPY_RAW                                                           \
	"[('iterations', '<u4'), ('whole', '<u4'), ('fraction', '<f4'), " \
	"('distance', '<f4', (2,)), ('phase', '<f4'), ('period', '<u4'), ('interior', '<f4')]"

/* The picture's format must be one of those. Rules as in filetype.h. */
enum brot_err npy_write(struct picture *picture, struct outfile *outfile, struct brot_error *err);

#endif
