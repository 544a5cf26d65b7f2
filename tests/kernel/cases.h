/*
 * cases.h - the suites of test_variants: which cases are worth checking.
 */
#ifndef TESTS_KERNEL_CASES_H
#define TESTS_KERNEL_CASES_H

#include "tests/kernel/check.h"

/* One precision and step, on which a suite runs. */
struct target {
	enum precision precision;
	enum escape_step step;
	unsigned percent; /* of the usual number of random cases */
};

typedef void suite_fn(const struct target *target);

/* By the form of the task: cases_shape.c. */
suite_fn suite_shapes, suite_refill, suite_outputs, suite_poll;

/* By the place in the plane: cases_place.c. */
suite_fn suite_boundary, suite_edge, suite_extremes, suite_axis, suite_julia;

/* By what a shortcut might get wrong: cases_shortcut.c. */
suite_fn suite_tangencies, suite_bulbs, suite_drifts, suite_periods, suite_symmetry, suite_late;

/* The reference against counts that can be had by hand: cases_known.c. */
suite_fn suite_known;

/* The same numbers after the same seed, on every machine. */
void random_seed(uint32_t seed);
double random_unit(void);                        /* in [0, 1) */
double random_between(double least, double end); /* in [least, end) */
uint32_t random_below(uint32_t end);

/* The power of ten with a random exponent in [least, end). */
double random_scale(int least, int end);

/* A target's case with square samples `2 step` apart around (re, im): w x h in the middle of a
 * large frame. Outputs and gap vary with the random numbers. */
struct check_case case_at(const struct target *target, double re, double im, double step,
			  uint32_t w, uint32_t h, uint32_t limit);

/* Turns its frame by a random angle; a right one now and then. */
void case_rotate(struct check_case *c);

/* Makes it a Julia case. */
void case_julia(struct check_case *c, double re, double im);

/* A point of the boundary to within `halvings` halvings, for the limit of the case: bisects between
 * a point inside and one outside. */
void seek_boundary(const struct check_case *c, int halvings, double *ret_re, double *ret_im);

/* How many random cases to run where `usual` are. */
unsigned amount(const struct target *target, unsigned usual);

#endif
