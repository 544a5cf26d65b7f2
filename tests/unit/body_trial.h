/*
 * body_trial.h - puts the body of a message before its parser, and sees that one which is refused
 * says why and leaves every output as it was.
 */
#ifndef TESTS_UNIT_BODY_TRIAL_H
#define TESTS_UNIT_BODY_TRIAL_H

#include <stddef.h>
#include <stdint.h>

#include "broker/parse.h"

#define KEY      "00112233445566778899aabbccddeeff"
#define NAME_63  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define BODY_MAX 8192

/* The bytes of KEY. */
extern const uint8_t key_bytes[SCHED_KEY_BYTES];

/* A message whose body is a block of exactly its size, so that a sanitizer sees a read beyond it.
 * The caller frees the body. */
struct spoken {
	struct message m;
	char *body;
};

struct spoken speak(enum message_type type, const char *body);
struct spoken speak_bytes(enum message_type type, const char *body, size_t bytes);

/* All outputs of all parsers. */
struct outputs {
	struct worker_info info;
	struct submit submit;
	struct fetch fetch;
	uint64_t job, jobs[LIMIT_JOBS_PER_CLIENT], before;
	size_t count;
	uint32_t band, limit;
	int32_t priority;
	char worker[LIMIT_NAME_CHARS + 1];
};

/* Calls the parser of that type. */
enum brot_err parse(const struct message *m, struct outputs *out, struct brot_error *err);

/* What comes of a body that must be taken; good until the next call. */
struct outputs *parsed(enum message_type type, const char *body);

/* Fails unless the body is refused, with that sentence; one that ends in "..." goes on as it likes
 * from there. Of the outputs a key alone may be there, which must be that of KEY. */
void refused(enum message_type type, const char *body, const char *sentence);
void refused_as(enum brot_err code, enum message_type type, const char *body, const char *sentence);

/* The body of a HELLO; each member is one that is right, unless it is the one named. That has the
 * value given, or is missing where that is NULL. The text is good until the next call. */
const char *hello(const char *name, const char *value);

#endif
