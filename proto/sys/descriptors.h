/*
 * descriptors.h - owns how many file descriptors connections may take.
 *
 * Where descriptors run out, libzmq's I/O thread ends the program (an ipc endpoint) or spins (tcp),
 * and to unbind an endpoint comes too late: that thread goes on accepting until it hears of it. So
 * this file puts itself between libraries and accept(2): once descriptors_open() was called, a
 * connection that would leave less than the reserve is accepted and closed at once, in whichever
 * thread it comes. The other end sees its connection end, and tries again later.
 *
 * Descriptors have the lowest free number, so a connection's number alone says whether it fits:
 * connections never have one of the reserve's, and nothing needs to be counted.
 *
 * Most of those who knock may be strangers, who hold a descriptor until libzmq has lost patience
 * with their handshakes. So where only a few numbers are left, the oldest connection that nobody
 * has asked to keep is shut for each new one: its owner finds it ended, and closes it.
 *
 * Thread-safe, but that descriptors_open() is called once, before anything listens.
 */
#ifndef PROTO_SYS_DESCRIPTORS_H
#define PROTO_SYS_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

struct descriptors {
	uint32_t limit;       /* the process's */
	uint32_t reserve;     /* that connections cannot take */
	uint32_t connections; /* that may be kept: then there is always room for a few more */
};

/* Raises the soft limit to the hard one, and keeps `reserve` descriptors from connections; where
 * the limit is small, a quarter of it. BROT_E_SYSTEM where the limit leaves no room for any
 * connection. */
enum brot_err descriptors_open(uint32_t reserve, struct descriptors *ret, struct brot_error *err);

/* Keeps a connection, by its descriptor's number, from being shut to make room. Returns a ticket
 * that names this connection alone; 0 where there is none of that number. */
uint64_t descriptors_keep(int fd);

/* Takes that back: the connection is the youngest of those that may be shut. 0, or one that has
 * ended, is ignored. */
void descriptors_let_go(uint64_t ticket);

/* Connections that were closed because no more fit, and those that were shut for others. */
uint64_t descriptors_turned_away(void);

#endif
