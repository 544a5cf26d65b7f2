"""Says verbs to a service: their answers, a job's number and row; and a broker with a store."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from harness import Broker, Result, Stage

USAGE, REQUEST, NOT_FOUND, UNAVAILABLE, DENIED, CANCELLED = 64, 65, 66, 69, 77, 130


def say(stage: Stage, broker: Broker, *words: object) -> Result:
    return stage.client(*words, "--broker", broker.url)


def submit(stage: Stage, broker: Broker, *words: object) -> int:
    result = say(stage, broker, "submit", *words)
    assert result.status == 0, result.err
    assert re.fullmatch(r"\d+\n", result.out), "the job's number alone"
    return int(result.out)


def row_of(broker: Broker, job: int) -> dict:
    (row,) = [row for row in broker.jobs() if row["job"] == job]
    return row


@pytest.fixture(name="durable")
def durable_broker(stage: Stage) -> Iterator[Broker]:
    """A broker with a store, which it leaves behind on purpose."""
    broker = stage.broker("--state-dir", stage.folder / "state")
    yield broker
    broker.process.stop()
    shutil.rmtree(stage.folder / "state")
