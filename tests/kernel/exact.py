"""Orbits in integers and fractions, for test_ground_truth.py."""
from __future__ import annotations

import math
import random
from fractions import Fraction

BITS = 320
ONE = 1 << BITS
FORMATS = {"f64": (53, -1074), "f32": (24, -149)}  # bits, the exponent of the smallest number


def rounded(x: Fraction, precision: str) -> float:
    """The nearest number of a format, even in a tie."""
    bits, least = FORMATS[precision]
    if x == 0:
        return 0.0
    size = abs(x)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if size < Fraction(2)**exponent:
        exponent -= 1
    unit = max(exponent - bits + 1, least)
    steps = round(x / Fraction(2)**unit)
    return math.ldexp(steps, unit)


def decimal(x: Fraction) -> str:
    """The digits of a fraction whose denominator is a power of two, exactly."""
    shift = x.denominator.bit_length() - 1
    digits = str(abs(x.numerator) * 5**shift).rjust(shift + 1, "0")
    sign = "-" if x < 0 else ""
    return sign + (f"{digits[:-shift]}.{digits[-shift:]}" if shift else digits)


def fixed(x: float) -> int:
    fraction = Fraction(x)
    return fraction.numerator * ONE // fraction.denominator


def real(x: int) -> float:
    return x / ONE


def times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return (a[0] * b[0] - a[1] * b[1]) >> BITS, (a[0] * b[1] + a[1] * b[0]) >> BITS


def stepped(formula: str, power: int, z: tuple[int, int], c: tuple[int, int]) -> tuple[int, int]:
    if formula == "burning-ship":
        z = (abs(z[0]), abs(z[1]))
    elif formula == "tricorn":
        z = (z[0], -z[1])
    product = z
    for _ in range(power - 1):
        product = times(product, z)
    return product[0] + c[0], product[1] + c[1]


def count(formula: str, power: int, z: tuple[float, float], c: tuple[float, float], limit: int,
          precision: str) -> tuple[int, bool, float]:
    """The smallest n >= 1 with |z_n| > 2, or 0; whether no orbit of that precision can have another
    count; and how far its last z may be from the true one. The bound: an error of the last z grows
    by at most the derivative, and a step adds less than 32 roundings of its terms."""
    unit = 2.0**-FORMATS[precision][0]
    degree = power if formula == "multibrot" else 2
    at, parameter = (fixed(z[0]), fixed(z[1])), (fixed(c[0]), fixed(c[1]))
    size_c = math.hypot(*c)
    size, error, is_sure = math.hypot(*z), 0.0, True
    for n in range(1, limit + 1):
        at = stepped(formula, degree, at, parameter)
        reach = size + error
        if reach < 1e30:
            error = degree * reach**(degree - 1) * error + 32 * unit * (reach**degree + size_c)
        else:
            is_sure = False
        if abs(at[0]) > 8 * ONE or abs(at[1]) > 8 * ONE:
            return n, is_sure and error < 4, error
        size = math.hypot(real(at[0]), real(at[1]))
        is_out = at[0] * at[0] + at[1] * at[1] > 4 << (2 * BITS)
        is_sure = is_sure and abs(size - 2.0) > error + 16 * unit
        if is_out:
            return n, is_sure, error
    return 0, is_sure, error


def smooth_count(formula: str, power: int, z: tuple[float, float], c: tuple[float, float]) -> float:
    """n + 1 - log_d(ln|z_n| / ln 2^16) for the first n with |z_n| > 2^16 of a point that escapes."""
    degree = power if formula == "multibrot" else 2
    at, parameter = (fixed(z[0]), fixed(z[1])), (fixed(c[0]), fixed(c[1]))
    n = 0
    while n == 0 or at[0] * at[0] + at[1] * at[1] <= 1 << (32 + 2 * BITS):
        at = stepped(formula, degree, at, parameter)
        n += 1
    size = math.hypot(real(at[0]), real(at[1]))
    return n + 1 - math.log(math.log2(size) / 16) / math.log(degree)


def defined_count(z: tuple[float, float], c: tuple[float, float], limit: int,
                  precision: str) -> int:
    """The same for z^2 + c by the definition: each operation rounded once, in two forms that take
    turns."""

    def fma(a: float, b: float, d: float) -> float:
        return rounded(Fraction(a) * Fraction(b) + Fraction(d), precision)

    def add(a: float, b: float) -> float:
        return rounded(Fraction(a) + Fraction(b), precision)

    x, y = z
    for n in range(1, limit + 1):
        if n % 2 == 0:
            t = fma(-y, y, c[0])
            x, y = fma(x, x, t), fma(add(x, x), y, c[1])
        else:
            p, q = add(x, -y), add(x, y)
            x, y = fma(p, q, c[0]), fma(add(x, x), y, c[1])
        if not fma(x, x, rounded(Fraction(y) * Fraction(y), precision)) <= 4.0:
            return n
    return 0


def nucleus_step(c: tuple[int, int], period: int) -> tuple[int, int]:
    """Newton's next c for z_period(c) = 0, in fixed point."""
    z, slope = (0, 0), (0, 0)
    for _ in range(period):
        slope = times((2 * z[0], 2 * z[1]), slope)
        slope = (slope[0] + ONE, slope[1])
        z = times(z, z)
        z = (z[0] + c[0], z[1] + c[1])
    norm = (slope[0] * slope[0] + slope[1] * slope[1]) >> BITS
    if norm == 0:
        return c
    quotient = times(z, (slope[0], -slope[1]))
    return c[0] - (quotient[0] << BITS) // norm, c[1] - (quotient[1] << BITS) // norm


def component_size(c: complex, period: int) -> float:
    """About the diameter of the component around a centre, by its renormalisation."""
    z, slope, beta = 0j, 1 + 0j, 1 + 0j
    for _ in range(1, period):
        z = z * z + c
        slope *= 2 * z
        beta += 1 / slope
    return abs(1 / (beta * slope * slope))


def nuclei(period: int, most: int) -> list[tuple[tuple[float, float], float]]:
    """Up to so many centres of exactly that period, as doubles next to them, each with its
    component's size. Newton's method from random starts in floats, ended in fixed point."""
    rng = random.Random(period)
    found: dict[tuple[int, int], tuple[tuple[float, float], float]] = {}
    for _ in range(2000 * most):
        if len(found) == most:
            break
        c = complex(rng.uniform(-2.0, 0.5), rng.uniform(-1.2, 1.2))
        for _ in range(30):
            z, slope = 0j, 0j
            for _ in range(period):
                slope = 2 * z * slope + 1
                z = z * z + c
            if slope == 0 or abs(z) > 1e6:
                break
            c -= z / slope
        if not abs(c) <= 2.1 or not abs(z) < 1e-6:
            continue
        exactly = (fixed(c.real), fixed(c.imag))
        for _ in range(4):
            exactly = nucleus_step(exactly, period)
        key = (exactly[0] >> (BITS - 120), exactly[1] >> (BITS - 120))
        c = complex(real(exactly[0]), real(exactly[1]))
        z = 0j
        is_minimal = True
        for k in range(1, period):
            z = z * z + c
            is_minimal = is_minimal and (period % k != 0 or abs(z) > 1e-7)
        if is_minimal and key not in found:
            found[key] = ((c.real, c.imag), component_size(c, period))
    return list(found.values())
