"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import pytest

from harness import open_stage

stage = pytest.fixture(open_stage, name="stage")
