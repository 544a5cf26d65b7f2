/*
 * cores.h - how many threads can run at once.
 */
#ifndef PROTO_SYS_CORES_H
#define PROTO_SYS_CORES_H

/* The cores that this process may run on (see taskset(1)), at least 1. Thread-safe. */
unsigned cores_count(void);

#endif
