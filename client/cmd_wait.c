/* cmd_wait.c - brot-client wait JOB. */
#include "client/await.h"

enum brot_err cmd_wait(const struct cli *cli, struct brot_error *err)
{
	static const struct await await = {
		.title = "brot-client wait",
		.summary =
			"Waits for the end of a job, and gets its picture where --out wants it.\n"
			"A picture larger than the broker's memory for images comes in bands, "
			"which\n"
			"are rendered while they are read: --out must name a file, one client "
			"reads\n"
			"them at a time, and the job is gone then. " AWAIT_KEPT,
	};
	return await_run(cli, &await, err);
}
