"""The broker dies at each step of a job's life, and the job does not notice.

The steps are those that the sources name: a broker built with -DBROT_STEPS kills itself at one.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest

import wire
from durable import IS_LONG, Durable, images, sha
from harness import (CUSP_COLUMNS, CUSP_COUNTS, PATIENCE_S, SHM, Process, Stage, heavy,
                     wait_until)

STEPS_BROKER = os.environ.get("BROT_STEPS_BROKER", "")
ROOT = Path(__file__).parents[2]
STEPS = sorted({name for folder in ("broker", "proto") for path in (ROOT / folder).rglob("*.c")
                for name in re.findall(r'\bstep_reached\("([^"]+)"\)', path.read_text())})
CHECKPOINT_STEPS = [name for name in STEPS if name.startswith("checkpoint")]
JOB_STEPS = [name for name in STEPS if name not in CHECKPOINT_STEPS]

SMALL = ["--view", "seahorse", "--size", "320x240", "--iterations", "2000"]
TALL = ["--view", "seahorse", "--size", "600x1501", "--iterations", "500"]
MEMORY = "1M"  # too little for the tall picture, which comes in bands
KINDS = ["ordinary", "kept", "banded", "cancelled"]
# Steps that a job which is cancelled before it has a worker does not come to. Any other step must
# be reached by every kind.
NOT_CANCELLED = {"tile-applied", "tile-marked", "job-finished-marked", "job-recorded",
                 "finished-told", "release-taken"}
# What may be said by a client that asked for the end of a job that had just ended.
NOT_FOUND, UNAVAILABLE = 66, 69

ROWS = 256  # of the heavy view, in tiles of
TILE_ROWS = 4
TILES = ROWS // TILE_ROWS

pytestmark = pytest.mark.skipif(not STEPS or not STEPS_BROKER,
                                reason="the sources name no steps")


def test_the_steps_are_there() -> None:
    """A list that grep did not find would test nothing."""
    assert len(JOB_STEPS) >= 8 and len(CHECKPOINT_STEPS) >= 1


class Phoenix(threading.Thread):
    """Starts the broker again whenever it has killed itself at a step, to die at the next one."""

    def __init__(self, stage: Stage, durable: Durable, deaths: list[tuple[str, int]],
                 is_reboot: bool = False) -> None:
        super().__init__()
        self.stage = stage
        self.durable = durable
        self.planned = list(deaths)
        self.deaths = 0
        self.is_reboot = is_reboot
        self.is_over = threading.Event()
        self.fault: BaseException | None = None
        self.begin()
        self.start()

    def begin(self) -> None:
        environment = {}
        if self.planned:
            step, count = self.planned.pop(0)
            environment = {"BROT_DIE_AT": step, "BROT_DIE_COUNT": str(count)}
        self.durable.start(program=[STEPS_BROKER], environment=environment)

    def run(self) -> None:
        try:
            while not self.is_over.wait(0.01):
                if not self.durable.broker.process.is_running():
                    self.durable.wait_dead()
                    self.deaths += 1
                    if self.is_reboot:
                        wait_until(lambda: not self.stage.sockets(), "the end of its sockets")
                        for name in images():
                            (SHM / name).unlink()
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
        self.request = TALL if kind == "banded" else SMALL
        memory = ["--memory", MEMORY] if kind == "banded" else []
        self.expected = stage.render(None, "expected.png", *self.request, "--workers", "2")
        self.durable = Durable(stage, "--tile-rows", 40, *memory)
        self.out = stage.folder / "a.png"

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
        self.stage.worker(self.durable.broker, processes=2)
        if self.kind == "kept":
            job = self.ends(self.client("submit", *self.request)).split()[0]
            self.ends(self.client("wait", job, "--out", self.out, "--quiet",
                                  "--release"))
        else:
            self.ends(self.client("render", *self.request, "--out", self.out, "--quiet"))
        assert sha(self.out) == sha(self.expected)

    def play(self, *deaths: tuple[str, int], is_reboot: bool = False) -> int:
        phoenix = Phoenix(self.stage, self.durable, list(deaths), is_reboot)
        try:
            self.tell()
            died = phoenix.end()
        finally:
            phoenix.close()
        self.durable.finish()
        return died


@pytest.mark.parametrize("step", JOB_STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_death_at_a_step(stage: Stage, kind: str, step: str) -> None:
    if not IS_LONG and kind == "kept" and step in NOT_CANCELLED - {"job-recorded",
                                                                        "release-taken"}:
        pytest.skip("the same as an ordinary one; BROT_FAULTS=long runs it")
    died = Story(stage, kind).play((step, 1))
    assert died == (0 if kind == "cancelled" and step in NOT_CANCELLED else 1)


@pytest.mark.parametrize("kind, step, count", [
    ("ordinary", "tile-applied", 2), ("ordinary", "tile-marked", 1), ("ordinary", "job-stored", 1),
    ("ordinary", "finished-told", 1), ("banded", "release-taken", 2), ("banded", "image-made", 1),
    ("kept", "job-recorded", 1)])
def test_the_same_death_again_and_again(stage: Stage, kind: str, step: str, count: int) -> None:
    died = Story(stage, kind).play(*[(step, count)] * 4)
    assert died >= 1


@pytest.mark.parametrize("step", ["job-stored", "image-made", "tile-marked", "job-recorded",
                                  "finished-told", "release-taken"])
@pytest.mark.parametrize("kind", ["ordinary", "kept", "banded"])
def test_a_reboot(stage: Stage, kind: str, step: str) -> None:
    """No image is left when the broker comes back: the job starts again from its request."""
    if not IS_LONG and kind == "kept" and step not in ("tile-marked", "finished-told"):
        pytest.skip("the same as an ordinary one; BROT_FAULTS=long runs it")
    assert Story(stage, kind).play((step, 2 if step == "tile-marked" else 1), is_reboot=True) == 1


@pytest.mark.parametrize("step, least", [("tile-marked", 20), ("tile-applied", 19)])
def test_tiles_that_are_done_are_not_rendered_again(stage: Stage, step: str, least: int) -> None:
    stage.render(None, "expected.npy", *heavy(ROWS), "--workers", "2")
    durable = Durable(stage, "--tile-rows", TILE_ROWS)
    phoenix = Phoenix(stage, durable, [(step, 20)])
    try:
        stage.worker(durable.broker, processes=2)
        stage.render(durable.broker, "a.npy", *heavy(ROWS))
        assert phoenix.end() == 1
        assert 0 < phoenix.ask("STATUS")["status"]["tiles_done"] <= TILES - least
    finally:
        phoenix.close()
    assert sha(stage.folder / "a.npy") == sha(stage.folder / "expected.npy")
    durable.finish()


@pytest.mark.parametrize("step", CHECKPOINT_STEPS)
def test_a_reboot_with_a_checkpoint(stage: Stage, step: str) -> None:
    """The second is cut short; what the first one holds is not rendered again."""
    stage.render(None, "expected.npy", *heavy(4 * ROWS), "--workers", "2")
    folder = stage.folder / "checkpoints"
    durable = Durable(stage, "--tile-rows", TILE_ROWS, "--checkpoint-dir", folder,
                      "--checkpoint-every", 1)
    phoenix = Phoenix(stage, durable, [(step, 2)], is_reboot=True)
    try:
        # One worker of the plainest kernel: the job takes several checkpoints.
        stage.worker(durable.broker, "--kernel", "scalar")
        stage.render(durable.broker, "a.npy", *heavy(4 * ROWS), "--timeout", "60")
        assert phoenix.end() == 1
        status = phoenix.ask("STATUS")["status"]
    finally:
        phoenix.close()
    assert sha(stage.folder / "a.npy") == sha(stage.folder / "expected.npy")
    assert 0 < status["tiles_done"] < 4 * TILES
    assert status["iterations"] < 4 * ROWS * CUSP_COLUMNS * min(CUSP_COUNTS)
    durable.finish()
    wait_until(lambda: not list(folder.iterdir()), "the end of the checkpoint", PATIENCE_S)
