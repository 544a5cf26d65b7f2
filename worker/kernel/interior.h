/*
 * interior.h - decides, without iterating, that a point belongs to the Mandelbrot set.
 *
 * lambda = 1 - s with s = sqrt(1 - 4c) in the main cardioid, lambda = 4 (c + 1) in the disk of
 * period 2, is the multiplier of the attracting cycle: the closer |lambda| to 1, the slower an
 * orbit settles. Rounding could lift an orbit out of the basin only where (1 - |lambda|)^2 is
 * within reach of the unit of rounding u. The tests ask for 1 - |lambda|^2 > 2^-16 in f64 (u =
 * 2^-53) and > 2^-6 in f32 (u = 2^-24). What they leave out costs nothing but time.
 *
 * Cardioid: s and 1/4 - c = s^2 / 4 are scaled together, so testing c' = 1/4 + k (c - 1/4) with
 * k = (1 + e)^2 asks for |1 - (1 + e) s| < 1, that is 1 - |lambda|^2 > e |s|^2. With |s|^2 =
 * 4 |c - 1/4|, a least distance to the cusp makes that the margin.
 */
#ifndef WORKER_KERNEL_INTERIOR_H
#define WORKER_KERNEL_INTERIOR_H

struct interior {
	double scale;   /* k */
	double cusp2;   /* least |c - 1/4|^2 */
	double radius2; /* of the disk, squared */
};

/* e = 2^-12, |s|^2 >= 2^-4; e = 2^-4, |s|^2 >= 2^-2. */
#define INTERIOR_F64 ((struct interior){0x1.002001p0, 0x1p-12, 0x1p-4 - 0x1p-20})
#define INTERIOR_F32 ((struct interior){0x1.21p0, 0x1p-8, 0x1p-4 - 0x1p-10})

/* Below 0 for a point that is inside by the margin. Without a branch, so that a loop over it can be
 * compiled to vectors. */
static inline double interior_depth(const struct interior *margin, double re, double im)
{
	const double x = re - 0.25, im2 = im * im, q = x * x + im2;
	const double kq = margin->scale * q;
	const double cardioid = q < margin->cusp2 ? 1.0 : kq * (kq + x) - 0.25 * im2;
	const double disk = (re + 1.0) * (re + 1.0) + im2 - margin->radius2;
	return cardioid < disk ? cardioid : disk;
}

#endif
