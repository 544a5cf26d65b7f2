#!/usr/bin/python3
"""Counts of the kernels against mathematics that shares nothing with them.

* Truth: orbits in fixed point with 320 bits (exact.py). A bound for the error of an orbit in f64 or
  f32 goes with each; where it leaves no doubt about a count, every pixel's must be equal, and it
  must leave none for most pixels. Of some, the smooth count too.
* Definition: f64 and f32 with fused multiply-adds, emulated with fractions, for some pixels.
* Components: centres of period 1 to 12 are inside for any N, in all variants.
* Neighbours: points a hair outside the boundary; -3/4 + i e and 1/4 + e, whose counts tend to pi / e
  and pi / sqrt(e).
* Area: cells whose centre is inside, for the published figures of the same grid.
The points themselves are recomputed from the request's text by the rule that the design gives.

usage: test_ground_truth.py PRINT_COUNTS [--slow-build]   the latter leaves out the longer areas
"""
import math
import random
import subprocess
import sys
from fractions import Fraction
from typing import NamedTuple

import exact

KERNELS = ["scalar", "avx2", "avx512", "neon"]


class View(NamedTuple):
    name: str
    formula: str = "mandelbrot"
    power: int = 2
    c: tuple = ("0", "0")
    precision: str = "f64"
    re: str = "0"
    im: str = "0"
    width: str = "3"
    rotate: str = "0"
    w: int = 24
    h: int = 16
    limit: int = 300
    sure: float = 0.95  # the least share of pixels without a doubt


VIEWS = [
    View("whole set", re="-0.7", width="3.1", w=32, h=20, limit=200),
    View("seahorse", re="-0.743643887037151", im="0.131825904205330", width="3e-3"),
    View("minibrot", re="-1.7548776662466927", width="0.05"),
    View("rotated", re="-0.1592", im="1.0317", width="0.02", rotate="33.3"),
    View("deep", re="-3e-13", im="1", width="4e-12", w=16, h=12, limit=34),
    View("whole set", precision="f32", re="-0.7", width="3.1", w=32, h=20, limit=100),
    View("seahorse", precision="f32", re="-0.743643", im="0.131825", width="0.03", limit=100,
         sure=0.8),
    View("dendrite", formula="julia", c=("0", "1"), width="3", limit=60),
    View("rabbit", formula="julia", c=("-0.123", "0.745"), width="3", rotate="-20"),
    View("rabbit", formula="julia", c=("-0.123", "0.745"), precision="f32"),
    View("power 3", formula="multibrot", power=3, limit=100),
    View("power 4", formula="multibrot", power=4, im="0.1", limit=100),
    View("power 5", formula="multibrot", power=5, im="0.1", limit=100),
    View("power 6", formula="multibrot", power=6, im="0.1", limit=100),
    View("power 5", formula="multibrot", power=5, im="0.1", limit=60, precision="f32"),
    View("ship", formula="burning-ship", re="-0.4", im="-0.5", width="3.4", limit=60),
    View("mast", formula="burning-ship", re="-1.7548", im="-0.03", width="0.1", limit=60),
    View("tricorn", formula="tricorn", re="-0.2", im="0.05", width="4", limit=60),
    View("tricorn", formula="tricorn", re="-0.2", im="0.05", width="4", limit=40, precision="f32"),
]

NUCLEI = {1: 1, 2: 1, 3: 3, 4: 6, 5: 15, 6: 27, 7: 63, 8: 40, 9: 40, 10: 40, 11: 40, 12: 40}
AREAS = [(1000, 1.51031613), (10000, 1.50692165), (50000, 1.50667131)]
AREA_SIZE = 2048
AREA = 1.5065918849


