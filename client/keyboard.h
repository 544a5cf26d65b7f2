/*
 * keyboard.h - single keys of a terminal, without the return key and without their echo.
 *
 * A process that is stopped leaves the terminal to its shell, which sets it as it likes: keys
 * wait for the return key after that.
 *
 * One thread owns a struct keyboard.
 */
#ifndef CLIENT_KEYBOARD_H
#define CLIENT_KEYBOARD_H

#include <stdbool.h>
#include <termios.h>

/* Nobody but keyboard.c touches the members. */
struct keyboard {
	int fd; /* -1: none are read */
	struct termios before;
};

/* Reads keys from fd, which stays the caller's, if it is a terminal that this process may
 * change.
 */
void keyboard_open(struct keyboard *keyboard, int fd);

/* Leaves the terminal as it was. Accepts one that reads none. */
void keyboard_close(struct keyboard *keyboard);

/* Takes what has been typed, without waiting. Returns whether `key` was among it. */
bool keyboard_take(struct keyboard *keyboard, char key);

#endif
