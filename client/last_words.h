/*
 * last_words.h - the end of what a child says, for the sentence that tells of its end.
 *
 * One thread at a time uses one.
 */
#ifndef CLIENT_LAST_WORDS_H
#define CLIENT_LAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define LAST_WORDS_CHARS 160 /* of a line that is longer only the beginning is kept */

struct last_words {
	int fd; /* of a pipe, does not block; -1: there is none, or its writers are gone */
	bool is_ended;
	size_t chars;
	char line[LAST_WORDS_CHARS + 1]; /* the last one that is not empty, or its beginning */
};
#define LAST_WORDS_NONE ((struct last_words){.fd = -1})

/* Opens the pipe. *ret_writer, its other end, is the caller's to close; neither is inherited by
 * accident. False, with errno, where the system refuses. */
bool last_words_open(struct last_words *words, int *ret_writer);

/* Takes what is there. Closes the pipe at its end. */
void last_words_hear(struct last_words *words);

/* Accepts LAST_WORDS_NONE. */
void last_words_close(struct last_words *words);

#endif
