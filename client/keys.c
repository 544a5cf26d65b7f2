/* keys.c - termios. */
#include "client/keys.h"

#include <string.h>
#include <unistd.h>

/* Who is in the background of its own terminal would be stopped for it. */
static bool may_change(int fd)
{
	pid_t foreground = tcgetpgrp(fd);
	return isatty(fd) == 1 && (foreground == -1 || foreground == getpgrp());
}

void keys_open(struct keys *keys, int fd)
{
	*keys = (struct keys){.fd = -1};
	if (!may_change(fd) || tcgetattr(fd, &keys->before) != 0)
		return;
	struct termios now = keys->before;
	now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	now.c_cc[VMIN] = now.c_cc[VTIME] = 0; /* a read returns at once */
	if (tcsetattr(fd, TCSANOW, &now) == 0)
		keys->fd = fd;
}

void keys_close(struct keys *keys)
{
	if (keys->fd >= 0 && may_change(keys->fd))
		(void)tcsetattr(keys->fd, TCSANOW, &keys->before);
	keys->fd = -1;
}

bool keys_take(struct keys *keys, char key)
{
	char typed[64];
	ssize_t bytes = keys->fd >= 0 ? read(keys->fd, typed, sizeof typed) : 0;
	if (bytes > 0)
		return memchr(typed, key, (size_t)bytes) != NULL;
	keys_close(keys); /* it has hung up: it would be ready for ever */
	return false;
}
