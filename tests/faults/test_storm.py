"""Everything dies at random, for as long as one likes, and every picture is right.

BROT_STORM_S seconds, BROT_STORM_WORKERS worker processes, BROT_STORM_SEED. deploy/storm runs it.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
from pathlib import Path

from durable import IS_LONG, images, sha
from harness import PATIENCE_S, SHM, Process, Stage, wait_until
from weather import Climate, Weather

SECONDS = float(os.environ.get("BROT_STORM_S") or (60 if IS_LONG else 15))
WORKERS = int(os.environ.get("BROT_STORM_WORKERS") or 20)
SEED = int(os.environ.get("BROT_STORM_SEED") or random.SystemRandom().randrange(10**6))
CHILDREN = 4  # of one parent
CLIENTS = 4
BROKER_LIFE_S = 5.0  # on average; that of a worker is
WORKER_LIFE_S = 8.0
# What a render may take before the storm gives up on it. It is no claim about speed: it may meet
# a dozen deaths.
RENDER_S = 120 + 4 * PATIENCE_S
BUSY, NOT_FOUND, UNAVAILABLE = 75, 66, 69
# Of the broker's own memory: what one life may have, images not counted, and how much more it may
# have late in the storm than early.
BROKER_KIB = 200 << 10
DRIFT_KIB = 16 << 10

MEMORY = "24M"
# Arguments and the ending of the file. The last does not fit the memory: it comes in bands.
SCENE = ["--view", "seahorse", "--iterations", "3000"]
ORBITS = ["--kind", "buddhabrot", "--view", "-0.4,0.01,3.1"]
KINDS: dict[str, tuple[list[str], str]] = {
    "rgb8": ([*SCENE, "--size", "640x480", "--samples", "2"], "png"),
    "iterations": ([*SCENE, "--size", "800x600", "--format", "iterations"], "npy"),
    "smooth": ([*SCENE, "--size", "700x500", "--format", "smooth"], "npy"),
    "mirrored": (["--view", "-0.7,0,2.9", "--size", "900x701", "--iterations", "2000"], "ppm"),
    "julia": (["--view", "0,0,3", "--formula", "julia:-0.8,0.156", "--size", "640x480",
               "--iterations", "2000"], "png"),
    "density": ([*ORBITS, "--size", "161x120", "--points", "2000000", "--iterations", "500"],
                "npy"),
    "nebula": ([*ORBITS, "--size", "160x121", "--points", "1000000", "--iterations", "2000",
                "--bands", "1:20,10:200,100:2000", "--format", "nebula32"], "npy"),
    "zoom": (["--kind", "buddhabrot", "--view", "-0.745,0.1127,0.01", "--size", "120x90",
              "--points", "300000", "--sampling", "zoom", "--iterations", "500"], "npy"),
    "inside": (["--kind", "buddhabrot", "--view", "-0.4,0,3", "--size", "121x91", "--points",
                "1000000", "--inside", "--iterations", "300"], "png"),
    "banded": (["--view", "seahorse", "--size", "3000x3001", "--iterations", "300"], "png"),
}


class Painter(threading.Thread):
    """A client's user: renders one picture after the other and compares it."""

    def __init__(self, storm: Storm, number: int) -> None:
        super().__init__()
        self.storm = storm
        self.number = number
        self.random = random.Random(SEED * 100 + number)
        self.where = ["--broker", storm.durable.url, "--timeout", str(int(RENDER_S))]

    def run(self) -> None:
        try:
            while not self.storm.is_over.is_set():
                kind = self.random.choice(list(KINDS))
                self.random.choice([self.render, self.render, self.keep, self.give_up])(kind)
        except Exception as fault:  # pylint: disable=broad-except  # told by the test
            self.storm.figures.fault(f"painter {self.number}: {fault!r}")

    def client(self, *arguments: object) -> Process:
        with self.storm.starting:
            return self.storm.stage.start("brot-client", *arguments)

    def end(self, process: Process, *statuses: int) -> tuple[int, str]:
        """Its exit status, which must be one of these, and its output."""
        try:
            status = process.popen.wait(RENDER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"no end of {process.popen.args}: {process.err()}") from None
        out, err = process.out_path.read_text(), process.err()
        with self.storm.starting:
            self.storm.stage.forget(process)
        assert status in statuses, f"{process.popen.args} ended with {status}: {err}"
        if status == BUSY:
            self.storm.figures.add("busy answers")
        return status, out

    def check(self, path: Path, kind: str) -> None:
        assert sha(path) == self.storm.expected[kind], f"{path.name} of {kind} is wrong"
        path.unlink()
        self.storm.figures.add("pictures compared")
        if "buddhabrot" in KINDS[kind][0]:
            self.storm.figures.add("Buddhabrots compared")

    def path(self, kind: str) -> Path:
        return self.storm.stage.folder / f"{self.number}.{KINDS[kind][1]}"

    def render(self, kind: str) -> None:
        process = self.client("render", *KINDS[kind][0], "--quiet", "--out", self.path(kind),
                              *self.where)
        self.storm.figures.add("jobs")
        if self.end(process, 0, BUSY)[0] == 0:
            self.check(self.path(kind), kind)

    def give_up(self, kind: str) -> None:
        """kill -9 of the client: its job ends by itself."""
        process = self.client("render", *KINDS[kind][0], "--quiet", "--out", self.path(kind),
                              *self.where)
        self.storm.figures.add("jobs")
        self.storm.is_over.wait(self.random.uniform(0, 1.5))
        process.kill()
        with self.storm.starting:
            self.storm.stage.forget(process)
        self.storm.figures.add("clients killed")
        for path in self.storm.stage.folder.glob(f"*{self.path(kind).name}*"):
            path.unlink()

    def keep(self, kind: str) -> None:
        """submit, and wait for it from another client, of which the first may be killed."""
        process = self.client("submit", *KINDS[kind][0], *self.where)
        self.storm.figures.add("jobs")
        status, out = self.end(process, 0, BUSY)
        if status != 0:
            return
        job = out.split()[0]
        wait = ["wait", job, "--release", "--out", self.path(kind), "--quiet", *self.where]
        if self.random.random() < 0.3:
            process = self.client(*wait)
            self.storm.is_over.wait(self.random.uniform(0, 1))
            process.kill()
            with self.storm.starting:
                self.storm.stage.forget(process)
            self.storm.figures.add("clients killed")
        # The killed one may have been done with the job: its file appears whole or not at all.
        while not self.path(kind).exists():
            if self.end(self.client(*wait), 0, BUSY)[0] == BUSY:
                # What the killed one read counts as read until its silence has been noticed.
                self.storm.is_over.wait(0.5)
        self.release(job)
        self.check(self.path(kind), kind)

    def release(self, job: str) -> None:
        """The killed one may have had its file and not yet released the job. A question is not
        repeated by itself: the broker may have died with it."""
        order = ["cancel", job, *self.where[:2], "--timeout", "2"]
        while self.end(self.client(*order), 0, NOT_FOUND, UNAVAILABLE)[0] == UNAVAILABLE:
            pass


