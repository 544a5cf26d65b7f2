/*
 * words.h - a command line for a test of options, cut at blanks.
 */
#ifndef TESTS_UNIT_WORDS_H
#define TESTS_UNIT_WORDS_H

#include <assert.h>
#include <string.h>

#define WORDS_MOST 64

/* Cuts a line of less than 1024 characters; the words live until the next call. Returns how many
 * there are. */
static inline int words_of(const char *line, char *ret_argv[WORDS_MOST])
{
	static char words[1024];
	int argc = 0;
	assert(strlen(line) < sizeof words);
	strcpy(words, line);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
		assert(argc < WORDS_MOST);
		ret_argv[argc++] = word;
	}
	return argc;
}

#endif
