"""A broker that kills itself at a named step of a job's life and comes back, and what a user does
meanwhile.

The steps are those that the sources name: a broker built with -DBROT_STEPS kills itself at one.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path

import pytest

import wire
from durable import Durable, images, sha
from harness import SHM, NotStarted, Process, Stage, wait_until

STEPS_BROKER = os.environ.get("BROT_STEPS_BROKER", "")
ROOT = Path(__file__).parents[2]
STEPS = sorted({name for folder in ("broker", "proto") for path in (ROOT / folder).rglob("*.c")
                for name in re.findall(r'\bstep_reached\("([^"]+)"\)', path.read_text())})
CHECKPOINT_STEPS = [name for name in STEPS if name.startswith("checkpoint")]
JOB_STEPS = [name for name in STEPS if name not in CHECKPOINT_STEPS]

SMALL = ["--view", "seahorse", "--size", "320x240", "--iterations", "2000"]
TALL = ["--view", "seahorse", "--size", "600x1501", "--iterations", "500"]
COUNTED = ["--kind", "buddhabrot", "--view", "-0.4,0.013,3.1", "--size", "120x91", "--points",
           "1500000", "--iterations", "2000", "--bands", "1:20,10:100,50:2000", "--no-shortcuts",
           "--format", "nebula"]
MEMORY = "1M"  # too little for the tall picture, which comes in bands
# A counted picture has several grids, of a few tiles each, and cells that wrap in each of them.
GRIDS = {"BROT_GRID_MS": "40", "BROT_GRID_WRAP": "50"}
# What may be said by a client that asked for the end of a job that had just ended.
NOT_FOUND, UNAVAILABLE = 66, 69

needs_steps = pytest.mark.skipif(not STEPS_BROKER, reason="BROT_STEPS_BROKER names no broker")


class Phoenix(threading.Thread):
    """Starts the broker again whenever it has killed itself at a step, to die at the next one."""

    def __init__(self, stage: Stage, durable: Durable, deaths: list[tuple[str, int]],
                 is_reboot: bool = False, settings: dict[str, str] | None = None) -> None:
        super().__init__()
        self.stage = stage
        self.durable = durable
        self.planned = list(deaths)
        self.deaths = 0
        self.is_reboot = is_reboot
        self.settings = settings or {}  # of every life: numbers of its steps
        self.is_over = threading.Event()
        self.fault: BaseException | None = None
        self.begin()
        self.start()

    def begin(self) -> None:
        while self.planned:
            step, count = self.planned.pop(0)
            try:
                self.start_broker({"BROT_DIE_AT": step, "BROT_DIE_COUNT": str(count)})
                return
            except NotStarted as early:  # a job of the life before has come to the step already
                assert early.process.wait().status == -signal.SIGKILL, early.process.err()
                self.bury()
        self.start_broker({})

    def start_broker(self, environment: dict[str, str]) -> None:
        self.durable.start(program=[STEPS_BROKER], environment={**self.settings, **environment})

    def bury(self) -> None:
        self.deaths += 1
        if self.is_reboot:
            wait_until(lambda: not self.stage.sockets(), "the end of its sockets")
            for name in images():
                (SHM / name).unlink()

    def run(self) -> None:
        try:
            while not self.is_over.wait(0.01):
                if not self.durable.broker.process.is_running():
                    self.durable.wait_dead()
                    self.bury()
                    self.begin()
        except BaseException as fault:  # pylint: disable=broad-except  # told by end()
            self.fault = fault

    def ask(self, name: str, **body: object) -> dict:
        """A report, though the broker may die meanwhile."""
        answers: list[dict] = []

        def has_answered() -> bool:
            assert self.fault is None, self.fault
            with wire.Client(self.durable.url) as client:
                client.send(name, body=body)
                if not client.is_silent(1.0):
                    answers.append(client.receive().body)
            return bool(answers)
        wait_until(has_answered, f"an answer to {name}")
        return answers[0]

    def end(self) -> int:
        """Once all jobs are history. How often the broker died."""
        wait_until(lambda: not self.ask("JOBS")["jobs"] and self.ask("HISTORY", limit=9)["history"],
                   "the end of the job")
        # A death that follows the end of the job comes within the same turn of the broker's loop.
        self.ask("STATUS")
        self.close()
        return self.deaths

    def close(self) -> None:
        self.is_over.set()
        self.join()
        if self.fault is not None:
            raise self.fault


class Story:
    """What a user does with a job of some kind, who knows nothing of the deaths."""

    def __init__(self, stage: Stage, kind: str) -> None:
        self.stage = stage
        self.kind = kind
        self.is_kept = "kept" in kind
        self.is_counted = "counted" in kind
        self.request = COUNTED if self.is_counted else TALL if kind == "banded" else SMALL
        memory = ["--memory", MEMORY] if kind == "banded" else []
        ending = "npy" if self.is_counted else "png"
        self.expected = stage.render(None, f"expected.{ending}", *self.request, "--workers", "2")
        self.durable = Durable(stage, "--tile-rows", 1 if self.is_counted else 40, *memory)
        self.out = stage.folder / f"a.{ending}"

    def client(self, *arguments: object, timeout_s: int = 60) -> Process:
        return self.stage.start("brot-client", *arguments, "--broker", self.durable.url,
                                "--timeout", timeout_s)

    def ends(self, process: Process) -> str:
        result = process.wait()
        assert result.status == 0, result.err
        return result.out

    def tell(self) -> None:
        if self.kind == "cancelled":
            job = self.ends(self.client("submit", *self.request)).split()[0]
            # A question is not repeated by itself: the answer may have died with the broker.
            asked = [self.client("cancel", job, timeout_s=2).wait().status]
            if asked == [UNAVAILABLE]:
                asked.append(self.client("cancel", job).wait().status)
            assert asked[-1] in (0, NOT_FOUND), asked
            return
        # The plainest kernel counts for long enough to fill several grids.
        kernel = ["--kernel", "scalar"] if self.is_counted else []
        self.stage.worker(self.durable.broker, *kernel, processes=2)
        if self.is_kept:
            job = self.ends(self.client("submit", *self.request)).split()[0]
            self.ends(self.client("wait", job, "--out", self.out, "--quiet",
                                  "--release"))
        else:
            self.ends(self.client("render", *self.request, "--out", self.out, "--quiet"))
        assert sha(self.out) == sha(self.expected)

    def play(self, *deaths: tuple[str, int], is_reboot: bool = False) -> int:
        phoenix = Phoenix(self.stage, self.durable, list(deaths), is_reboot,
                          GRIDS if self.is_counted else None)
        try:
            self.tell()
            died = phoenix.end()
        finally:
            phoenix.close()
        self.durable.finish()
        return died
