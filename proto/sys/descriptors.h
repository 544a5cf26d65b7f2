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
	uint32_t connections; /* that fit in the rest, about */
};

/* Raises the soft limit to the hard one, and keeps `reserve` descriptors from connections; where
 * the limit is small, a quarter of it. BROT_E_SYSTEM where the limit leaves no room for any
 * connection. */
enum brot_err descriptors_open(uint32_t reserve, struct descriptors *ret, struct brot_error *err);

/* Whether a few more connections would be too many: time to refuse new work with a sentence,
 * while there still is a connection to say it over. False before descriptors_open(). */
bool descriptors_are_short(void);

/* Connections that were closed because no more fit. */
uint64_t descriptors_turned_away(void);

#endif
