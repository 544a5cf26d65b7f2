/*
 * check.h - one case on every variant: whole buffers with canaries and guard pages.
 *
 * A case is computed by the reference without shortcuts. Each other variant must then store the
 * same bytes with shortcuts and without, and report the reference's iterations without them. A
 * difference, or a crash, is reported with the arguments that repeat it. Needs nothing but the
 * kernels, so that it runs wherever they do. One thread only.
 */
#ifndef TESTS_KERNEL_CHECK_H
#define TESTS_KERNEL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/kernel/kernel.h"

/* Samples side by side in the widest variant: sixteen floats of AVX-512, eight vectors of them. */
#define CHECK_BLOCK 128

enum check_outputs {
	OUTPUT_ITERATIONS = 1,
	OUTPUT_SMOOTH = 2, /* whole and fraction */
	OUTPUT_ALL = 3,
};

struct check_case {
	enum precision precision;
	enum escape_step step;
	struct point_frame frame;
	uint32_t x, y, w, h, limit;
	bool is_julia;
	double c_re, c_im;
	enum check_outputs outputs;
	uint32_t gap; /* elements from the end of a row to the next one: gap + 0, 1, 2 by output */
};

#define CHECK_CASE_WORDS 20 /* arguments of a case on the command line */

/* Must be called first. Only the variant of that name is checked, or all but the reference if it
 * is NULL. Those that this CPU cannot run are named on stdout. Returns how many are checked. */
unsigned check_begin(const char *only);

/* Returns whether all variants agree. Ends the program after too many that did not. */
bool check_run(const struct check_case *given);

/* A task without shortcuts whose poll says no when it is asked for the `asks`th time: what a
 * variant has stored must be what it stores with shortcuts and no poll, the rest untouched. Returns
 * how often all variants together were asked. */
unsigned check_stopped(const struct check_case *given, unsigned asks);

/* The number of iterations of one point by the reference. */
uint32_t check_count(const struct check_case *given, double re, double im);

/* Reports a failure that is no difference between buffers. */
void check_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The task of a case, without outputs, shortcuts and poll. Borrows from the case. */
struct escape_task check_task(const struct check_case *c);

/* Reads what a report prints after --case. */
bool check_parse(char *const words[CHECK_CASE_WORDS], struct check_case *ret_case);

const char *check_precision_name(enum precision precision);
const char *check_step_name(enum escape_step step);

unsigned long check_cases(void);
unsigned long check_failures(void);

#endif
