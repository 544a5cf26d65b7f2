#!/usr/bin/env python3
"""Compares the mode `relief` with what it is said to be: matplotlib's LightSource.shade().

usage: compare_relief.py numpy|matplotlib PRINT_RELIEF

`numpy` has the formulas of matplotlib's documentation written out, `matplotlib` asks the library
itself, and is skipped (status 77) where there is none. No channel may differ by more than 2 of 255.
"""

from __future__ import annotations

import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: NumPy is not installed")
    sys.exit(77)

COLUMNS, ROWS, COLOURS = 240, 170, 2048
FINER = 32  # what is nearly white has a hue for the blend hsv, and white has none
MOST = 2.0  # of 255

CASES = [
    # blend, azimuth, elevation, height, power, palette (not a cyclic one)
    ("hsv", 315, 10, 1.5, 0.3, "hot"),
    ("hsv", 45, 45, 0.1, 1.0, "viridis"),
    ("overlay", 315, 45, 1.0, 0.3, "hot"),
    ("overlay", -100, 60, 0.5, 0.5, "ice"),
    ("soft", 200, 30, 2.0, 0.3, "magma"),
    ("soft", 360, 90, 0.0, 2.0, "grey"),
]

Array = np.ndarray


def relief(program: str, case: tuple) -> tuple[Array, Array, Array]:
    """The palette's colours, the counts and the picture of a case."""
    done = subprocess.run([program, *map(str, case)], check=True, capture_output=True)
    sizes = [COLOURS * 3 * 8, ROWS * COLUMNS * 8, ROWS * COLUMNS * 3 * 2]
    assert len(done.stdout) == sum(sizes)
    colours = np.frombuffer(done.stdout, np.float64, COLOURS * 3).reshape(-1, 3)
    counts = np.frombuffer(done.stdout, np.float64, ROWS * COLUMNS, sizes[0])
    picture = np.frombuffer(done.stdout, np.uint16, offset=sizes[0] + sizes[1])
    at = np.linspace(0, COLOURS - 1, (COLOURS - 1) * FINER + 1)
    colours = np.stack([np.interp(at, np.arange(COLOURS), colours[:, c]) for c in range(3)], axis=-1)
    return colours, counts.reshape(ROWS, COLUMNS), picture.reshape(ROWS, COLUMNS, 3)


def light_of(heights: Array, azimuth: float, elevation: float) -> Array:
    by_row, by_column = np.gradient(heights)
    normal = np.stack([-by_column, by_row, np.ones_like(heights)], axis=-1)  # rows go south
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    turn, up = np.radians(90 - azimuth), np.radians(elevation)
    source = [np.cos(turn) * np.cos(up), np.sin(turn) * np.cos(up), np.sin(up)]
    light = normal @ np.array(source)
    if np.ptp(light) > 1e-6:
        light = (light - light.min()) / np.ptp(light)
    return np.clip(light, 0, 1)


def blend_hsv(rgb: Array, light: Array) -> Array:
    import colorsys

    result = np.empty_like(rgb)
    for at in np.ndindex(light.shape):
        hue, saturation, value = colorsys.rgb_to_hsv(*rgb[at])
        i = 2 * light[at] - 1
        if saturation > 1e-10:
            saturation = (1 - abs(i)) * saturation + (0 if i > 0 else -i)
        value = (1 - abs(i)) * value + (i if i > 0 else 0)
        result[at] = colorsys.hsv_to_rgb(hue, saturation, value)
    return result


def by_numpy(colours: Array, counts: Array, case: tuple) -> Array:
    blend, azimuth, elevation, height, power, _ = case
    outside = counts > 0
    least, most = counts[outside].min(), counts.max()
    norm = np.clip((counts - least) / (most - least), 0, 1) ** power
    # A colour of the table, as matplotlib takes it.
    rgb = colours[(norm * (len(colours) - 1)).astype(int)]
    light = light_of(counts * height, azimuth, elevation)
    if blend == "hsv":
        return blend_hsv(rgb, light)
    light = light[..., None]
    if blend == "soft":
        return 2 * light * rgb + (1 - 2 * light) * rgb**2
    return np.where(rgb <= 0.5, 2 * light * rgb, 1 - 2 * (1 - light) * (1 - rgb))


def by_matplotlib(colours: Array, counts: Array, case: tuple) -> Array:
    from matplotlib import colors

    blend, azimuth, elevation, height, power, _ = case
    norm = colors.PowerNorm(power, counts[counts > 0].min(), counts.max())
    source = colors.LightSource(azdeg=azimuth, altdeg=elevation)
    shaded = source.shade(counts, cmap=colors.ListedColormap(colours), norm=norm,
                          blend_mode=blend, vert_exag=height)
    return shaded[..., :3]


def main() -> int:
    way, program = sys.argv[1:]
    if way == "matplotlib":
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            print("skipped: matplotlib is not installed")
            return 77
    worst = 0.0
    for case in CASES:
        colours, counts, picture = relief(program, case)
        outside = counts > 0
        assert 0.1 < outside.mean() < 0.95
        want = (by_numpy if way == "numpy" else by_matplotlib)(colours, counts, case)
        off = np.abs(picture / 257 - want * 255)[outside].max()
        assert not picture[~outside].any(), "inside is black"
        print(*case, f"differs by at most {off:.3f}")
        worst = max(worst, off)
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
