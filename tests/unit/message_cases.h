/*
 * message_cases.h - what a message of each type must look like, and random ones of it.
 *
 * The table of types comes from message_describe(), which tests/lint compares with PROTOCOL.md.
 */
#ifndef TESTS_UNIT_MESSAGE_CASES_H
#define TESTS_UNIT_MESSAGE_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

#define PREFIX_BYTES  6
#define TYPES_MAX     64
#define FIELDS_MAX    16
#define FROM_COUNT    3
#define FRAMES_TESTED (LIMIT_FRAMES + 2)

extern const enum message_from froms[FROM_COUNT];

/* A field of a header, and where struct message has it. */
struct member {
	const char *name;
	size_t offset, bytes;
};

/* A row of the table. */
struct type {
	char name[16];
	unsigned code, from;
	const struct member *fields[FIELDS_MAX];
	size_t field_count, header_bytes;
	bool has_body, is_text, may_have_data, must_have_data;
};

extern struct type types[TYPES_MAX];
extern size_t type_count;

/* Bytes for bodies and data. */
extern uint8_t filler[LIMIT_BODY_BYTES + 2];

/* For cmocka: reads the table, and begins with BROT_TEST_SEED, which it prints. */
int message_cases_begin(void **state);

/* NULL: none has that code. */
const struct type *type_of(unsigned code);

/* One of those who may say it. */
enum message_from sender_of(const struct type *type);

/* Random numbers: any, 0..limit - 1, and bytes. */
uint64_t draw(void);
size_t draw_below(size_t limit);
void draw_bytes(void *memory, size_t bytes);

/* One with fields, a body and data as they may be; both borrow from filler. */
struct message random_message(const struct type *type);

/* Compares all but body and data. */
void assert_same_fields(const struct message *a, const struct message *b);

/* Decodes, after checking that a failure says why and leaves *ret_message alone. */
enum brot_err decode(const struct bytes *frames, size_t count, enum message_from from,
		     struct message *ret_message, struct brot_error *err);

#endif
