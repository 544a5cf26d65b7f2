"""Which rows of a picture are there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def runs(mask: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and number of the rows of each run of True.

    >>> list(runs(np.array([True, True, False, True])))
    [(0, 2), (3, 1)]
    """
    padded = np.zeros(mask.size + 2, np.int8)
    padded[1:-1] = mask
    edges = np.flatnonzero(np.diff(padded))
    for first, end in edges.reshape(-1, 2).tolist():
        yield first, end - first
