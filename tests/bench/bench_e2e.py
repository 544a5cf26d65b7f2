#!/usr/bin/env python3
"""What the service costs end to end, as counts and as ratios within one run.

usage: BROT_BIN=build/release/bin bench_e2e.py BENCH_ECHO

Run it on an idle machine. Times are medians; only the bytes a tile, which are a count, can fail.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import wire  # noqa: E402  # pylint: disable=wrong-import-position
from harness import BIN, Broker, Stage, heavy_request, light_request  # noqa: E402  # pylint: disable=wrong-import-position

BYTES_A_TILE_MAX = 300
TILES = 64
SIZES = (64, 256, 1024, 4096)
RENDERS = 21
ECHO_ROUNDS = 10_000
SPEEDUP_PAIRS = 7
SMALL = ["render", "--view", "home", "--size", "320x240", "--quiet", "--out", "a.png"]


def machine() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def render(broker: Broker, request: dict) -> dict:
    """What FINISHED says."""
    with wire.Client(broker.url) as client:
        return client.finish(request)


def bytes_a_tile(size: int) -> float:
    """Over the workers' socket, both ways, JOB and all, for an image of TILES tiles."""
    stage = Stage()
    try:
        broker = stage.broker("--tile-rows", size // TILES)
        stage.worker(broker)
        broker.wait_workers(1)
        before = broker.status()
        render(broker, light_request(size=[size, size], iterations=100, format="rgb8"))
        after = broker.status()
        carried = sum(after[key] - before[key]
                      for key in ("worker_bytes_sent", "worker_bytes_received"))
        return carried / (after["tiles_done"] - before["tiles_done"])
    finally:
        stage.close()


def median_ms(action: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs + 1):
        begin = time.perf_counter()
        action()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times[1:])  # the first warms caches up


def small_renders(bench_echo: str) -> None:
    stage = Stage()
    try:
        broker = stage.broker()
        stage.worker(broker, processes=2)
        broker.wait_workers(2)
        echo_us = float(subprocess.run([bench_echo, str(stage.folder), str(ECHO_ROUNDS)],
                                       check=True, capture_output=True, text=True).stdout)
        document = light_request(view={"re": "-0.75", "im": "0", "width": "4"}, size=[320, 240],
                                 format="rgb8")

        def client(*arguments: str) -> None:
            # Not by the stage, which looks for the end of a process only now and then.
            subprocess.run([str(BIN / "brot-client"), *arguments], env=stage.environment,
                           cwd=stage.folder, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, check=True)
        with wire.Client(broker.url) as connected:
            def submit() -> None:
                job = connected.submit(document).body["job"]
                assert connected.wait(job).name == "FINISHED"
                connected.release(job)
            figures = {
                "a bare ROUTER/DEALER round trip": echo_us / 1000,
                "brot-client version (a process that does nothing)":
                    median_ms(lambda: client("version"), RENDERS),
                "SUBMIT to FINISHED, connected already": median_ms(submit, RENDERS),
                "brot-client render, running broker, to the PNG":
                    median_ms(lambda: client(*SMALL, "--broker", broker.url), RENDERS),
                "brot-client render, embedded, to the PNG":
                    median_ms(lambda: client(*SMALL, "--workers", "2"), RENDERS),
            }
        (stage.folder / "a.png").unlink()
    finally:
        stage.close()
    for name, took_ms in figures.items():
        print(f"  {took_ms:9.3f} ms {took_ms * 1000 / echo_us:9.1f} x  {name}")


def speedup() -> None:
    """One and two workers in turn, each pair a ratio of its own: the clock's speed and whoever else
    uses the machine then strike both. Times are the broker's, from ACCEPTED to the last tile."""
    stage = Stage()
    try:
        brokers = {}
        for count in (1, 2):
            brokers[count] = stage.broker()
            stage.worker(brokers[count], processes=count)
            brokers[count].wait_workers(count)
            render(brokers[count], heavy_request(64))
        times: dict[int, list[int]] = {1: [], 2: []}
        for _ in range(SPEEDUP_PAIRS):
            for count, broker in brokers.items():
                times[count].append(render(broker, heavy_request(1024))["elapsed_ms"])
        ratios = [one / two for one, two in zip(times[1], times[2])]
        one, two = (statistics.median(times[count]) for count in (1, 2))
        print(f"  one worker {one:.0f} ms, two {two:.0f} ms, {SPEEDUP_PAIRS} pairs: "
              f"min {min(ratios):.3f} x, median {statistics.median(ratios):.3f} x, "
              f"max {max(ratios):.3f} x")
    finally:
        stage.close()


def main() -> int:
    print(f"machine: {machine()}")
    print(f"bytes over the socket a tile, same host (must be under {BYTES_A_TILE_MAX}):")
    worst = 0.0
    for size in SIZES:
        cost = bytes_a_tile(size)
        worst = max(worst, cost)
        print(f"  {cost:7.1f}  {size} x {size} pixels, {3 * size * size // TILES} bytes a tile")
    print("320x240 from start to end, and as a multiple of the round trip:")
    small_renders(sys.argv[1])
    print("two workers against one, heavy view:")
    speedup()
    return 0 if worst < BYTES_A_TILE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
