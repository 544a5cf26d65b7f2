/*
 * filetype.h - which kinds of file there are, which formats each takes, and who writes it.
 *
 * A new kind of file is one row in filetype.c and a writer.
 *
 * Pure but for the writers, which write to an outfile and nothing else.
 */
#ifndef CLIENT_FILETYPE_H
#define CLIENT_FILETYPE_H

#include <stdbool.h>

#include "client/outfile.h"
#include "client/picture.h"

struct filetype {
	const char *suffix;   /* without the dot, lower case */
	unsigned formats;     /* bit (1u << enum format_id) for each that it can hold */
	enum format_id usual; /* of escape-time requests */
	bool has_request;     /* it carries the request along, colours and all */
	bool has_dpi;         /* it says how many pixels an inch has */

	/* Writes the whole picture, whose format is one of `formats`. The caller commits or
	 * discards the outfile. Errors: those of outfile_write() and picture_reach(). */
	enum brot_err (*write)(struct picture *picture, struct outfile *outfile,
			       struct brot_error *err);

	/* Whether it could be written at `path`, beside what outfile_open() finds; or NULL. */
	enum brot_err (*check)(const char *path, struct brot_error *err);
};

/* outfile_open(), where the kind of file can be written there. */
enum brot_err filetype_open(const struct filetype *filetype, const char *path,
			    struct outfile *ret_outfile, struct brot_error *err);

/* The kind of file that the suffix of `path` (any case) names. BROT_E_USAGE otherwise, and where
 * path is NULL, with a sentence that lists the suffixes. */
enum brot_err filetype_of_path(const char *path, const struct filetype **ret_filetype,
			       struct brot_error *err);

/* The format that a request has in such a file unless it says otherwise: `usual`, or, where that is
 * numbers, those that its kind has. */
enum format_id filetype_usual(const struct filetype *filetype, const struct request *request);

/* The same among those that hold rgb8; `option` names it in the sentence. */
enum brot_err filetype_of_picture(const char *option, const char *path,
				  const struct filetype **ret_filetype, struct brot_error *err);

/* Whether the kind of file can say how many pixels an inch has, where that is wanted (dpi is not
 * 0): otherwise BROT_E_USAGE, and the sentence says which can. */
enum brot_err filetype_check_dpi(const struct filetype *filetype, uint32_t dpi,
				 struct brot_error *err);

/* Whether the kind of file holds that format: otherwise BROT_E_USAGE, and the sentence says what
 * it does hold and which files hold the format. */
enum brot_err filetype_check_format(const struct filetype *filetype, enum format_id format,
				    struct brot_error *err);

#endif
