"""Fixtures of the tests of faults. The helpers are those of the end-to-end tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from harness import open_stage  # noqa: E402  pylint: disable=wrong-import-position

stage = pytest.fixture(open_stage, name="stage")
