/* signals_next.c - reads a signalfd(2): apart from signals.c, for a library that must not change
 * what its program does with signals has this alone. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "proto/sys/signals.h"

int signals_next(int fd)
{
	struct signalfd_siginfo info;
	if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
		return 0;
	return (int)info.ssi_signo;
}
