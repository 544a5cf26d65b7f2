/* cmd_wait.c - brot-client wait JOB. */
#include "client/await.h"

enum brot_err cmd_wait(const struct cli *cli, struct brot_error *err)
{
	static const struct await await = {
		.title = "brot-client wait",
		.summary = "Waits for the end of a job, and gets its picture where --out wants it.",
	};
	return await_run(cli, &await, err);
}
