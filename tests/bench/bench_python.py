#!/usr/bin/env python3
"""The ways to draw the set from Python, side by side, on the work of the articles they come from.

usage: BROT_BIN=build/release/bin LIBBROT=build/release/lib/libbrot.so.0 bench_python.py LIBRARY
       [--quick]

LIBRARY is bench_library.c as a shared library. Times are medians of a few rounds in which each way
has its turn; "x C" is how many times as fast as the plain C loop. Plain Python and
NumPy draw some of the rows, and their times are scaled. All but libbrot iterate every point to its
end; libbrot is shown so as well ("brute force") and with the shortcuts that change no number. Where numba is not
there its rows are missing, and it says so. Speed never makes it fail; another picture does.
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

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "client" / "python"))

import brot  # noqa: E402  # pylint: disable=wrong-import-position
import brot.local  # noqa: E402  # pylint: disable=wrong-import-position
from brot import _native  # noqa: E402  # pylint: disable=wrong-import-position

THREADS = (1, 2, 4, 8, 16)
PYTHON_ROWS, NUMPY_ROWS = 12, 200  # that plain Python and NumPy draw, of as many as there are
SLOW_S = 5.0  # what takes longer has one round


@dataclass(frozen=True)
class Work:
    """A picture of one of the articles: sides in points, edges, iterations."""

    title: str
    points: tuple[int, int]
    edges: tuple[float, float, float, float]
    iterations: int

    @property
    def steps(self) -> tuple[float, float]:
        left, right, bottom, top = self.edges
        return (right - left) / self.points[0], (top - bottom) / self.points[1]

    def request(self, **words: Any) -> brot.Request:
        left, right, bottom, top = self.edges
        return brot.local.request(f"{left}:{right},{bottom}:{top}", self.points,
                                  iterations=self.iterations, format="iterations", **words)


WORKS = (
    Work("960x960, N 200", (960, 960), (-2.0, 0.6, -1.5, 1.5), 200),
    Work("1000x1000, N 100", (1000, 1000), (-2.0, 1.0, -1.5, 1.5), 100),
    Work("1024x1024 of 4x4 samples, N 2048", (4096, 4096), (-0.60, -0.45, 0.48, 0.63), 2048),
)


def plain_python(work: Work) -> float:
    """Seconds for all rows, by the time of some."""
    left, _, _, top = work.edges
    step_x, step_y = work.steps
    columns, height = work.points
    chosen = range(height // (2 * PYTHON_ROWS), height, height // PYTHON_ROWS)
    begin = time.perf_counter()
    for j in chosen:
        row = []
        for i in range(columns):
            c = complex(left + (i + 0.5) * step_x, top - (j + 0.5) * step_y)
            z, found = 0j, 0
            for n in range(1, work.iterations + 1):
                z = z * z + c
                if abs(z) > 2:
                    found = n
                    break
            row.append(found)
    return (time.perf_counter() - begin) * height / len(chosen)


def with_numpy(work: Work) -> float:
    """The same."""
    left, _, _, top = work.edges
    step_x, step_y = work.steps
    begin = time.perf_counter()
    height = work.points[1]
    rows = np.arange(0, height, max(1, height // NUMPY_ROWS))
    x = left + (np.arange(work.points[0]) + 0.5) * step_x
    y = top - (rows + 0.5) * step_y
    c = (x[None, :] + 1j * y[:, None]).ravel()
    counts, alive = np.zeros(c.size, np.uint32), np.arange(c.size)
    z = np.zeros_like(c)
    for n in range(1, work.iterations + 1):
        z = z * z + c
        out = (z.real * z.real + z.imag * z.imag) > 4
        if out.any():
            counts[alive[out]] = n
            alive, z, c = alive[~out], z[~out], c[~out]
    return (time.perf_counter() - begin) * height / rows.size


def numba_loop() -> Callable[..., None] | None:
    try:
        import numba
    except ImportError:
        return None

    @numba.njit(nogil=True)  # type: ignore[misc]
    def loop(left: float, top: float, step_x: float, step_y: float, limit: int,
             counts: Any) -> None:
        for j in range(counts.shape[0]):
            for i in range(counts.shape[1]):
                cr, ci = left + (i + 0.5) * step_x, top - (j + 0.5) * step_y
                x = y = 0.0
                for n in range(1, limit + 1):
                    x, y = x * x - y * y + cr, 2 * x * y + ci
                    if x * x + y * y > 4:
                        counts[j, i] = n
                        break
    loop(0.0, 0.0, 0.1, 0.1, 2, np.zeros((2, 2), np.uint32))
    return loop  # type: ignore[no-any-return]


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
        self.numba = numba_loop()

    def ways(self, work: Work, is_quick: bool) -> dict[str, Callable[[], float]]:
        request, brute = work.request(), work.request(shortcuts=False)
        counts = np.empty(work.points[::-1], np.uint32)
        left, _, _, top = work.edges
        step_x, step_y = work.steps

        def plain_c() -> float:
            return timed(lambda: self.c.bench_plain(
                left + step_x / 2, top - step_y / 2, step_x, step_y, *work.points, work.iterations,
                counts.ctypes.data))

        def from_c(asked: brot.Request) -> Callable[[], float]:
            handle, arrays = _native.open_request(asked), _native._arrays([counts])
            return lambda: float(self.c.bench_render(handle.pointer, arrays, 1))
        ways: dict[str, Callable[[], float]] = {}
        if not is_quick:
            ways["plain Python"] = lambda: plain_python(work)
            ways["NumPy"] = lambda: with_numpy(work)
        if self.numba is not None:
            loop = self.numba
            ways["numba"] = lambda: timed(lambda: loop(left, top, step_x, step_y, work.iterations,
                                                       np.zeros_like(counts)))
        return {
            **ways,
            "plain C": plain_c,
            "libbrot, 1 thread, brute force": from_c(brute),
            "libbrot, 1 thread, from C": from_c(request),
            "libbrot, 1 thread, from Python": lambda: timed(
                lambda: brot.local.render(request, threads=1, out=counts)),
            "libbrot, 2 threads": lambda: timed(lambda: brot.local.render(request, threads=2)),
            "2 processes over shared memory": lambda: timed(lambda: self.pool.render(request)),
            "service, 2 workers": lambda: timed(lambda: self.service.render(request)),
        }

    def table(self, work: Work, is_quick: bool) -> None:
        expected = brot.local.render(work.request())
        for array in (self.pool.render(work.request()), self.service.render(work.request())):
            assert np.array_equal(np.asarray(array), np.asarray(expected)), "another picture"
        ways = self.ways(work, is_quick)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(self.rounds):
            for name, way in ways.items():
                if turn == 0 or max(seconds[name]) < SLOW_S:
                    seconds[name].append(way())
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        print(f"\n{work.title}")
        for name, value in medians.items():
            print(f"  {name:34} {1000 * value:10.1f} ms {medians['plain C'] / value:8.2f} x C")

    def gil(self) -> None:
        """So many Python threads, each of which renders its share of the rows by itself."""
        work = WORKS[2]
        request = work.request()
        handle, height = _native.open_request(request), work.points[1]
        counts = np.empty(work.points[::-1], np.uint32)
        print(f"\n{work.title}: Python threads, seconds with the GIL held and released")
        path = os.environ.get("LIBBROT", _native.NAME)
        held, free = ctypes.PyDLL(path).brot_render, ctypes.CDLL(path).brot_render
        for threads in THREADS:
            row = []
            for render in (held, free):
                def share(first: int, rows: int, render: Any = render) -> None:
                    local = _native._Local(1, _native._OnProgress(), None, first, rows)
                    assert render(handle.pointer, _native._arrays([counts]),
                                  ctypes.byref(local), None) == 0
                parts = [(height * i // threads, height * (i + 1) // threads)
                         for i in range(threads)]
                row.append(timed(lambda: in_threads([
                    lambda a=a, b=b: share(a, b - a) for a, b in parts])))  # type: ignore[misc]
            print(f"  {threads:2} threads {row[0]:8.3f} s held {row[1]:8.3f} s released "
                  f"{row[0] / row[1]:6.2f} x")

    def zero_copy(self) -> None:
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
        print("\n8192x8192 from the service: the array is there "
              f"{1e6 * statistics.median(took):.0f} us after the job's end")


def timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def in_threads(acts: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


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
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no plain Python")
    words = parser.parse_args()
    print(f"kernel {brot.local.kernel()}, {len(os.sched_getaffinity(0))} cores")
    with opened(words.library, 2 if words.quick else 5) as bench:
        if bench.numba is None:
            print("numba is not installed")
        for work in WORKS[:2] if words.quick else WORKS:
            bench.table(work, words.quick)
        if not words.quick:
            bench.gil()
        bench.zero_copy()


if __name__ == "__main__":
    main()
