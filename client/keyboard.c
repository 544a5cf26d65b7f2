/* keyboard.c - termios. */
#include "client/keyboard.h"

#include <string.h>
#include <unistd.h>

/* Who is in the background of its own terminal would be stopped for it. */
static bool may_change(int fd)
{
	pid_t foreground = tcgetpgrp(fd);
	return isatty(fd) == 1 && (foreground == -1 || foreground == getpgrp());
}

void keyboard_open(struct keyboard *keyboard, int fd)
{
	*keyboard = (struct keyboard){.fd = -1};
	if (!may_change(fd) || tcgetattr(fd, &keyboard->before) != 0)
		return;
	struct termios now = keyboard->before;
	now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	now.c_cc[VMIN] = now.c_cc[VTIME] = 0; /* a read returns at once */
	if (tcsetattr(fd, TCSANOW, &now) == 0)
		keyboard->fd = fd;
}

void keyboard_close(struct keyboard *keyboard)
{
	if (keyboard->fd >= 0 && may_change(keyboard->fd))
		(void)tcsetattr(keyboard->fd, TCSANOW, &keyboard->before);
	keyboard->fd = -1;
}

bool keyboard_take(struct keyboard *keyboard, char key)
{
	char typed[64];
	ssize_t bytes = keyboard->fd >= 0 ? read(keyboard->fd, typed, sizeof typed) : 0;
	if (bytes > 0)
		return memchr(typed, key, (size_t)bytes) != NULL;
	keyboard_close(keyboard); /* it has hung up: it would be ready for ever */
	return false;
}
