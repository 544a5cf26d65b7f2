#!/usr/bin/env python3
"""Whole renders beside XaoS and FractalNow, on the same two cores: the speed table's last rows.

usage: BROT_BIN=build/release/bin bench_rivals.py [--quick] [--markdown]

Times are wall clock from the start of a process to its end, medians of a few rounds in which each
program has its turn. brot-client draws every pixel exactly and writes a PNG, against a running
broker with two workers. XaoS guesses most pixels and writes a PNG; `fractalnow -i 1` computes each
and writes a PPM. Both colour by the count alone, as brot's mode `banded` does; what is timed is
brot's default, `smooth`, which iterates further.

A .xpf file of XaoS says (view RE IM WIDTH HEIGHT), which it keeps as it is where the picture has the
same shape; a .config of FractalNow says CENTRE and SPAN in the same order. Both draw the rectangle
that brot draws, but upside down: im grows downwards there. Nothing is installed: a row whose rival
is missing is skipped, and says so. Speed never makes it fail.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import wire  # noqa: E402  # pylint: disable=wrong-import-position
from harness import BIN, Broker, Stage  # noqa: E402  # pylint: disable=wrong-import-position

SIZE = (1920, 1080)
CORES = 2
ROUNDS = 7
ROUNDS_QUICK = 2
SLOW_S = 8.0  # a rival that takes longer than this has fewer turns
SLOW_ROUNDS = 2
CELLS = "{:<46} {:>10}  {:<10}  {}"
CELLS_MARKDOWN = "| {} | {} | {} | {} |"


@dataclass
class View:
    name: str
    re: str
    im: str
    width: str
    height: str
    iterations: int
    must: dict[str, int]  # how many times as fast as which rival


VIEWS = [
    View("home", "-0.75", "0", "5.3333", "3", 50_000, {"xaos": 1}),
    View("zoom 1.333333e6", "-0.7436438870371587047521915061147707",
         "0.131825904205311970493132056385139", "5.333334666667e-6", "3.00000075e-6", 3000,
         {"xaos": 5, "fractalnow": 20}),
]


@dataclass
class Contest:
    """The programs that draw one view, and how long each of their turns took."""
    commands: dict[str, list[str]]
    times_s: dict[str, list[float]] = field(default_factory=dict)

    def turn(self, name: str, environment: dict[str, str], folder: Path) -> None:
        times = self.times_s.setdefault(name, [])
        if len(times) >= SLOW_ROUNDS and statistics.median(times) > SLOW_S:
            return
        begin = time.perf_counter()
        subprocess.run(self.commands[name], env=environment, cwd=folder, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)

    def median_s(self, name: str) -> float:
        return statistics.median(self.times_s[name])


def request(view: View, mode: str) -> dict:
    return {"brot": 1, "size": list(SIZE), "iterations": view.iterations, "format": "rgb8",
            "view": {"re": view.re, "im": view.im, "width": view.width, "height": view.height},
            "colour": {"palette": "classic", "mode": mode}}


def brot_command(view: View, mode: str, broker: Broker, folder: Path) -> list[str]:
    document = folder / f"{mode}.json"
    document.write_text(json.dumps(request(view, mode)))
    return [str(BIN / "brot-client"), "render", "--view", f"@{document}", "--broker", broker.url,
            "--quiet", "--out", str(folder / f"{mode}.png")]


def xaos_command(view: View, folder: Path) -> list[str]:
    position = folder / "view.xpf"
    position.write_text(f"(initstate)\n(defaultpalette 0)\n(formula 'mandel)\n"
                        f"(view {view.re} {view.im} {view.width} {view.height})\n"
                        f"(maxiter {view.iterations})\n")
    return ["xaos", "-render", str(position), "-basename", str(folder / "xaos"),
            "-size", f"{SIZE[0]}x{SIZE[1]}"]


def fractalnow_command(view: View, folder: Path) -> list[str]:
    config = folder / "view.config"
    config.write_text(f"c075\nmandelbrot\n{view.re} {view.im} {view.width} {view.height}\n"
                      f"2 {view.iterations}\n1\n0x0\niterationcount\ndiscrete\nidentity\n0.025 0\n"
                      "0 0xff 0.25 0xffffff 0.5 0xffff00 0.75 0xff0000 1 0xff\n")
    return ["fractalnow", "-c", str(config), "-x", str(SIZE[0]), "-y", str(SIZE[1]), "-i", "1",
            "-j", str(CORES), "-o", str(folder / "fractalnow.ppm")]


RIVALS = {"xaos": xaos_command, "fractalnow": fractalnow_command}


def service_ms(broker: Broker, view: View) -> tuple[float, float]:
    """How long the broker had the job, and how many iterations the workers did."""
    with wire.Client(broker.url) as client:
        job = client.submit(request(view, "smooth")).body["job"]
        finished = client.wait(job)
        assert finished.name == "FINISHED", finished.body
        client.release(job)
        return finished.body["elapsed_ms"], finished.body["iterations"]


def bench_view(view: View, broker: Broker, stage: Stage, folder: Path, rounds: int,
               cells: str) -> None:
    contest = Contest({mode: brot_command(view, mode, broker, folder)
                       for mode in ("smooth", "banded")})
    for rival in view.must:
        if shutil.which(rival) is not None:
            contest.commands[rival] = RIVALS[rival](view, folder)
    environment = {**stage.environment, "QT_QPA_PLATFORM": "offscreen"}
    services = []
    for _ in range(rounds):
        services.append(service_ms(broker, view))
        for name in contest.commands:
            contest.turn(name, environment, folder)
    ours_ms = contest.median_s("smooth") * 1000
    banded_ms = contest.median_s("banded") * 1000
    service = statistics.median(elapsed for elapsed, _ in services)
    for rival, must in view.must.items():
        what = f"{view.name}, 1920x1080 N {view.iterations}, beside {rival}"
        if rival not in contest.commands:
            print(cells.format(what, "skipped", f"{must} x", f"install the package {rival}"))
            continue
        theirs_ms = contest.median_s(rival) * 1000
        print(cells.format(
            what, f"{theirs_ms / ours_ms:.2f} x", f"{must} x",
            f"{ours_ms:.0f} ms, of which {service:.0f} ms until the last tile, "
            f"{services[0][1] / service / 1e6:.2f} G it/s on {CORES} cores; "
            f"{banded_ms:.0f} ms coloured by bands; {rival} {theirs_ms:.0f} ms"), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--markdown", action="store_true", help="rows of a Markdown table")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    if len(cores) < CORES:
        print(f"only {len(cores)} core here: the figures are of that", file=sys.stderr)
    stage = Stage()
    try:
        broker = stage.broker()
        stage.worker(broker, processes=CORES)
        broker.wait_workers(CORES)
        with tempfile.TemporaryDirectory(prefix="brot-bench-") as folder:
            for view in VIEWS:
                bench_view(view, broker, stage, Path(folder),
                           ROUNDS_QUICK if options.quick else ROUNDS,
                           CELLS_MARKDOWN if options.markdown else CELLS)
    finally:
        stage.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
