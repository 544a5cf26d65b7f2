"""The broker dies at each step of a job's life, and the job does not notice."""

from __future__ import annotations

import pytest

from durable import IS_LONG
from harness import Stage
from phoenix import CHECKPOINT_STEPS, JOB_STEPS, Story, needs_steps

KINDS = ["ordinary", "kept", "banded", "cancelled"]
# Steps that a job which is cancelled before it has a worker does not come to. Any other step must
# be reached by every kind.
NOT_CANCELLED = {"tile-applied", "tile-marked", "job-finished-marked", "job-recorded",
                 "finished-told", "release-taken"}

pytestmark = needs_steps


def test_the_steps_are_there() -> None:
    """A list that grep did not find would test nothing."""
    assert len(JOB_STEPS) >= 8 and len(CHECKPOINT_STEPS) >= 1


@pytest.mark.parametrize("step", JOB_STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_death_at_a_step(stage: Stage, kind: str, step: str) -> None:
    if not IS_LONG and kind == "kept" and step in NOT_CANCELLED - {"job-recorded",
                                                                        "release-taken"}:
        pytest.skip("the same as an ordinary one; BROT_FAULTS=long runs it")
    died = Story(stage, kind).play((step, 1))
    assert died == (0 if kind == "cancelled" and step in NOT_CANCELLED else 1)
