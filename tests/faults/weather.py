"""What a storm does to a service: workers are killed and stopped, brokers are killed, all at
random, and whoever is missing is started again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from durable import Durable, memory_kib
from harness import Process, Stage

LINE_S = 60.0  # between two lines that say how it goes
COMMITTED = "grid committed job="  # as the broker's log has it


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


@dataclass
class Climate:
    workers: int
    children: int  # of one parent
    broker_life_s: float  # on average
    worker_life_s: float
    log_level: str = "warning"
    program: str | list[str] = "brot-broker"
    environment: dict[str, str] = field(default_factory=dict)  # of each broker


class Weather:
    """A service with its own random numbers: the same seed strikes the same, as far as the system
    lets it."""

    def __init__(self, stage: Stage, seed: int, climate: Climate, *arguments: object) -> None:
        self.stage = stage
        self.climate = climate
        self.figures = Figures()
        self.random = random.Random(seed)
        self.starting = threading.Lock()
        self.is_over = threading.Event()
        self.durable = Durable(stage, "--log-level", climate.log_level, *arguments)
        self.start_broker()
        parents = max(1, climate.workers // climate.children)
        self.parents = [self.start_parent() for _ in range(parents)]
        self.stopped: dict[int, float] = {}  # when to continue it
        self.began_s = time.monotonic()

    def start_broker(self) -> None:
        self.durable.start(program=self.climate.program, environment=self.climate.environment)

    def start_parent(self) -> Process:
        with self.starting:
            return self.stage.worker(self.durable.broker, "--log-level", "warning",
                                     processes=min(self.climate.children, self.climate.workers))

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

    def note_commits(self) -> None:
        """Of the present life of the broker."""
        commits = self.durable.broker.process.err().count(COMMITTED)
        if commits > 0:
            self.figures.add("grids committed", commits)

    def kill_broker(self) -> None:
        old = self.durable.broker.process
        self.durable.kill()
        self.figures.add("broker deaths")
        self.note_commits()
        with self.starting:
            self.stage.forget(old)
            self.start_broker()

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
        self.figures.memory.append((self.age_s(), memory_kib(broker.pid)))

    def age_s(self) -> float:
        return time.monotonic() - self.began_s

    def rage(self, is_enough: Callable[[], bool]) -> None:
        strike_s = kill_s = self.began_s
        line_s = self.began_s + LINE_S
        strikes_per_s = self.climate.workers / self.climate.worker_life_s
        while not is_enough() and not self.figures.faults:
            now_s = time.monotonic()
            if now_s >= strike_s:
                self.strike()
                strike_s = now_s + self.random.expovariate(strikes_per_s)
            if now_s >= kill_s:
                if kill_s > self.began_s:
                    self.kill_broker()
                kill_s = now_s + 0.5 + self.random.expovariate(1 / self.climate.broker_life_s)
            self.heal()
            self.look()
            if now_s >= line_s:
                line_s += LINE_S
                print(f"{self.age_s():.0f} s: {self.figures.line()}", flush=True)
            self.is_over.wait(0.05)

    def settle(self) -> None:
        """Once nobody asks for anything any more: all is as if nothing had been."""
        self.heal(everything=True)
        self.note_commits()
        for parent in self.parents:
            assert parent.stop().status == 0, parent.err()
        self.durable.finish()
