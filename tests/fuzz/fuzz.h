/*
 * fuzz.h - what every fuzz target has: libFuzzer's functions, and a check that ends the program.
 *
 * A target is one file with LLVMFuzzerTestOneInput(). Built with BROT_FUZZ it is a libFuzzer
 * program; in every build it is linked with replay.c too, which feeds it the files of its corpus.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The target: always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of targets whose inputs have a form: changes an input, or puts two together, in place. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t most, unsigned seed);

/* libFuzzer's own mutations, and its dictionary. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* A finding. */
#define FUZZ_CHECK(condition, ...)                                      \
	do {                                                            \
		if (!(condition)) {                                     \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
			fprintf(stderr, __VA_ARGS__);                   \
			fprintf(stderr, " (%s)\n", #condition);         \
			abort();                                        \
		}                                                       \
	} while (0)

/* A copy in memory of its own, so that a sanitizer sees the first byte that is read behind it. The
 * caller frees it. */
static inline uint8_t *fuzz_copy(const void *data, size_t size)
{
	uint8_t *copy = calloc(1, size);
	if (copy == NULL && size > 0)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* The same with a NUL behind it. */
static inline char *fuzz_text(const void *data, size_t size)
{
	char *copy = malloc(size + 1);
	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

#endif
