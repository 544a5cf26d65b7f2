"""The loops that one writes oneself: plain Python, NumPy, numba.

Each takes a Grid and returns its counts, u32 of (rows, columns): the smallest n >= 1 with |z_n| > 2
at the middle of each cell, 0 where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Loop = Callable[["Grid"], Any]


@dataclass(frozen=True)
class Grid:
    """Cells: columns and rows, edges left, right, bottom, top; and how far each is followed."""

    columns: int
    rows: int
    edges: tuple[float, float, float, float]
    iterations: int

    @property
    def steps(self) -> tuple[float, float]:
        left, right, bottom, top = self.edges
        return (right - left) / self.columns, (top - bottom) / self.rows

    def thinned(self, rows: int) -> Grid:
        """Of the same plane so many rows at most."""
        return Grid(self.columns, min(rows, self.rows), self.edges, self.iterations)


def plain_python(grid: Grid) -> Any:
    left, _, _, top = grid.edges
    step_x, step_y = grid.steps
    counts = []
    for j in range(grid.rows):
        row = []
        for i in range(grid.columns):
            c = complex(left + (i + 0.5) * step_x, top - (j + 0.5) * step_y)
            z, found = 0j, 0
            for n in range(1, grid.iterations + 1):
                z = z * z + c
                if abs(z) > 2:
                    found = n
                    break
            row.append(found)
        counts.append(row)
    return np.array(counts, np.uint32)


def with_numpy(grid: Grid) -> Any:
    """By whole arrays of the points that have not escaped."""
    left, _, _, top = grid.edges
    step_x, step_y = grid.steps
    x = left + (np.arange(grid.columns) + 0.5) * step_x
    y = top - (np.arange(grid.rows) + 0.5) * step_y
    c = (x[None, :] + 1j * y[:, None]).ravel()
    counts, alive = np.zeros(c.size, np.uint32), np.arange(c.size)
    z = np.zeros_like(c)
    for n in range(1, grid.iterations + 1):
        z = z * z + c
        out = (z.real * z.real + z.imag * z.imag) > 4
        if out.any():
            counts[alive[out]] = n
            alive, z, c = alive[~out], z[~out], c[~out]
    return counts.reshape(grid.rows, grid.columns)


def numba_loops() -> dict[str, Loop]:
    """One thread and two, compiled; nothing where numba is not installed."""
    try:
        import numba
    except ImportError:
        return {}

    def loop(left: float, top: float, step_x: float, step_y: float, limit: int,
             counts: Any) -> None:
        for j in numba.prange(counts.shape[0]):
            for i in range(counts.shape[1]):
                cr, ci = left + (i + 0.5) * step_x, top - (j + 0.5) * step_y
                x = y = 0.0
                for n in range(1, limit + 1):
                    x, y = x * x - y * y + cr, 2 * x * y + ci
                    if x * x + y * y > 4:
                        counts[j, i] = n
                        break

    def compiled(is_parallel: bool) -> Loop:
        fill = numba.njit(nogil=True, parallel=is_parallel)(loop)

        def run(grid: Grid) -> Any:
            counts = np.zeros((grid.rows, grid.columns), np.uint32)
            fill(grid.edges[0], grid.edges[3], *grid.steps, grid.iterations, counts)
            return counts
        run(Grid(2, 2, (0.0, 1.0, 0.0, 1.0), 2))
        return run
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    return {"numba": compiled(False), "numba, 2 threads": compiled(True)}
