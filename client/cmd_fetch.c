/* cmd_fetch.c - brot-client fetch JOB. */
#include "client/await.h"

enum brot_err cmd_fetch(const struct cli *cli, struct brot_error *err)
{
	static const struct await await = {
		.title = "brot-client fetch",
		.summary = "Gets the picture of a job that is finished. One in bands is not for "
			   "fetch:\n"
			   "it is rendered while it is read, which \"wait\" does. " AWAIT_KEPT,
		.is_urgent = true,
	};
	return await_run(cli, &await, err);
}
