"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A folder and programs of the test's own; the test fails if it leaves anything behind."""
    made = Stage()
    try:
        yield made
    finally:
        try:
            made.close()
        finally:
            print(made.log)
