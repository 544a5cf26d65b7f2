/*
 * file.h - writes images to files, as brot-client does.
 *
 * Thread rule: everything here may be called by any number of threads at once.
 */
#ifndef BROT_FILE_H
#define BROT_FILE_H

#include <brot/request.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How to write. */
struct brot_file {
	uint32_t dpi; /* pixels an inch, which .png and .exr files then say; 0: not said */
	int compress; /* 1..9, how hard .png and .exr files are packed; 0: as usual, which is 4; -1:
		       * not at all */
	uint32_t threads; /* that pack, beside the caller's, which hands them rows; at most
			   * BROT_FILE_THREADS_MAX; 0: one for each core that this process may run
			   * on. The bytes do not depend on them. */
	uint64_t reserved[BROT_RESERVED];
};
#define BROT_FILE_DPI_MAX     100000
#define BROT_FILE_THREADS_MAX 64

/* Writes an image, whose arrays are those of the request's planes, to a file of the kind that the
 * suffix of `path` names: .png, .ppm and .dzi for format rgb8, .png and .ppm for rgb16, .npy and
 * .exr for numbers (.exr not for distance and phase). .png, .exr and .dzi files carry the request
 * along. The file appears whole or not at all, in place of one that is there; it is not forced onto
 * the disk. options NULL: as {0}. SIGXFSZ is kept from the calling thread meanwhile: a file that is
 * too large for the process's limit is BROT_E_OUTPUT.
 *
 * BROT_E_USAGE: path, options or arrays are not so; BROT_E_OUTPUT: the file cannot be made;
 * BROT_E_NO_SPACE: a disk is full; BROT_E_SYSTEM: memory or threads are short. */
BROT_API enum brot_err brot_write(const char *path, const struct brot_request *request,
				  const struct brot_array arrays[], const struct brot_file *options,
				  struct brot_error *err);

/* The bytes of the .png file for a request of format rgb8 or rgb16. The caller ends *ret_bytes with
 * brot_free(). Errors as above. */
BROT_API enum brot_err brot_encode_png(const struct brot_request *request,
				       const struct brot_array *rgb,
				       const struct brot_file *options, void **ret_bytes,
				       size_t *ret_size, struct brot_error *err);

/* Ends memory that this library gave. Accepts NULL. */
BROT_API void brot_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
