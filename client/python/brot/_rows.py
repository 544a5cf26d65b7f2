"""Which rows of a picture are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


def runs(mask: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and number of the rows of each run of True.

    >>> list(runs(np.array([True, True, False, True])))
    [(0, 2), (3, 1)]
    """
    edges: npt.NDArray[Any] = np.flatnonzero(np.diff(np.concatenate(([0], mask.view(np.int8), [0]))))
    for first, end in edges.reshape(-1, 2).tolist():
        yield first, end - first
