/*
 * room.h - whether the system has room for what a library asks it for that cannot say no.
 *
 * Thread-safe. What others take meanwhile is theirs: the answer is of this moment.
 */
#ifndef PROTO_SYS_ROOM_H
#define PROTO_SYS_ROOM_H

#include "proto/error.h"

#define ROOM_DESCRIPTORS_MAX 16
#define ROOM_THREADS_MAX     4

/* BROT_E_SYSTEM, with a sentence, where there are not so many more descriptors, or threads with the
 * usual stack, to be had. Starts such threads for a moment, with all signals blocked. */
enum brot_err room_check(unsigned descriptors, unsigned threads, struct brot_error *err);

#endif
