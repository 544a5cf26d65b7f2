/* bench_buddha.h - the second part of bench_buddha.c. */
#ifndef TESTS_BENCH_BENCH_BUDDHA_H
#define TESTS_BENCH_BENCH_BUDDHA_H

#include <stdbool.h>

#include "worker/kernel/kernel.h"

/* Prints how much less noise `zoom` has than `random`, each for so many seconds of processor
 * time, a few times over. */
void bench_zoom(bool is_markdown, const struct kernel *kernel, double seconds);

#endif
