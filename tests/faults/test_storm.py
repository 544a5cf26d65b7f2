"""Everything dies at random, for as long as one likes, and every picture is right.

BROT_STORM_S seconds, BROT_STORM_WORKERS worker processes, BROT_STORM_SEED. deploy/storm runs it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from durable import IS_LONG, Durable, images, memory_kib, sha
from harness import PATIENCE_S, SHM, Process, Stage, wait_until

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
LINE_S = 60.0  # between two lines that say how it goes
BUSY, NOT_FOUND, UNAVAILABLE = 75, 66, 69
# Of the broker's own memory: what one life may have, images not counted, and how much more it may
# have late in the storm than early.
BROKER_KIB = 200 << 10
DRIFT_KIB = 16 << 10

MEMORY = "24M"
# Arguments and the ending of the file. The last does not fit the memory: it comes in bands.
SCENE = ["--view", "seahorse", "--iterations", "3000"]
KINDS: dict[str, tuple[list[str], str]] = {
    "rgb8": ([*SCENE, "--size", "640x480", "--samples", "2"], "png"),
    "iterations": ([*SCENE, "--size", "800x600", "--format", "iterations"], "npy"),
    "smooth": ([*SCENE, "--size", "700x500", "--format", "smooth"], "npy"),
    "mirrored": (["--view", "-0.7,0,2.9", "--size", "900x701", "--iterations", "2000"], "ppm"),
    "julia": (["--view", "0,0,3", "--formula", "julia:-0.8,0.156", "--size", "640x480",
               "--iterations", "2000"], "png"),
    "banded": (["--view", "seahorse", "--size", "3000x3001", "--iterations", "300"], "png"),
}


@dataclass
class Figures:
    counts: Counter = field(default_factory=Counter)
    memory: list[tuple[float, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, count: int = 1) -> None:
        with self.lock:
            self.counts[name] += count

    def fault(self, sentence: str) -> None:
        with self.lock:
            self.faults.append(sentence)

    def line(self) -> str:
        with self.lock:
            words = [f"{count} {name}" for name, count in sorted(self.counts.items())]
            kib = self.memory[-1][1] if self.memory else 0
        return ", ".join([*words, f"broker {kib} KiB"])


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


class Storm:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.figures = Figures()
        self.random = random.Random(SEED)
        self.starting = threading.Lock()
        self.is_over = threading.Event()
        self.expected = self.quiet_pictures()
        self.durable = Durable(stage, "--memory", MEMORY, "--log-level", "warning")
        self.durable.start()
        self.parents = [self.start_parent() for _ in range(max(1, WORKERS // CHILDREN))]
        self.stopped: dict[int, float] = {}  # when to continue it
        self.began_s = time.monotonic()

    def quiet_pictures(self) -> dict[str, str]:
        """What the same requests give when nobody dies and memory is ample."""
        broker = self.stage.broker()
        worker = self.stage.worker(broker, processes=2)
        pictures = {}
        for kind, (arguments, ending) in KINDS.items():
            path = self.stage.render(broker, f"quiet.{ending}", *arguments)
            pictures[kind] = sha(path)
            path.unlink()
        assert worker.stop().status == 0 and broker.process.stop().status == 0
        return pictures

    def start_parent(self) -> Process:
        with self.starting:
            return self.stage.worker(self.durable.broker, "--log-level", "warning",
                                     processes=min(CHILDREN, WORKERS))

    def victims(self) -> list[int]:
        return sorted(self.stage.programs("brot-worker"))

    def kill_worker(self, victim: int) -> None:
        os.kill(victim, signal.SIGKILL)
        self.stopped.pop(victim, None)
        self.figures.add("workers killed")

    def stop_worker(self, victim: int) -> None:
        """Mostly for a moment, sometimes for longer than it takes to be given up."""
        os.kill(victim, signal.SIGSTOP)
        short = self.random.random() < 0.8
        self.stopped[victim] = time.monotonic() + (self.random.uniform(0.1, 2) if short else 12)
        self.figures.add("workers stopped")

    def heal(self, everything: bool = False) -> None:
        """Continues who was stopped for long enough, and starts parents anew."""
        now_s = time.monotonic()
        for victim, due_s in list(self.stopped.items()):
            if everything or now_s >= due_s:
                del self.stopped[victim]
                try:
                    os.kill(victim, signal.SIGCONT)
                except ProcessLookupError:
                    pass
        for number, parent in enumerate(self.parents):
            if not parent.is_running():
                assert parent.wait().status == -signal.SIGKILL, parent.err()
                with self.starting:
                    self.stage.forget(parent)
                self.parents[number] = self.start_parent()
                self.figures.add("workers started")

    def kill_broker(self) -> None:
        old = self.durable.broker.process
        self.durable.kill()
        self.figures.add("broker deaths")
        with self.starting:
            self.stage.forget(old)
            self.durable.start()

    def strike(self) -> None:
        try:
            victim = self.random.choice(self.victims())
            if self.random.random() < 0.5:
                self.kill_worker(victim)
            else:
                self.stop_worker(victim)
        except (IndexError, ProcessLookupError):
            pass  # it died meanwhile

    def look(self) -> None:
        broker = self.durable.broker.process
        assert broker.is_running(), f"the broker ended by itself: {broker.err()}"
        self.figures.memory.append((time.monotonic() - self.began_s, memory_kib(broker.pid)))

    def rage(self) -> None:
        end_s = self.began_s + SECONDS
        strike_s = kill_s = self.began_s
        line_s = self.began_s + LINE_S
        while (now_s := time.monotonic()) < end_s and not self.figures.faults:
            if now_s >= strike_s:
                self.strike()
                strike_s = now_s + self.random.expovariate(WORKERS / WORKER_LIFE_S)
            if now_s >= kill_s:
                if kill_s > self.began_s:
                    self.kill_broker()
                kill_s = now_s + 0.5 + self.random.expovariate(1 / BROKER_LIFE_S)
            self.heal()
            self.look()
            if now_s >= line_s:
                line_s += LINE_S
                print(f"{now_s - self.began_s:.0f} s: {self.figures.line()}", flush=True)
            self.is_over.wait(0.05)

    def check_memory(self) -> None:
        early = [kib for when, kib in self.figures.memory if when < SECONDS / 2]
        late = [kib for when, kib in self.figures.memory if when >= SECONDS / 2]
        assert max(early + late) < BROKER_KIB, f"the broker had {max(early + late)} KiB"
        if late:
            assert max(late) < max(early) * 1.25 + DRIFT_KIB, (
                f"the broker's memory grew from {max(early)} to {max(late)} KiB")

    def calm(self) -> None:
        """Afterwards all is as if nothing had been."""
        self.heal(everything=True)
        wait_until(lambda: not self.durable.broker.jobs(), "the end of all jobs", 2 * PATIENCE_S)
        history = self.durable.broker.history()
        self.figures.add("retries", sum(entry["retries"] for entry in history))
        self.figures.add("jobs in history", len(history))
        for parent in self.parents:
            assert parent.stop().status == 0, parent.err()
        self.durable.finish()


def test_storm(stage: Stage, capsys: object) -> None:
    with capsys.disabled():  # type: ignore[attr-defined]
        print(f"\nstorm of {SECONDS:.0f} s on {WORKERS} workers, seed {SEED}", flush=True)
        storm = Storm(stage)
        painters = [Painter(storm, number) for number in range(CLIENTS)]
        for painter in painters:
            painter.start()
        try:
            storm.rage()
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