class Storm(Weather):
    def __init__(self, stage: Stage) -> None:
        self.expected = quiet_pictures(stage)
        super().__init__(stage, SEED, Climate(WORKERS, CHILDREN, BROKER_LIFE_S, WORKER_LIFE_S),
                         "--memory", MEMORY)

    def check_memory(self) -> None:
        early = [kib for when, kib in self.figures.memory if when < SECONDS / 2]
        late = [kib for when, kib in self.figures.memory if when >= SECONDS / 2]
        assert max(early + late) < BROKER_KIB, f"the broker had {max(early + late)} KiB"
        if late:
            assert max(late) < max(early) * 1.25 + DRIFT_KIB, (
                f"the broker's memory grew from {max(early)} to {max(late)} KiB")

    def calm(self) -> None:
        self.heal(everything=True)
        wait_until(lambda: not self.durable.broker.jobs(), "the end of all jobs", 2 * PATIENCE_S)
        history = self.durable.broker.history()
        self.figures.add("retries", sum(entry["retries"] for entry in history))
        self.figures.add("jobs in history", len(history))
        self.settle()


def quiet_pictures(stage: Stage) -> dict[str, str]:
    """What the same requests give when nobody dies and memory is ample."""
    broker = stage.broker()
    worker = stage.worker(broker, processes=2)
    pictures = {}
    for kind, (arguments, ending) in KINDS.items():
        path = stage.render(broker, f"quiet.{ending}", *arguments)
        pictures[kind] = sha(path)
        path.unlink()
    assert worker.stop().status == 0 and broker.process.stop().status == 0
    return pictures


def test_storm(stage: Stage, capsys: object) -> None:
    with capsys.disabled():  # type: ignore[attr-defined]
        print(f"\nstorm of {SECONDS:.0f} s on {WORKERS} workers, seed {SEED}", flush=True)
        storm = Storm(stage)
        painters = [Painter(storm, number) for number in range(CLIENTS)]
        for painter in painters:
            painter.start()
        try:
            storm.rage(lambda: storm.age_s() >= SECONDS)
        finally:
            storm.is_over.set()
            storm.heal(everything=True)
            for painter in painters:
                while painter.is_alive():
                    painter.join(0.1)
                    storm.heal(everything=True)
        assert not storm.figures.faults, storm.figures.faults
        storm.check_memory()
        storm.calm()
        print(f"storm over: {storm.figures.line()}", flush=True)
    assert storm.figures.counts["pictures compared"] > 0
    assert not images() and SHM.is_dir()
