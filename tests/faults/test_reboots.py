"""The broker dies again and again, or with the whole machine: what is not rendered again, and what a
checkpoint saves."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable import IS_LONG, Durable, line_of, sha
from harness import CUSP_COLUMNS, CUSP_COUNTS, PATIENCE_S, Stage, heavy, wait_until
from phoenix import CHECKPOINT_STEPS, STEPS, STEPS_BROKER, Phoenix, Story, needs_steps

ROWS = 256  # of the heavy view, in tiles of
TILE_ROWS = 4
TILES = ROWS // TILE_ROWS
SYSTEM, BUSY = 71, 75

pytestmark = needs_steps


def test_the_broker_knows_every_step() -> None:
    program = Path(STEPS_BROKER).read_bytes()
    assert [name for name in STEPS if name.encode() + b"\0" not in program] == []


@pytest.mark.parametrize("kind, step, count", [
    ("ordinary", "tile-applied", 2), ("ordinary", "tile-marked", 1), ("ordinary", "job-stored", 1),
    ("ordinary", "finished-told", 1), ("banded", "release-taken", 2), ("banded", "image-made", 1),
    ("kept", "job-recorded", 1), ("counted", "grid-committed", 3), ("counted", "rows-summed", 1),
    ("kept and counted", "finished-told", 1)])
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


@pytest.mark.parametrize("step, count", [("image-made", 2), ("grid-committed", 3),
                                         ("rows-summed", 1), ("image-dropped", 2),
                                         ("job-finished-marked", 1), ("job-recorded", 1)])
@pytest.mark.parametrize("kind", ["counted", "kept and counted"])
def test_a_reboot_without_grids(stage: Stage, kind: str, step: str, count: int) -> None:
    """All samples are counted again."""
    if not IS_LONG and "kept" in kind and step != "job-recorded":
        pytest.skip("the same as one that is not kept; BROT_FAULTS=long runs it")
    assert Story(stage, kind).play((step, count), is_reboot=True) == 1


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
    rows = 32
    stage.render(None, "expected.npy", *heavy(rows), "--workers", "2")
    folder = stage.folder / "checkpoints"
    durable = Durable(stage, "--tile-rows", 1, "--checkpoint-dir", folder,
                      "--checkpoint-every", 0.1)
    phoenix = Phoenix(stage, durable, [(step, 2)], is_reboot=True)
    try:
        # One worker of the plainest kernel: the job takes several checkpoints.
        stage.worker(durable.broker, "--kernel", "scalar")
        stage.render(durable.broker, "a.npy", *heavy(rows), "--timeout", "60")
        assert phoenix.end() == 1
        status = phoenix.ask("STATUS")["status"]
    finally:
        phoenix.close()
    assert sha(stage.folder / "a.npy") == sha(stage.folder / "expected.npy")
    assert 0 < status["tiles_done"] < rows
    assert status["iterations"] < rows * CUSP_COLUMNS * min(CUSP_COUNTS)
    durable.finish()
    wait_until(lambda: not list(folder.glob("*.ckpt")), "the end of the checkpoint", PATIENCE_S)


def test_checkpoints_are_of_one_store(stage: Stage) -> None:
    """Another one knows none of the jobs, and would take their checkpoints for forgotten ones."""
    folder = stage.folder / "checkpoints"
    durable = Durable(stage, "--checkpoint-dir", folder)
    durable.start()
    other = ["brot-broker", "--clients", f"ipc://{stage.folder}/x", "--workers",
             f"ipc://{stage.folder}/y", "--state-dir", stage.folder / "other",
             "--checkpoint-dir", folder]
    refused = stage.start(*other)
    assert refused.wait().status == BUSY and str(folder) in line_of(refused)
    durable.finish()
    (folder / "0000000000000001.ckpt").touch()
    refused = stage.start(*other)
    assert refused.wait().status == SYSTEM and "of one store alone" in line_of(refused)
    (folder / "0000000000000001.ckpt").unlink()
