/* last_words.c - a pipe of which one line is kept. */
#define _GNU_SOURCE /* pipe2() */
#include "client/last_words.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool last_words_open(struct last_words *words, int *ret_writer)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*words = (struct last_words){.fd = ends[0]};
	*ret_writer = ends[1];
	return true;
}

static void take(struct last_words *words, char c)
{
	if (c == '\n') {
		words->is_ended = true;
		return;
	}
	if (words->is_ended)
		words->chars = 0;
	words->is_ended = false;
	if (words->chars == LAST_WORDS_CHARS)
		return;
	words->line[words->chars++] = c;
	words->line[words->chars] = '\0';
}

void last_words_hear(struct last_words *words)
{
	char heard[1024];
	ssize_t bytes = 1;
	/* Not for ever, where a child writes as fast as this reads: so much is a full pipe. */
	for (int i = 0; i < 64 && words->fd >= 0 && bytes > 0; i++) {
		bytes = read(words->fd, heard, sizeof heard);
		for (ssize_t b = 0; b < bytes; b++)
			take(words, heard[b]);
		if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR))
			last_words_close(words);
	}
}

void last_words_close(struct last_words *words)
{
	if (words->fd >= 0)
		(void)close(words->fd);
	words->fd = -1;
}
