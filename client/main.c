/* main.c - brot-client. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "client/cli.h"
#include "proto/sys/process.h"
#include "proto/sys/signals.h"

int main(int argc, char **argv)
{
	process_open_standard_streams();
	int signal_fd = signals_open();
	if (signal_fd < 0) {
		fprintf(stderr, "brot-client: cannot read signals: %s\n", strerror(errno));
		return EX_OSERR;
	}
	return cli_run(argc, argv, signal_fd);
}
