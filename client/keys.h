/*
 * keys.h - single keys of a terminal, without the return key and without their echo.
 *
 * A process that is stopped leaves the terminal to its shell, which sets it as it likes: keys wait
 * for the return key after that.
 *
 * One thread owns a struct keys.
 */
#ifndef CLIENT_KEYS_H
#define CLIENT_KEYS_H

#include <stdbool.h>
#include <termios.h>

/* Nobody but keys.c touches the members. */
struct keys {
	int fd; /* -1: none are read */
	struct termios before;
};

/* Reads keys from fd, which stays the caller's, if it is a terminal that this process may change.
 */
void keys_open(struct keys *keys, int fd);

/* Leaves the terminal as it was. Accepts one that reads none. */
void keys_close(struct keys *keys);

/* Takes what has been typed, without waiting. Returns whether `key` was among it. */
bool keys_take(struct keys *keys, char key);

#endif
