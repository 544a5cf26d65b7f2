/*
 * records.h - inputs that are conversations: a list of records, each with a few messages' frames.
 *
 * A record is four bytes (`op`, `how`, `wait` and the number of frames, at most RECORD_FRAMES),
 * then the frames, each with its length as two bytes, little-endian, before it. The last frame may
 * be cut short. tests/fuzz/make_seeds.py writes the same.
 *
 * records.c defines libFuzzer's mutator and cross-over too: they keep that form, so that a
 * conversation stays one while its words change.
 */
#ifndef TESTS_FUZZ_RECORDS_H
#define TESTS_FUZZ_RECORDS_H

#include "proto/message.h"

#define RECORD_FRAMES (LIMIT_FRAMES + 1)

struct record {
	uint8_t op, how, wait; /* the target says what they mean */
	size_t count;
	struct bytes frames[RECORD_FRAMES]; /* each in memory of its own */
};

struct records {
	const uint8_t *at;
	size_t left;
};

/* The next record; false at the end. Free it with record_done(). */
bool records_next(struct records *records, struct record *ret_record);
void record_done(struct record *record);

/* A record's `wait` as milliseconds: 0 to 127, then half seconds up to 64 s. */
int64_t record_wait_ms(const struct record *record);

#endif