def lines_of(program, view, kernel, shortcuts, *mode):
    """The lines print_counts writes, or None for a kernel that is not there."""
    done = subprocess.run(
        [program, kernel, view.precision, view.formula, str(view.power), *view.c, shortcuts,
         view.re, view.im, view.width, view.rotate, str(view.w), str(view.h), str(view.limit),
         *mode], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        return None
    if done.returncode != 0:
        sys.exit(f"{kernel}: {done.stderr}")
    return done.stdout.splitlines()


def point(view, i, j):
    """The point of pixel (i, j) without rotation, as the design defines it."""
    step = float(view.width) / (2.0 * view.w)
    return (float(view.re) + (2 * i + 1 - view.w) * step,
            float(view.im) - (2 * j + 1 - view.h) * step)


def rotated_point(view, i, j):
    """The point in exact arithmetic but for sine and cosine."""
    angle = math.radians(float(view.rotate))
    step = float(view.width) / (2.0 * view.w)
    dx, dy = (2 * i + 1 - view.w) * step, -(2 * j + 1 - view.h) * step
    return (float(view.re) + dx * math.cos(angle) - dy * math.sin(angle),
            float(view.im) + dx * math.sin(angle) + dy * math.cos(angle))


def orbit_of(view, re, im):
    """z_0 and c of a sample, rounded to the view's precision."""
    def rounded(x):
        return exact.rounded(Fraction(x), view.precision)
    if view.formula == "julia":
        return (rounded(re), rounded(im)), (rounded(float(view.c[0])), rounded(float(view.c[1])))
    return (0.0, 0.0), (rounded(re), rounded(im))


def check_place(view, k, re, im):
    i, j = k % view.w, k // view.w
    if view.rotate == "0" and (re, im) != point(view, i, j):
        sys.exit(f"{view.name}: pixel {i},{j} lies at {re.hex()} {im.hex()}")
    if math.dist((re, im), rotated_point(view, i, j)) > 1e-15:
        sys.exit(f"{view.name}: pixel {i},{j} lies far off, at {re.hex()} {im.hex()}")


def check_view(program, view):
    lines = lines_of(program, view, "scalar", "0")
    for kernel in KERNELS:
        for shortcuts in "01":
            other = lines_of(program, view, kernel, shortcuts)
            if other is not None and other[:-1] != lines[:-1]:
                sys.exit(f"{view.name}: {kernel} differs from scalar, shortcuts {shortcuts}")
    if len(lines) != view.w * view.h + 1:
        sys.exit(f"{view.name}: {len(lines)} lines")
    counts, total, sure, wrong, smooth_seen = [], 0, 0, 0, 0
    for k, line in enumerate(lines[:-1]):
        re, im = (float.fromhex(text) for text in line.split()[:2])
        count = int(line.split()[2])
        check_place(view, k, re, im)
        z, c = orbit_of(view, re, im)
        truth, is_sure, error = exact.count(view.formula, view.power, z, c, view.limit,
                                            view.precision)
        sure += is_sure
        if is_sure and truth != count:
            print(f"{view.name}: z_0 = {z}, c = {c}: count {count}, truth {truth}")
            wrong += 1
        if k % 5 == 0 and is_sure and count > 0 and error < 1e-3:
            whole, fraction = line.split()[3:]
            smooth = int(whole) + float.fromhex(fraction)
            true_smooth = exact.smooth_count(view.formula, view.power, z, c)
            smooth_seen += 1
            if abs(smooth - true_smooth) > 1e-6 + 4 * error:
                print(f"{view.name}: z_0 = {z}, c = {c}: {smooth}, truth {true_smooth}")
                wrong += 1
        if k % 29 == 0 and view.formula in ("mandelbrot", "julia"):
            limit = min(view.limit, 300)
            defined = exact.defined_count(z, c, limit, view.precision)
            if defined != (count if count <= limit else 0):
                print(f"{view.name}: z_0 = {z}, c = {c}: count {count}, defined as {defined}")
                wrong += 1
        counts.append(count)
        total += count or view.limit
    if lines[-1] != f"total {total}":
        sys.exit(f"{view.name}: {lines[-1]}, but the counts add up to {total}")
    outside = [n for n in counts if n > 0]
    share = sure / len(counts)
    print(f"{view.name}, {view.precision}: {len(counts)} pixels, {len(counts) - len(outside)} inside, "
          f"counts {min(outside)}..{max(outside)}, {share:.0%} sure, {wrong} wrong")
    if share < view.sure:
        print(f"{view.name}: fewer than {view.sure:.0%} of the pixels are sure")
    return wrong == 0 and share >= view.sure, 0 < len(outside) < len(counts), smooth_seen


def count_at(program, c, limit, kernel="scalar", shortcuts="0", precision="f64"):
    """The count of one point, which a float or a fraction can be; None without that kernel."""
    re, im = (exact.decimal(Fraction(part)) for part in c)
    view = View("point", re=re, im=im, width="1e-6", w=1, h=1, limit=limit, precision=precision)
    lines = lines_of(program, view, kernel, shortcuts)
    return None if lines is None else int(lines[0].split()[2])


def check_components(program):
    """Centres, as exact as a double is, of components far wider than its rounding."""
    wrong = seen = 0
    for period, wanted in NUCLEI.items():
        centres = exact.nuclei(period, wanted)
        if len(centres) < wanted:
            print(f"found {len(centres)} of {wanted} centres of period {period}")
            wrong += 1
        for c, size in centres:
            if size < 1e-10:
                continue
            runs = [(100000, "scalar", "0", "f64")]
            runs += [(1000000, kernel, "1", "f64") for kernel in KERNELS[1:]]
            if size > 1e-2:
                runs += [(100000, "scalar", "0", "f32"), (1000000, "avx2", "1", "f32")]
            seen += 1
            for limit, kernel, shortcuts, precision in runs:
                if count_at(program, c, limit, kernel, shortcuts, precision) not in (None, 0):
                    print(f"{kernel} {precision}: the centre {c} of period {period} escapes")
                    wrong += 1
    print(f"{seen} centres of period 1 to {max(NUCLEI)}, {wrong} wrong")
    return wrong == 0 and seen > 250


def check_neighbours(program):
    """Points found outside by bisection towards a centre, in integers alone."""
    rng = random.Random(5)
    centres = [c for period in range(1, 7) for c, _ in exact.nuclei(period, NUCLEI[period])]
    limit, sure, wrong = 400, 0, 0
    for _ in range(150):
        inside = rng.choice(centres)
        angle = rng.uniform(0, 2 * math.pi)
        outside = (3 * math.cos(angle), 3 * math.sin(angle))
        for _ in range(rng.randrange(5, 30)):
            middle = ((inside[0] + outside[0]) / 2, (inside[1] + outside[1]) / 2)
            if exact.count("mandelbrot", 2, (0.0, 0.0), middle, limit, "f64")[0] == 0:
                inside = middle
            else:
                outside = middle
        truth, is_sure, _ = exact.count("mandelbrot", 2, (0.0, 0.0), outside, limit, "f64")
        sure += is_sure
        if is_sure and count_at(program, outside, limit) != truth:
            print(f"c = {outside}: truth {truth}, count {count_at(program, outside, limit)}")
            wrong += 1
    print(f"{sure} sure neighbours of the boundary, {wrong} wrong")
    return wrong == 0 and sure > 75


def check_pi(program):
    wrong = 0
    for k in range(2, 13, 2):
        for name, c, rate in [("-3/4 + i 2^-k", (-0.75, 2.0**-k), 2.0**-k),
                              ("1/4 + 2^-2k", (0.25 + 2.0**(-2 * k), 0.0), 2.0**-k)]:
            count = count_at(program, c, 10**6)
            truth, is_sure, _ = exact.count("mandelbrot", 2, (0.0, 0.0), c, 10**6, "f64")
            if (is_sure and truth != count) or abs(count * rate - math.pi) > 4 * rate:
                print(f"{name}, k = {k}: count {count}, truth {truth}")
                wrong += 1
    print(f"pi by counts, {wrong} wrong")
    return wrong == 0


def check_areas(program, limits):
    """A count that differs between two ways to round moves a figure by one cell, 1.5e-6; that some
    do near the boundary is to be expected, that fifty do is not."""
    wrong = 0
    cell = (2.5 / AREA_SIZE)**2
    for limit, published in limits:
        view = View("area", re="-0.75", width="2.5", w=AREA_SIZE, h=AREA_SIZE, limit=limit)
        for kernel in KERNELS[1:]:
            lines = lines_of(program, view, kernel, "1", "inside")
            if lines is None:
                continue
            area = int(lines[0].split()[1]) * cell
            print(f"area at N {limit} by {kernel}: {area:.8f}, published {published}")
            wrong += abs(area - published) > 50 * cell
            # Cells on the boundary err either way: the sum of some 20 000 of them.
            wrong += not 0 < area - AREA < 4.0 / limit + 150 * cell
    return wrong == 0


def main():
    program = sys.argv[1]
    is_slow_build = "--slow-build" in sys.argv[2:]
    results = [check_view(program, view) for view in VIEWS]
    if sum(crosses for _, crosses, _ in results) < len(VIEWS) // 2:
        sys.exit("too few of the views cross the boundary")
    if sum(smooth for _, _, smooth in results) < 500:
        sys.exit("too few smooth counts were compared")
    verdicts = [right for right, _, _ in results]
    verdicts += [check_components(program), check_neighbours(program), check_pi(program),
                 check_areas(program, AREAS[:1] if is_slow_build else AREAS)]
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
