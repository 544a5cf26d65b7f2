#!/usr/bin/python3
"""Counts of five small views against mathematics that shares nothing with the kernels.

Two computations in Python integers, for the very points c that the kernel used:
* the truth: fixed point with 320 bits after the point, whose own error stays below 2^-200 for
  these orbits; every pixel's count must be equal. An orbit in f64 strays from the true one, most
  of all a long one in a deep view (of 4000 iterations at 2e-12 beside the seahorse, every fourth
  count is another). So the deep view lies around i, which is on the boundary and whose
  neighbours escape early, and limits elsewhere are such that no |z_n| comes too close to 2.
* the definition: f64 with fused multiply-adds, emulated with fractions, for a part of the pixels.
The points themselves are recomputed from the request's text by the rule that the design gives.

usage: test_ground_truth.py PRINT_COUNTS
"""
import math
import subprocess
import sys
from fractions import Fraction

BITS = 320
KERNELS = ["scalar", "avx2", "avx512", "neon"]

# name, re, im, width, rotation, columns, rows, limit
VIEWS = [
    ("whole set", "-0.7", "0", "3.1", "0", 32, 20, 200),
    ("seahorse", "-0.743643887037151", "0.131825904205330", "3e-3", "0", 24, 16, 300),
    ("minibrot", "-1.7548776662466927", "0", "0.05", "0", 24, 16, 300),
    ("rotated", "-0.1592", "1.0317", "0.02", "33.3", 24, 16, 300),
    ("deep", "-3e-13", "1", "4e-12", "0", 16, 12, 34),
]


def counts_of(program, view, kernel):
    """The lines print_counts writes, or None for a kernel that is not there."""
    _, re, im, width, rotate, w, h, limit = view
    done = subprocess.run([program, re, im, width, rotate, str(w), str(h), str(limit), kernel],
                          capture_output=True, text=True, check=False)
    if done.returncode == 77:
        return None
    if done.returncode != 0:
        sys.exit(f"{kernel}: {done.stderr}")
    return done.stdout.splitlines()


def fixed(x):
    return x.numerator * (1 << BITS) // x.denominator


def true_count(re, im, limit):
    """The smallest n >= 1 with |z_n| > 2, or 0, in integers."""
    cr, ci = fixed(Fraction(re)), fixed(Fraction(im))
    x, y = cr, ci
    four = 4 << (2 * BITS)
    for n in range(1, limit + 1):
        xx, yy = x * x, y * y
        if xx + yy > four:
            return n
        x, y = ((xx - yy) >> BITS) + cr, ((x * y) >> (BITS - 1)) + ci
    return 0


def fma(a, b, c):
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def defined_count(cr, ci, limit):
    """The same by the definition: f64, each operation rounded once."""
    x, y = cr, ci
    for n in range(1, limit + 1):
        if not fma(x, x, y * y) <= 4.0:
            return n
        t = fma(-y, y, cr)
        y = fma(x + x, y, ci)
        x = fma(x, x, t)
    return 0


def point(view, i, j):
    """The point of pixel (i, j) without rotation, as the design defines it."""
    _, re, im, width, _, w, h, _ = view
    step = float(width) / (2.0 * w)
    return (float(re) + (2 * i + 1 - w) * step, float(im) - (2 * j + 1 - h) * step)


def rotated_point(view, i, j):
    """The point in exact arithmetic but for sine and cosine."""
    _, re, im, width, rotate, w, h, _ = view
    angle = math.radians(float(rotate))
    step = float(width) / (2.0 * w)
    dx, dy = (2 * i + 1 - w) * step, -(2 * j + 1 - h) * step
    return (float(re) + dx * math.cos(angle) - dy * math.sin(angle),
            float(im) + dx * math.sin(angle) + dy * math.cos(angle))


def check_view(program, view):
    name, _, _, _, rotate, w, h, limit = view
    lines = counts_of(program, view, "scalar")
    for kernel in KERNELS[1:]:
        other = counts_of(program, view, kernel)
        if other is not None and other != lines:
            sys.exit(f"{name}: {kernel} and scalar differ")
    if len(lines) != w * h + 1:
        sys.exit(f"{name}: {len(lines)} lines")
    seen, total, wrong = [], 0, 0
    for k, line in enumerate(lines[:-1]):
        re_text, im_text, count_text, _, _ = line.split()
        re, im, count = float.fromhex(re_text), float.fromhex(im_text), int(count_text)
        i, j = k % w, k // w
        if rotate == "0" and (re, im) != point(view, i, j):
            sys.exit(f"{name}: pixel {i},{j} lies at {re_text} {im_text}")
        if math.dist((re, im), rotated_point(view, i, j)) > 1e-15:
            sys.exit(f"{name}: pixel {i},{j} lies far off, at {re_text} {im_text}")
        truth = true_count(re, im, limit)
        if truth != count:
            print(f"{name}: pixel {i},{j} c = {re_text} {im_text}: count {count}, truth {truth}")
            wrong += 1
        if k % 29 == 0 and defined_count(re, im, min(limit, 700)) != (count if count <= 700 else 0):
            print(f"{name}: pixel {i},{j} c = {re_text} {im_text}: not as defined")
            wrong += 1
        seen.append(count)
        total += count or limit
    if lines[-1] != f"total {total}":
        sys.exit(f"{name}: {lines[-1]}, but the counts add up to {total}")
    outside = [n for n in seen if n > 0]
    print(f"{name}: {len(seen)} pixels, {len(seen) - len(outside)} inside, "
          f"counts {min(outside)}..{max(outside)}, {wrong} wrong")
    return wrong == 0, 0 < len(outside) < len(seen)


def main():
    results = [check_view(sys.argv[1], view) for view in VIEWS]
    if sum(crosses for _, crosses in results) < 3:
        sys.exit("too few of the views cross the boundary")
    sys.exit(0 if all(right for right, _ in results) else 1)


if __name__ == "__main__":
    main()
