/* nearest.c - edit distance with exchanges ("optimal string alignment"), three rows at a time. */
#include "proto/nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Longer words are nobody's typing error, and the rows below stay on the stack. */
#define WORD_MAX 64

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	uint8_t rows[3][WORD_MAX + 1];
	uint8_t *before = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b_length; j++)
		last[j] = (uint8_t)j;
	for (size_t i = 1; i <= a_length; i++) {
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t cost = last[j - 1] + (size_t)(a[i - 1] != b[j - 1]);
			cost = min_size(cost, min_size(last[j], row[j - 1]) + 1u);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost = min_size(cost, before[j - 2] + 1u);
			row[j] = (uint8_t)cost;
		}
		uint8_t *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length];
}

struct nearest nearest_start(const char *wanted)
{
	/* A third of the letters may be wrong, and in the shortest words one. */
	size_t tolerance = strnlen(wanted, WORD_MAX + 1) / 3;
	return (struct nearest){.wanted = wanted, .distance = (tolerance < 1 ? 1 : tolerance) + 1};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	size_t wanted_length = strnlen(nearest->wanted, WORD_MAX + 1);
	size_t length = strnlen(candidate, WORD_MAX + 1);
	if (wanted_length > WORD_MAX || length > WORD_MAX)
		return;
	size_t distance = edit_distance(nearest->wanted, wanted_length, candidate, length);
	/* A word of which nothing is left is no correction. */
	if (distance < nearest->distance && distance < wanted_length) {
		nearest->distance = distance;
		nearest->best = candidate;
	}
}

const char *nearest_found(const struct nearest *nearest)
{
	return nearest->best;
}

const char *nearest_hint(const struct nearest *nearest, char buffer[NEAREST_HINT_BYTES])
{
	buffer[0] = '\0';
	if (nearest->best != NULL)
		(void)snprintf(buffer, NEAREST_HINT_BYTES, "; did you mean \"%s\"?", nearest->best);
	return buffer;
}
