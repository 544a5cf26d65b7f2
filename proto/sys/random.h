/* random.h - fills memory with random bytes from the kernel. */
#ifndef PROTO_SYS_RANDOM_H
#define PROTO_SYS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Cannot fail on a Linux that has getrandom(2); aborts otherwise. */
void random_bytes(void *memory, size_t bytes);

/* A random number that is not 0. */
uint64_t random_u64(void);

#endif
