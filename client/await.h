/* await.h - what wait and fetch have in common: a job that somebody has submitted, and its file. */
#ifndef CLIENT_AWAIT_H
#define CLIENT_AWAIT_H

#include "client/cli.h"

/* How long there is a picture; ends a summary. */
#define AWAIT_KEPT                                                                       \
	"Other pictures stay until\n"                                                    \
	"their job is released or the broker's --retention has passed, a week without\n" \
	"it; those of a broker without --state-dir end with it."

struct await {
	const char *title; /* "brot-client wait" */
	const char *summary;
	bool is_urgent; /* a job that is not finished is a failure, and a file must be named; but
			 * there is --preview, of a Buddhabrot */
};

/* Parses the command line, attaches to the job, and writes its file where one is wanted. Ctrl-C
 * leaves the job alone. */
enum brot_err await_run(const struct cli *cli, const struct await *await, struct brot_error *err);

#endif
