"""Fixtures of the tests of the Python package: the harness of tests/e2e, and the package itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "client" / "python"), str(ROOT / "tests" / "e2e")]

# pylint: disable-next=wrong-import-position
from harness import Broker, Process, Stage, open_stage  # noqa: E402

stage = pytest.fixture(open_stage, name="stage")


@pytest.fixture(name="broker")
def a_broker(stage: Stage) -> Broker:
    """A broker with two workers."""
    broker = stage.broker()
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    return broker


def same(one: Any, other: Any) -> bool:
    """Whether two results have the same type, shape and bytes."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return bool(one.dtype == other.dtype and one.shape == other.shape
                and one.tobytes() == other.tobytes())


def program(stage: Stage, text: str, *arguments: object) -> Process:
    """A Python program that has the package."""
    return stage.start([sys.executable, "-c", text, *map(str, arguments)],
                       environment={"PYTHONPATH": str(ROOT / "client" / "python"),
                                    "PYTHONDONTWRITEBYTECODE": "1"})


@pytest.fixture(name="ctrl_c")
def an_interrupt_is_heard() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where it was ignored when these tests began."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(name="library")
def a_library() -> Path:
    """The file of libbrot that is tested."""
    return Path(os.environ["LIBBROT"]).resolve()
