/*
 * nearest.h - which known name did somebody mean?
 *
 * Distance: the fewest insertions, deletions, replacements and exchanges of neighbouring
 * characters that turn one name into the other.
 *
 * Pure and thread-safe; one thread owns a struct nearest.
 */
#ifndef PROTO_NEAREST_H
#define PROTO_NEAREST_H

#include <stddef.h>

/* A search under way. The names are borrowed until the end of the search. */
struct nearest {
	const char *wanted;
	const char *best; /* NULL until a name is near */
	size_t distance;  /* of best; at first the distance that is too far */
};

/* Starts a search for `wanted`, which may be any string that a peer or user gave. */
struct nearest nearest_start(const char *wanted);

/* Offers one known name. Of equally near names the first offered wins. */
void nearest_offer(struct nearest *nearest, const char *candidate);

/* The nearest of the names offered; NULL if none is near enough to be worth naming. */
const char *nearest_found(const struct nearest *nearest);

/* Writes `; did you mean "name"?` or nothing into buffer, for the end of a sentence.
 * Returns buffer. */
#define NEAREST_HINT_BYTES 96
const char *nearest_hint(const struct nearest *nearest, char buffer[NEAREST_HINT_BYTES]);

#endif
