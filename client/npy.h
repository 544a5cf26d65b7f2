/*
 * npy.h - writes numbers as a NumPy array file (version 1.0).
 *
 * iterations: '<u4' of shape (height, width), 0 inside. smooth: '<f8' of the same shape, whole plus
 * fraction, +inf inside. Rules as in filetype.h.
 */
#ifndef CLIENT_NPY_H
#define CLIENT_NPY_H

#include "client/outfile.h"
#include "client/picture.h"

/* The picture's format must be iterations or smooth. */
enum brot_err npy_write(struct picture *picture, struct outfile *outfile, struct brot_error *err);

#endif
