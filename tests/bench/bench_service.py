#!/usr/bin/env python3
"""What keeping promises costs: dispatch beside a bare echo, a tile's price in the broker, the time that
a dead worker costs, the journal's share of a small job. Ratios within one run.

usage: BROT_BIN=build/release/bin bench_service.py BENCH_DISPATCH [--quick]

Run it on an idle machine. Times are medians; nothing here can fail.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import wire  # noqa: E402  # pylint: disable=wrong-import-position
from harness import Broker, Stage, heavy_request, light_request, wait_until  # noqa: E402  # pylint: disable=wrong-import-position

CROWDS = ((8, 2), (8, 4), (1000, 2))  # workers and the credit of each
TILES = 100_000
ROUNDS = 5
SMALL_JOBS = 40
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def echo(program: str, stage: Stage, peers: int, credit: int) -> tuple[float, float]:
    """Messages a second, and microseconds of the echoing process for each."""
    run = subprocess.run([program, "echo", f"ipc://{stage.folder}/echo", str(peers), str(credit),
                          str(TILES)], check=True, capture_output=True, text=True)
    (stage.folder / "echo").unlink(missing_ok=True)
    rate, cost_us = run.stdout.split()
    return float(rate), float(cost_us)


def dispatch(stage: Stage, broker: Broker) -> tuple[float, float]:
    """Tiles a second of one job of TILES tiles of a pixel, and the broker's microseconds for each."""
    request = light_request(size=[1, TILES], iterations=1, format="rgb8", shortcuts=False)
    with wire.Client(broker.url) as client:
        before_s = cpu_s(broker.process.pid)
        job = client.submit(request).body["job"]
        finished = client.wait(job)
        assert finished.name == "FINISHED" and finished.body["tiles"] == TILES, finished.body
        cost_us = (cpu_s(broker.process.pid) - before_s) * 1e6 / TILES
        client.release(job)
    return TILES * 1000 / max(finished.body["elapsed_ms"], 1), cost_us


def dispatch_beside_echo(program: str, rounds: int) -> None:
    print(f"  {'workers':>7} {'credit':>6} {'dispatch':>10} {'echo':>10} {'ratio':>6}   "
          "us in the broker and in the echo a tile")
    for peers, credit in CROWDS:
        stage = Stage()
        try:
            broker = stage.broker("--tile-rows", 1)
            crowd = stage.start([program], "workers", broker.workers[0], peers, credit,
                                stdin=subprocess.PIPE)
            broker.wait_workers(peers)
            pairs = [(dispatch(stage, broker), echo(program, stage, peers, credit))
                     for _ in range(rounds)]
            crowd.popen.stdin.close()
            crowd.wait()
        finally:
            stage.close()
        tiles, messages = (statistics.median(pair[i][0] for pair in pairs) for i in (0, 1))
        costs = [statistics.median(pair[i][1] for pair in pairs) for i in (0, 1)]
        ratio = statistics.median(pair[0][0] / pair[1][0] for pair in pairs)
        print(f"  {peers:7} {credit:6} {tiles:8.0f}/s {messages:8.0f}/s {ratio:6.2f}   "
              f"{costs[0]:.1f} and {costs[1]:.1f}")


def stop_it(stage: Stage, parent: int, child: int, how: str) -> None:
    """Takes a worker away: its child alone, the whole host's, or without its noticing."""
    if how == "kill -9, its parent tells":
        os.kill(child, signal.SIGKILL)
    elif how == "kill -9, parent too":
        os.kill(parent, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
    else:
        os.kill(parent, signal.SIGSTOP)
        os.kill(child, signal.SIGSTOP)


def lost_time(how: str) -> tuple[float, float]:
    """Seconds from a worker's end until its tiles are leased to another, and until a job that two
    workers were doing is finished, less what was left of it for one worker."""
    stage = Stage()
    try:
        broker = stage.broker("--log-level", "debug", "--tile-rows", 8)
        parents = [stage.worker(broker), stage.worker(broker)]
        broker.wait_workers(2)
        with wire.Client(broker.url) as client:
            job = client.submit(heavy_request(2048)).body["job"]
            (child,) = stage.children(parents[0].pid)
            broker.wait_tiles(8, {child})
            begin_s = time.monotonic()
            stop_it(stage, parents[0].pid, child, how)
            again = re.compile(rf"action tile .*tile={job}(?:\.\d+)?/\d+/\d+/2 ")
            wait_until(lambda: again.search(broker.process.err()), "another lease")
            leased_s = time.monotonic() - begin_s
            finished = client.wait(job)
            assert finished.name == "FINISHED", finished.body
            client.release(job)
        if how == "SIGSTOP":
            os.kill(parents[0].pid, signal.SIGCONT)
            os.kill(child, signal.SIGCONT)
        elif how == "kill -9, parent too":
            parents[0].wait()
        return leased_s, finished.body["elapsed_ms"] / 1000
    finally:
        stage.close()


def dead_workers() -> None:
    for how in ("kill -9, its parent tells", "kill -9, parent too", "SIGSTOP"):
        leased_s, elapsed_s = lost_time(how)
        print(f"  {leased_s:7.2f} s until its tile was leased again, of a job of {elapsed_s:.2f} s:"
              f"  {how}")


def small_job_ms(client: wire.Client) -> float:
    begin = time.perf_counter()
    job = client.submit(light_request(format="rgb8")).body["job"]
    assert client.wait(job).name == "FINISHED"
    took_ms = (time.perf_counter() - begin) * 1000
    client.release(job)
    return took_ms


def journal(runs: int) -> None:
    stage = Stage()
    try:
        (stage.folder / "full").mkdir(mode=0o700)
        brokers = {
            "no store": stage.broker(),
            "store": stage.broker("--state-dir", stage.folder / "state"),
            "store, --sync full": stage.broker("--state-dir", stage.folder / "full", "--sync",
                                               "full"),
        }
        times: dict[str, list[float]] = {name: [] for name in brokers}
        for broker in brokers.values():
            stage.worker(broker, processes=1)
            broker.wait_workers(1)
        clients = {name: wire.Client(broker.url) for name, broker in brokers.items()}
        for _ in range(runs):
            for name, client in clients.items():
                times[name].append(small_job_ms(client))
        for client in clients.values():
            client.close()
        bare = statistics.median(times["no store"])
        for name, values in times.items():
            took = statistics.median(values)
            print(f"  {took:7.2f} ms {100 * (took - bare) / took:5.1f} % of it the journal's:  {name}")
    finally:
        for folder in ("state", "full"):
            for path in (stage.folder / folder).glob("*"):
                path.unlink()
        stage.close()


def main() -> int:
    is_quick = "--quick" in sys.argv[2:]
    print(f"dispatch of null tiles beside a bare ROUTER/DEALER echo, jobs of {TILES} tiles:")
    dispatch_beside_echo(sys.argv[1], 1 if is_quick else ROUNDS)
    print("a worker that dies (a lease lasts 30 s at least, silence is death after 10 s):")
    dead_workers()
    print("a job of 64x48 pixels, from SUBMIT to FINISHED over a connection that stands:")
    journal(SMALL_JOBS // 4 if is_quick else SMALL_JOBS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
