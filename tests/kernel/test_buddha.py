#!/usr/bin/python3
"""A Buddhabrot of a few thousand samples against one that shares nothing with it.

Samples, orbits, pixels and bands are recomputed here from the words of proto/buddha.h: a generator
of its own (which must be NumPy's, whose counter is one ahead), fused multiply-adds by fractions,
floats for the rest. Every count must be equal, in each kernel, with shortcuts and without.

usage: test_buddha.py PRINT_BUDDHA
"""
import math
import subprocess
import sys
from fractions import Fraction
from typing import NamedTuple

import numpy

KERNELS = ["scalar", "avx2", "avx512", "neon"]
MASK = (1 << 64) - 1


class Case(NamedTuple):
    w: int = 20
    h: int = 14
    re: float = 0.0
    im: float = 0.0
    extent: float = 4.0
    degrees: float = 0.0
    iterations: int = 60
    sampling: str = "random"
    seed: int = 0
    first: int = 0
    count: int = 3000
    inside: bool = False
    bands: tuple = ((1, 60),)


CASES = [
    Case(),
    Case(h=13, seed=77, first=10**12, bands=((5, 40),)),
    Case(re=-0.4, im=0.3, extent=1.5, bands=((1, 60), (3, 9), (10, 50))),
    Case(re=-0.5, extent=3.0, degrees=90.0, bands=((2, 60),)),
    Case(sampling="grid", count=2 * 38 * 38),
    Case(inside=True, count=1500, bands=((1, 60), (1, 7), (1, 30))),
    Case(inside=True, im=0.2, extent=2.0, count=1500, iterations=300, bands=((1, 300),)),
]


def philox(counter: list, key: list) -> list:
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(b >> 64) ^ c[1] ^ k[0], b & MASK, (a >> 64) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


def fma(a: float, b: float, c: float) -> float:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return exact.numerator / exact.denominator


def samples(case: Case):
    if case.sampling == "grid":
        q = math.isqrt(case.count // 2)
        for j in range(q):
            for i in range(2 * q):
                yield -2 + (2 * i + 1) / q, (2 * j + 1) / q
        return
    for k in range(case.first, case.first + case.count):
        words = philox([k, 0, 0, 0], [case.seed, 0])
        u, v = ((word >> 11) * 2.0**-53 for word in words[:2])
        yield -2 + 4 * u, 2 * v


def orbit(re: float, im: float, limit: int):
    """z_1 ... z_(n - 1), and n; or z_1 ... z_limit and None."""
    points, x, y = [], re, im
    for n in range(1, limit + 1):
        if not fma(x, x, y * y) <= 4:
            return points, n
        points.append((x, y))
        if n % 2 == 1:
            t = fma(-y, y, re)
            x, y = fma(x, x, t), fma(x + x, y, im)
        else:
            x, y = fma(x - y, x + y, re), fma(x + x, y, im)
    return points, None


def pixel(case: Case, x: float, y: float):
    scale = 0.5 / (case.extent / (2.0 * case.w))
    cos, sin = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0)}[case.degrees]
    dx, dy = x - case.re, y - case.im
    u, v = fma(dx, cos, dy * sin), fma(-dx, sin, dy * cos)
    column = math.floor(fma(u, scale, case.w / 2))
    row = math.floor(fma(-v, scale, case.h / 2))
    return (column, row) if 0 <= column < case.w and 0 <= row < case.h else None


def counted(case: Case) -> numpy.ndarray:
    counts = numpy.zeros((len(case.bands), case.h, case.w), dtype=numpy.uint64)
    is_mirrored = case.im == 0 and case.degrees == 0
    for re, im in samples(case):
        points, n = orbit(re, im, case.iterations)
        if case.inside != (n is None):
            continue
        wanted = [(c, most if case.inside else n - 1) for c, (least, most) in enumerate(case.bands)
                  if case.inside or least <= n <= most]
        for m, (x, y) in enumerate(points, 1) if wanted else []:
            at = pixel(case, x, y)
            other = pixel(case, x, -y)
            if is_mirrored:
                other = (at[0], case.h - 1 - at[1]) if at else None
            for c, last in wanted:
                for hit in (at, other) if m <= last else ():
                    if hit:
                        counts[c, hit[1], hit[0]] += 1
    return counts


def printed(program: str, kernel: str, case: Case, shortcuts: int):
    words = [kernel, case.w, case.h, repr(case.re), repr(case.im), repr(case.extent),
             repr(case.degrees), case.iterations, shortcuts, case.sampling, case.seed, case.first,
             case.count, int(case.inside)] + [x for band in case.bands for x in band]
    run = subprocess.run([program] + [str(word) for word in words], capture_output=True, text=True)
    if run.returncode == 2:
        return None
    run.check_returncode()
    rows = [[int(word) for word in line.split()] for line in run.stdout.splitlines()]
    return numpy.array(rows, dtype=numpy.uint64).reshape(len(case.bands), case.h, case.w)


def main(program: str) -> int:
    for k in (1, 2, 10**12):
        ours = philox([k, 0, 0, 0], [77, 0])
        theirs = numpy.random.Philox(counter=k - 1, key=77).random_raw(4)
        assert ours == [int(word) for word in theirs], "philox is not NumPy's"
    failures = runs = 0
    for case in CASES:
        want = counted(case)
        assert want.sum() > 1000, f"{case} says too little"
        for kernel in KERNELS:
            for shortcuts in (0, 1):
                got = printed(program, kernel, case, shortcuts)
                if got is None:
                    continue
                runs += 1
                if not (got == want).all():
                    failures += 1
                    print(f"{kernel}, shortcuts {shortcuts}: {int((got != want).sum())} counts of "
                          f"{case} differ; {got.sum()} hits, must be {want.sum()}")
    print(f"{runs} runs, {failures} failures")
    return 1 if failures or runs < 2 * len(CASES) else 0


sys.exit(main(*sys.argv[1:]))
