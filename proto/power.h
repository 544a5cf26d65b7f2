/*
 * power.h - powers that have the same bits everywhere, unlike those of a C library.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_POWER_H
#define PROTO_POWER_H

/* x^exponent for a normal x > 0 and |exponent log2(x)| <= 1000. The relative error is below
 * 2^-44 max(1, |exponent|). */
double power_of(double x, double exponent);

#endif
