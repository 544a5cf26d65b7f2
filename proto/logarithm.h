/*
 * logarithm.h - a logarithm that gives the same bits everywhere, unlike that of a C library.
 *
 * Pure and thread-safe. Static inline, for each kernel compiles it for its own instruction set.
 */
#ifndef PROTO_LOGARITHM_H
#define PROTO_LOGARITHM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* log2 of a normal x > 0. With x = 2^e m, m in [sqrt(1/2), sqrt(2)), and s = (m - 1) / (m + 1) it
 * is e + 2/ln2 (s + s^3/3 + ... + s^15/15). The error is below 2^-45 for x in [1, 2^65]. Without a
 * branch, a loop or a conversion between widths, so that a loop over it can be compiled to vectors.
 */
static inline double logarithm_2(double x)
{
	const uint64_t sqrt_half_bits = 0x3fe6a09e667f3bcd, two_52_bits = 0x4330000000000000;
	uint64_t bits, sum_bits;
	memcpy(&bits, &x, sizeof bits);
	/* The bias of 1024 keeps the difference positive. */
	const uint64_t biased = (bits - sqrt_half_bits + (1024ull << 52)) >> 52;
	bits -= (biased - 1024) << 52;
	sum_bits = two_52_bits | biased;
	double m, sum;
	memcpy(&m, &bits, sizeof m);
	memcpy(&sum, &sum_bits, sizeof sum);
	const double e = sum - (0x1p52 + 1024.0);
	const double s = (m - 1.0) / (m + 1.0);
	const double square = s * s;
	double series = 0x1.89f3b1694cffep-3;
	series = fma(series, square, 0x1.c68f568d31760p-3);
	series = fma(series, square, 0x1.0c9a84994022dp-2);
	series = fma(series, square, 0x1.484b13d7c02a9p-2);
	series = fma(series, square, 0x1.a61762a7aded9p-2);
	series = fma(series, square, 0x1.2776c50ef9bfep-1);
	series = fma(series, square, 0x1.ec709dc3a03fdp-1);
	series = fma(series, square, 0x1.71547652b82fep+1);
	return fma(s, series, e);
}

#endif
