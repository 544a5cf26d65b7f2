/*
 * outfile.h - owns a file that appears whole or not at all.
 *
 * The bytes go to a file without a name in the target's folder, which outfile_commit() gives the
 * target's name: whatever ends the program before, kill -9 included, leaves nothing. Where the file
 * system knows no such files it is a temporary one, ".NAME.RANDOM.tmp". Either is made before
 * anything is rendered, so that a target that cannot be written is known at once.
 *
 * It outlasts a power cut where outfile_commit() is told so, which waits for the disk. What can be
 * had again need not.
 *
 * One thread owns an outfile.
 */
#ifndef CLIENT_OUTFILE_H
#define CLIENT_OUTFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/outfolder.h"
#include "proto/error.h"

struct outfile {
	char *path;      /* as the user gave it, for sentences */
	char *target;    /* where that leads */
	char *temporary; /* NULL: the file has no name */
	FILE *file;      /* NULL: nothing is open (OUTFILE_NONE) */
	uint64_t bytes;
	struct outfolder folder; /* that appears with it, or OUTFOLDER_NONE */
};
#define OUTFILE_NONE ((struct outfile){0})

/* Makes the file. A target that is there gives it its mode; behind a symbolic link it is the
 * link's own target that is made or replaced. BROT_E_OUTPUT, with nothing left behind, where the
 * folder is missing or not writable, or the target is there and is not a regular file that may be
 * replaced. */
enum brot_err outfile_open(const char *path, struct outfile *ret_outfile, struct brot_error *err);

/* The same as on a file system that knows no files without a name. */
enum brot_err outfile_open_named(const char *path, struct outfile *ret_outfile,
				 struct brot_error *err);

/* BROT_E_NO_SPACE on a full disk, otherwise BROT_E_OUTPUT. */
enum brot_err outfile_write(struct outfile *outfile, const void *data, size_t bytes,
			    struct brot_error *err);

/* The same for bytes that are there already, from `offset` on; what is written next still goes to
 * the end. */
enum brot_err outfile_rewrite(struct outfile *outfile, uint64_t offset, const void *data,
			      size_t bytes, struct brot_error *err);

/* Makes a folder that gets the name `target` just before the file gets its own, or vanishes with
 * it; once a file. BROT_E_OUTPUT where the target is there already, or the folder cannot be made.
 */
enum brot_err outfile_add_folder(struct outfile *outfile, const char *target,
				 struct brot_error *err);

/* Closes, and gives the target's name. With must_last the bytes, and what is in the folder, are on
 * the disk before they have that name, and the name is when this returns. On failure no temporary
 * file is left and the target is untouched, unless it was the disk that failed with the name. In
 * both cases outfile_discard() must still be called, and removes the folder where this failed. */
enum brot_err outfile_commit(struct outfile *outfile, bool must_last, struct brot_error *err);

/* Closes, removes the temporary file if it is still there, frees. Accepts OUTFILE_NONE, and leaves
 * it behind. */
void outfile_discard(struct outfile *outfile);

#endif
