/*
 * keeper.h - owns a process that cleans up after a broker that was killed.
 *
 * `kill -9` gives a broker no time to remove its images and sockets. The keeper, a child that runs
 * this same program, knows their names and waits for the end of its socket, which comes with the
 * broker's end however that comes.
 */
#ifndef BROKER_KEEPER_H
#define BROKER_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/error.h"

#define KEEPER_OPTION "--keeper" /* what the program is started with to be one */
#define KEEPER_FD     3

struct keeper {
	int fd;
	pid_t pid;
};
#define KEEPER_NONE ((struct keeper){.fd = -1})

/* Starts this program once more, as a keeper. */
enum brot_err keeper_start(struct keeper *ret_keeper, struct brot_error *err);

/* What the program does as a keeper: returns when the broker has ended and all is clean. */
void keeper_run(void);

/* Whether the keeper has died; if so it is reaped, and left as KEEPER_NONE. */
bool keeper_is_dead(struct keeper *keeper);

/* Notes an image, or that it is gone. */
void keeper_add_image(const struct keeper *keeper, const char *name);
void keeper_remove_image(const struct keeper *keeper, const char *name);

/* Notes a socket file, or a folder that is to be removed once it is empty. It must exist; what
 * another broker puts in its place is left alone. */
void keeper_add_path(const struct keeper *keeper, const char *path);

/* The broker ends properly: the keeper removes what it still knows of, and ends. Waits for it.
 * Accepts KEEPER_NONE. */
void keeper_stop(struct keeper *keeper);

#endif
