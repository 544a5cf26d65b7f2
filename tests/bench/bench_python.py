#!/usr/bin/env python3
"""The ways to draw the set from Python, side by side, on the work of the articles they come from.

usage: BROT_BIN=build/release/bin LIBBROT=build/release/lib/libbrot.so.0
       bench_python.py LIBRARY [--quick] [--markdown]

LIBRARY is bench_library.c as a shared library. Times are medians of a few rounds in which each way
has its turn; "x" is how many times as fast as the plain C loop. The slow ones draw some of the rows,
and their times are scaled. The loops count iterations at every point, or sample, and do nothing
else; libbrot and the service also make the picture of those that have 16 samples a pixel. Theirs is
shown with every point iterated to its end ("brute force"), and with the shortcuts that change no
number. Processes and service run already. Where numba is not installed its rows are missing, and it
says so. Speed never makes it fail; another picture does.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from python_loops import Grid, Loop, numba_loops, plain_python, with_numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "client" / "python"))

import brot  # noqa: E402  # pylint: disable=wrong-import-position
import brot.local  # noqa: E402  # pylint: disable=wrong-import-position
from brot import _native  # noqa: E402  # pylint: disable=wrong-import-position

THREADS = (1, 2, 4, 8, 16)
ROUNDS, ROUNDS_QUICK = 7, 2
# How many points of a picture a loop draws at most, in whole rows.
POINTS_MAX = {"plain Python": 1 << 14, "NumPy": 1 << 19}
POINTS_MAX_OTHERS = 1 << 20
ALIKE = 0.99  # of the counts: loops round differently, and near the edge that grows


@dataclass(frozen=True)
class Work:
    """A picture of one of the articles: pixels a side, samples a side of each, edges."""

    title: str
    side_px: int
    samples: int
    edges: tuple[float, float, float, float]
    iterations: int

    @property
    def grid(self) -> Grid:
        side = self.side_px * self.samples
        return Grid(side, side, self.edges, self.iterations)

    def request(self, **words: Any) -> brot.Request:
        """The picture, or the numbers where a pixel is one of them."""
        left, right, bottom, top = self.edges
        return brot.local.request(
            f"{left}:{right},{bottom}:{top}", (self.side_px, self.side_px), samples=self.samples,
            iterations=self.iterations, format="iterations" if self.samples == 1 else "rgb8",
            **words)

    def part(self, name: str) -> Grid:
        """The rows that a loop draws."""
        grid = self.grid
        return grid.thinned(POINTS_MAX.get(name, POINTS_MAX_OTHERS) // grid.columns)


WORKS = (
    Work("960x960, N 200", 960, 1, (-2.0, 0.6, -1.5, 1.5), 200),
    Work("1000x1000, N 100", 1000, 1, (-2.0, 1.0, -1.5, 1.5), 100),
    Work("1024x1024 of 4x4, N 2048", 1024, 4, (-0.60, -0.45, 0.48, 0.63), 2048),
)
FROM_C, FROM_PYTHON = "libbrot, 1 thread, from C", "libbrot, 1 thread, from Python"


class Bench:
    """The ways, and what they took."""

    def __init__(self, library: Path, service: brot.Service, pool: brot.local.Processes,
                 rounds: int) -> None:
        self.c = ctypes.CDLL(str(library))
        doubles = [ctypes.c_double] * 4
        self.c.bench_plain.argtypes = [*doubles, *[ctypes.c_uint32] * 3, ctypes.c_void_p]
        self.c.bench_plain.restype = None
        self.c.bench_render.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
        self.c.bench_render.restype = ctypes.c_double
        self.service, self.pool, self.rounds = service, pool, rounds
        self.loops: dict[str, Loop] = {"plain Python": plain_python, "NumPy": with_numpy,
                                       **numba_loops(), "plain C": self.plain_c}

    def plain_c(self, grid: Grid) -> Any:
        left, _, _, top = grid.edges
        step_x, step_y = grid.steps
        counts = np.empty((grid.rows, grid.columns), np.uint32)
        self.c.bench_plain(left + step_x / 2, top - step_y / 2, step_x, step_y, grid.columns,
                           grid.rows, grid.iterations, counts.ctypes.data)
        return counts

    def check(self, work: Work) -> None:
        """That all draw the same."""
        request = work.request()
        expected = np.asarray(brot.local.render(request))
        for found in (self.pool.render(request), self.service.render(request),
                      brot.local.render(work.request(shortcuts=False))):
            assert np.array_equal(np.asarray(found), expected), f"{work.title}: another picture"
        left, right, bottom, top = work.edges
        for name, loop in self.loops.items():
            grid = work.part(name)
            counts = brot.local.render(f"{left}:{right},{bottom}:{top}", (grid.columns, grid.rows),
                                       iterations=grid.iterations, format="iterations")
            alike = float(np.mean(loop(grid) == counts))
            assert alike > ALIKE, f"{work.title}, {name}: {alike} of the counts are the same"

    def ways(self, work: Work) -> dict[str, Callable[[], float]]:
        request, brute = work.request(), work.request(shortcuts=False)
        out = np.empty_like(np.asarray(brot.local.render(request)))

        def by(name: str, loop: Loop) -> Callable[[], float]:
            grid = work.part(name)
            return lambda: timed(lambda: loop(grid)) * work.grid.rows / grid.rows

        def from_c(asked: brot.Request) -> Callable[[], float]:
            handle, arrays = _native.open_request(asked), _native._arrays([out])
            return lambda: float(self.c.bench_render(handle.pointer, arrays, 1))
        return {
            **{name: by(name, loop) for name, loop in self.loops.items()},
            "libbrot, 1 thread, brute force": from_c(brute),
            FROM_C: from_c(request),
            FROM_PYTHON: lambda: timed(lambda: brot.local.render(request, threads=1, out=out)),
            "libbrot, 2 threads": lambda: timed(
                lambda: brot.local.render(request, threads=2, out=out)),
            "2 processes over shared memory": lambda: timed(lambda: self.pool.render(request)),
            "service, 2 workers": lambda: timed(lambda: self.service.render(request)),
        }

    def measure(self, work: Work) -> dict[str, list[float]]:
        """Seconds of each round of each way."""
        self.check(work)
        ways = self.ways(work)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(self.rounds):
            for name, way in ways.items():
                seconds[name].append(way())
        return seconds

    def gil(self, table: Table) -> None:
        """So many Python threads, each of which renders its share of the rows by itself; and one
        call that is told to use so many."""
        request = WORKS[2].request()
        handle, height = _native.open_request(request), WORKS[2].side_px
        out = np.empty((height, height, 3), np.uint8)
        path = os.environ.get("LIBBROT", _native.NAME)

        def share(render: Any, first: int, end: int) -> None:
            local = _native._Local(1, _native._OnProgress(), None, first, end - first)
            arrays = _native._arrays([out[first:end]])
            assert render(handle.pointer, arrays, ctypes.byref(local), None) == 0

        def in_python(render: Any, threads: int) -> float:
            edges = [height * i // threads for i in range(threads + 1)]
            parts = [threading.Thread(target=share, args=(render, *edges[i:i + 2]))
                     for i in range(threads)]
            return timed(lambda: ([part.start() for part in parts],
                                  [part.join() for part in parts]))
        held, released = ctypes.PyDLL(path).brot_render, ctypes.CDLL(path).brot_render
        table.head(f"Python threads, {WORKS[2].title}", ("GIL held", "GIL released", "one call"))
        first = 0.0
        for threads in THREADS:
            rounds = [(in_python(held, threads), in_python(released, threads),
                       timed(lambda: brot.local.render(request, threads=threads, out=out)))
                      for _ in range(max(1, self.rounds // 2))]
            medians = [statistics.median(column) for column in zip(*rounds)]
            first = first or medians[0]
            table.row(str(threads), [(value, first / value) for value in medians])

    def zero_copy(self) -> str:
        """How long after its end a result of 8192 x 8192 is there."""
        took = []
        for _ in range(self.rounds):
            job = self.service.submit("home", (8192, 8192), format="iterations", iterations=50)
            ended: list[float] = []
            done = threading.Event()
            job.add_done_callback(lambda _: (ended.append(time.perf_counter()), done.set()))
            done.wait()
            array = job.result()
            took.append(time.perf_counter() - ended[0])
            assert isinstance(array, np.ndarray) and job.is_shared
            del array, job
        return ("8192x8192 from the service: the array is there "
                f"{1e6 * statistics.median(took):.0f} us after the job's end.")


class Table:
    """Milliseconds, and how many times as fast."""

    def __init__(self, is_markdown: bool) -> None:
        self.cell = "| {} " if is_markdown else "{:<32}"
        self.figure = "| {:.1f} ms, {:.3g}x " if is_markdown else "{:>16.1f} ms {:>7.3g}x"
        self.title = "| {} " if is_markdown else "{:>28}"
        self.end = "|" if is_markdown else ""
        self.is_markdown = is_markdown

    def head(self, title: str, columns: tuple[str, ...]) -> None:
        print("\n" + self.cell.format(title) + "".join(map(self.title.format, columns)) + self.end)
        if self.is_markdown:
            print("|---" * (1 + len(columns)) + "|")

    def row(self, title: str, cells: list[tuple[float, float]]) -> None:
        print(self.cell.format(title) + "".join(self.figure.format(1000 * value, ratio)
                                                for value, ratio in cells) + self.end, flush=True)


def timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def compare(bench: Bench, table: Table) -> None:
    found = [bench.measure(work) for work in WORKS]
    medians = [{name: statistics.median(values) for name, values in seconds.items()}
               for seconds in found]
    table.head("x plain C", tuple(work.title for work in WORKS))
    for name in medians[0]:
        table.row(name, [(column[name], column["plain C"] / column[name]) for column in medians])
    pairs = [python / c for c, python in zip(found[2][FROM_C], found[2][FROM_PYTHON])]
    print(f"\n{WORKS[2].title}: from Python {statistics.median(pairs):.3f} of the time from C "
          f"(of the rounds, {min(pairs):.3f} to {max(pairs):.3f}).")


@contextlib.contextmanager
def opened(library: Path, rounds: int) -> Iterator[Bench]:
    programs = os.environ.get("BROT_BIN")
    with brot.cluster(workers=2, programs=programs) as service, brot.local.processes(2) as pool:
        while len(service.workers()) < 2:
            time.sleep(0.01)
        yield Bench(library, service, pool, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--markdown", action="store_true", help="tables as README.md has them")
    words = parser.parse_args()
    table = Table(words.markdown)
    print(f"kernel {brot.local.kernel()}, {len(os.sched_getaffinity(0))} cores")
    with opened(words.library, ROUNDS_QUICK if words.quick else ROUNDS) as bench:
        if "numba" not in bench.loops:
            print("numba is not installed: its rows are missing")
        compare(bench, table)
        bench.gil(table)
        print("\n" + bench.zero_copy())


if __name__ == "__main__":
    main()
