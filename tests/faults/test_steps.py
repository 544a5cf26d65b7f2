"""The broker dies at each step of a job's life, and the job does not notice."""

from __future__ import annotations

import pytest

from durable import IS_LONG
from harness import Stage
from phoenix import CHECKPOINT_STEPS, JOB_STEPS, Story, needs_steps

KINDS = ["ordinary", "kept", "banded", "cancelled", "counted", "kept and counted"]
TILE_STEPS = {"tile-applied", "tile-marked"}
GRID_STEPS = {"grid-committed", "rows-summed"}
# Steps that a job which is cancelled before it has a worker does not come to.
NOT_CANCELLED = TILE_STEPS | GRID_STEPS | {"job-finished-marked", "job-recorded", "finished-told",
                                           "release-taken"}

pytestmark = needs_steps


def is_reached(kind: str, step: str) -> bool:
    """All other steps must be reached by every kind."""
    if kind == "cancelled":
        return step not in NOT_CANCELLED
    return step not in (TILE_STEPS if "counted" in kind else GRID_STEPS)


def test_the_steps_are_there() -> None:
    """A list that grep did not find would test nothing."""
    assert len(JOB_STEPS) >= 10 and len(CHECKPOINT_STEPS) >= 1
    assert TILE_STEPS | GRID_STEPS < set(JOB_STEPS)


@pytest.mark.parametrize("step", JOB_STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_death_at_a_step(stage: Stage, kind: str, step: str) -> None:
    if not is_reached(kind, step) and kind != "cancelled":
        pytest.skip("a job of this kind has no such step")
    is_same = "kept" in kind and step in NOT_CANCELLED - {"job-recorded", "release-taken"}
    if not IS_LONG and is_same:
        pytest.skip("the same as one that is not kept; BROT_FAULTS=long runs it")
    assert Story(stage, kind).play((step, 1)) == is_reached(kind, step)


@pytest.mark.parametrize("step, count", [
    ("image-made", 2),  # the first is the picture itself, the others are its grids
    ("image-made", 3), ("image-made", 5), ("grid-committed", 2), ("grid-committed", 3),
    ("grid-committed", 5), ("rows-summed", 2), ("rows-summed", 3), ("image-dropped", 2),
    ("image-dropped", 4)])
@pytest.mark.parametrize("kind", ["counted", "kept and counted"])
def test_a_death_among_the_grids(stage: Stage, kind: str, step: str, count: int) -> None:
    """With some made, committed, in a sum or in the picture, and others not."""
    if not IS_LONG and "kept" in kind and count > 2:
        pytest.skip("the same as one that is not kept; BROT_FAULTS=long runs it")
    assert Story(stage, kind).play((step, count)) == 1
