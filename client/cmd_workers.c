/* cmd_workers.c - brot-client workers. */
#include "client/workers.h"

enum brot_err cmd_workers(const struct cli *cli, struct brot_error *err)
{
	return listing_ask(cli, &workers_listing, MSG_WORKERS, err);
}
