/*
 * fakes.h - the system as the targets have it: proto/sys/clock.h, random.h, log.h, signals.h,
 * descriptors.h and shm.h without a system, the same for the same input.
 *
 * fakes.c defines those functions, so that the linker leaves the real ones out. Who else needs a
 * socket links fakes_dealer.c, or has one of its own.
 */
#ifndef TESTS_FUZZ_FAKES_H
#define TESTS_FUZZ_FAKES_H

#include "proto/sys/sock.h"
#include "tests/fuzz/records.h"

/* Starts over: time FAKE_START_MS, random numbers 1, 2, 3 (and 16 bytes 01, then 02 ...), no
 * segment. */
void fakes_begin(void);
#define FAKE_START_MS 100000

void fakes_set_now_ms(int64_t now_ms);
void fakes_signal(int number); /* the next that signals_next() has */

/* Segments live in memory; those a peer is said to have made begin with these bytes, borrowed. */
void fakes_set_segment(const struct bytes *begin);
uint64_t fakes_shm_bytes(void); /* of the segments made and not removed */
unsigned fakes_shm_mapped(void);

/* ---- fakes_dealer.c: a DEALER whose peer says what the input says ---- */

enum dealer_op {
	DEALER_SILENT = 1,  /* nothing is said: the target may do something else with the record */
	DEALER_SIGNAL = 2,  /* a signal comes: how says which */
	DEALER_FULL = 4,    /* nothing can be sent for now */
	DEALER_SEGMENT = 8, /* frame 0 is how segments begin from now on; nothing is said */
	DEALER_STALL = 16,  /* this process is stopped for a minute */
};

/* What the other end is: FROM_CLIENT where a client is tested. records is borrowed. on_silent is
 * told each DEALER_SILENT record, on_end of each wait once the input has ended; either may be NULL.
 */
struct dealer {
	struct records *records;
	enum message_from from;
	void (*on_silent)(const struct record *record);
	void (*on_end)(void);
};
void dealer_begin(const struct dealer *dealer);
void dealer_end(void);
bool dealer_is_open(void);

#endif
