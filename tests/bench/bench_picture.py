#!/usr/bin/env python3
"""A large shallow picture end to end, beside its two halves on the same two cores: rendering alone and
encoding alone.

usage: BROT_BIN=build/release/bin bench_picture.py [--size PIXELS] [--rounds N] [--quick]

end to end  `brot-client render --size 16384x16384 --out FILE.png`, with an embedded broker and a
            worker a core, from the start of the process to its end.
rendering   the same request by the same programs and no encoding at all: from SUBMIT to FINISHED at
            a running broker with a worker a core, which colours it into an image in shared memory
            that nobody reads. It is what the workers do, colouring included, and the broker's time
            to make the image.
encoding    `brot-client fetch` of that finished image into a PNG, from the start of the process to
            its end, while the workers have nothing to do: as many threads as there are cores.

Each is timed by the wall clock and by the processor time of all its processes. A round has all three,
one after the other; figures are medians. `ratio` is end to end by the larger of the halves, which
must reach 1.3 at most. `bound` is what no order of the same work could go below on so many cores:
the processor time of both halves, shared out evenly, by the larger half. A bound above 1.3 says that
the halves are too much alike for the ratio; a ratio far above its bound, that cores are idle while
there is work, or that other programs use them. Nothing here can fail.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import wire  # noqa: E402  # pylint: disable=wrong-import-position
from harness import BIN, Broker, Stage  # noqa: E402  # pylint: disable=wrong-import-position

CORES = 2
SIZE = 16384
ROUNDS = 5
QUICK_SIZE = 4096
QUICK_ROUNDS = 3
TICKS = os.sysconf("SC_CLK_TCK")
HEAD = "{:<16} {:>5} {:>8} {:>9} {:>9} {:>9} {:>6} {:>6}   {}"


@dataclass
class View:
    name: str
    re: str
    im: str
    width: str
    iterations: int

    def arguments(self, size: int) -> list[str]:
        return ["--view", f"{self.re},{self.im},{self.width}", "--iterations",
                str(self.iterations), "--size", f"{size}x{size}"]

    def request(self, size: int) -> dict:
        return {"brot": 1, "size": [size, size], "iterations": self.iterations, "format": "rgb8",
                "view": {"re": self.re, "im": self.im, "width": self.width}}


VIEWS = (View("home", "-0.75", "0", "4", 300),
         View("seahorse valley", "-0.7453", "0.1127", "0.0065", 300),
         View("a plain", "0.4", "0.6", "0.2", 300))


@dataclass
class Took:
    wall_s: float
    cpu_s: float


@dataclass
class Round:
    rendering: Took
    encoding: Took
    both: Took

    def larger_s(self) -> float:
        return max(self.rendering.wall_s, self.encoding.wall_s)

    def ratio(self) -> float:
        return self.both.wall_s / self.larger_s()

    def bound(self) -> float:
        shared_s = (self.rendering.cpu_s + self.encoding.cpu_s) / CORES
        return max(shared_s / self.larger_s(), 1.0)


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def client(stage: Stage, *arguments: object) -> Took:
    """One call of brot-client, and of all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run([str(BIN / "brot-client"), *map(str, arguments)], env=stage.environment,
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    wall_s = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def render(request: dict, broker: Broker, pids: list[int]) -> tuple[int, Took]:
    """The job, which the broker keeps, and what it took of processes `pids`."""
    with wire.Client(broker.url) as peer:
        before_s = sum(map(cpu_s, pids))
        begin = time.perf_counter()
        job = peer.submit(request, keep=True).body["job"]
        finished = peer.wait(job)
        wall_s = time.perf_counter() - begin
        assert finished.name == "FINISHED", finished.body
        return job, Took(wall_s, sum(map(cpu_s, pids)) - before_s)


def round_take(view: View, size: int, stage: Stage, broker: Broker, pids: list[int],
               path: Path) -> Round:
    job, rendering = render(view.request(size), broker, pids)
    encoding = client(stage, "fetch", job, "--broker", broker.url, "--out", path)
    with wire.Client(broker.url) as peer:
        peer.release(job)
    path.unlink()
    both = client(stage, "render", *view.arguments(size), "--out", path)
    return Round(rendering, encoding, both)


def bench_view(view: View, size: int, rounds: int, stage: Stage, broker: Broker,
               pids: list[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="brot-bench-") as folder:
        path = Path(folder) / "picture.png"
        taken = []
        for _ in range(rounds):
            path.unlink(missing_ok=True)
            taken.append(round_take(view, size, stage, broker, pids, path))
        file_mb = path.stat().st_size * 1e-6
    walls = [statistics.median(getattr(one, part).wall_s for one in taken)
             for part in ("rendering", "encoding", "both")]
    cpus = [statistics.median(getattr(one, part).cpu_s for one in taken)
            for part in ("rendering", "encoding", "both")]
    print(HEAD.format(view.name, view.iterations, f"{file_mb:.1f}",
                      *(f"{wall_s:.2f} s" for wall_s in walls),
                      f"{statistics.median(one.ratio() for one in taken):.2f}",
                      f"{statistics.median(one.bound() for one in taken):.2f}",
                      ", ".join(f"{cpu:.2f}" for cpu in cpus)), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=SIZE, help="pixels of a side")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="a smaller picture, fewer rounds")
    parser.add_argument("--view", choices=[view.name for view in VIEWS], help="that one alone")
    options = parser.parse_args()
    if options.quick:
        options.size, options.rounds = QUICK_SIZE, QUICK_ROUNDS
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    if len(cores) < CORES:
        print(f"only {len(cores)} core here: the figures are of that", file=sys.stderr)
    print(f"{options.size}x{options.size} into a PNG, {len(cores)} cores, medians of "
          f"{options.rounds}; the ratio must be 1.3 at most")
    print(HEAD.format("view", "N", "MB", "rendering", "encoding", "together", "ratio", "bound",
                      "processor time of these three, s"))
    stage = Stage()
    try:
        broker = stage.broker()
        parent = stage.worker(broker, processes=CORES)
        broker.wait_workers(CORES)
        pids = [broker.process.pid, *stage.children(parent.pid)]
        for view in VIEWS:
            if options.view not in (None, view.name):
                continue
            bench_view(view, options.size, options.rounds, stage, broker, pids)
    finally:
        stage.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
