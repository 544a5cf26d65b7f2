/*
 * check_derive.h - what every variant derives from the counts of one case.
 *
 * The reference's counts go to each variant's derive function; all six planes must be the
 * reference's byte for byte, whole and fraction those of the escape kernel as well, and at the
 * mirror image of a sample what is conjugate must be equal. Differences are reported by
 * check_fail(). One thread only.
 */
#ifndef TESTS_KERNEL_CHECK_DERIVE_H
#define TESTS_KERNEL_CHECK_DERIVE_H

#include "tests/kernel/check.h"

/* Checks a case in f64; others, and what is too large, are passed over. Only the variant of that
 * name, or all if it is NULL. */
void check_derive(const struct check_case *given, const char *only);

unsigned long check_derive_cases(void);

#endif
