/* clock.h - reads the clock: the only file that does. */
#ifndef PROTO_SYS_CLOCK_H
#define PROTO_SYS_CLOCK_H

#include <stdint.h>

/* Milliseconds and microseconds of CLOCK_MONOTONIC. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Seconds and milliseconds since 1970, for people and for files. */
int64_t clock_unix_s(void);
int64_t clock_unix_ms(void);

#endif
