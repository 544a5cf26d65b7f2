/* cmd_fetch.c - brot-client fetch JOB. */
#include "client/await.h"

enum brot_err cmd_fetch(const struct cli *cli, struct brot_error *err)
{
	static const struct await await = {
		.title = "brot-client fetch",
		.summary = "Gets the picture of a job that is finished.",
		.is_urgent = true,
	};
	return await_run(cli, &await, err);
}
