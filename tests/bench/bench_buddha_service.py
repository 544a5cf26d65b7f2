#!/usr/bin/env python3
"""A Buddhabrot of a service with one worker of one thread beside that of two: SUBMIT to FINISHED,
the grids and their sum included. Rows of the table of bench_buddha.

usage: BROT_BIN=build/release/bin bench_buddha_service.py [--quick] [--markdown] [--cpu]

Pairs within one run, each in turn; the ratio is the median of theirs. Run it on an idle machine;
nothing here can fail. --cpu takes processor time in place of the clock, for a machine that has other
work: of one worker alone, and half of what two workers and their broker use, as if they kept two
cores busy all the time.
"""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import wire  # noqa: E402  # pylint: disable=wrong-import-position
from harness import Broker, Stage  # noqa: E402  # pylint: disable=wrong-import-position

# The broker adds up the grids while nobody counts: small and large pictures differ in that.
SIDES_PX = (700, 4096)
POINTS, POINTS_QUICK = 100_000_000, 15_000_000
PAIRS, PAIRS_QUICK = 5, 2
TICKS = os.sysconf("SC_CLK_TCK")
CELLS = "{:<46} {:>10}  {:<10}  {}"
CELLS_MARKDOWN = "| {} | {} | {} | {} |"


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def request(side_px: int, points: int) -> dict:
    return {"brot": 1, "kind": "buddhabrot", "format": "density", "iterations": 1000,
            "view": {"re": "-0.4", "im": "0.01", "width": "3.2"}, "size": [side_px, side_px],
            "buddha": {"points": points, "first": 0, "seed": 1, "sampling": "random",
                       "orbits": "escaping", "bands": [[1, 1000]]}}


@dataclass
class Service:
    broker: Broker
    workers: list[int]  # processes

    def cpu_s(self, is_alone: bool) -> float:
        """Processor time so far that counts."""
        used_s = sum(cpu_s(pid) for pid in self.workers)
        return used_s if is_alone else (used_s + cpu_s(self.broker.process.pid)) / 2


def start(stage: Stage, count: int) -> Service:
    broker = stage.broker()
    stage.worker(broker, processes=count)
    return Service(broker, [worker["pid"] for worker in broker.wait_workers(count)])


def time_s(service: Service, document: dict, is_cpu: bool) -> float:
    is_alone = len(service.workers) == 1
    before_s = service.cpu_s(is_alone)
    took_s = elapsed_s(service.broker, document)
    return max(service.cpu_s(is_alone) - before_s, 0.001) if is_cpu else took_s


def elapsed_s(broker: Broker, document: dict) -> float:
    with wire.Client(broker.url) as client:
        return max(client.finish(document)["elapsed_ms"], 1) / 1000


def compare(services: list[Service], side_px: int, is_quick: bool,
            is_cpu: bool) -> tuple[float, ...]:
    """Seconds of one and of two workers, and the ratio: medians."""
    document = request(side_px, POINTS_QUICK if is_quick else POINTS)
    pairs = [tuple(time_s(service, document, is_cpu) for service in services)
             for _ in range(PAIRS_QUICK if is_quick else PAIRS)]
    return (statistics.median(one for one, _ in pairs), statistics.median(two for _, two in pairs),
            statistics.median(one / two for one, two in pairs))


def main() -> int:
    is_quick, is_cpu = ("--quick" in sys.argv[1:], "--cpu" in sys.argv[1:])
    cells = CELLS_MARKDOWN if "--markdown" in sys.argv[1:] else CELLS
    stage = Stage()
    try:
        services = [start(stage, count) for count in (1, 2)]
        for side_px in SIDES_PX:
            one_s, two_s, ratio = compare(services, side_px, is_quick, is_cpu)
            print(cells.format(f"{side_px} x {side_px}, N = 1000: a service, two workers",
                               f"{ratio:.2f} x as fast as one", "1.9",
                               f"{two_s:.2f} s and {one_s:.2f} s, load {os.getloadavg()[0]:.1f}"),
                  flush=True)
    finally:
        stage.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
