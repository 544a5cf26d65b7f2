/* random.c - getrandom(2), asked again until it has given everything. */
#include "proto/sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

void random_bytes(void *memory, size_t bytes)
{
	unsigned char *at = memory;
	while (bytes > 0) {
		ssize_t got = getrandom(at, bytes, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		at += got;
		bytes -= (size_t)got;
	}
}

uint64_t random_u64(void)
{
	uint64_t value;
	do
		random_bytes(&value, sizeof value);
	while (value == 0);
	return value;
}
