"""What callers give besides a request, checked: RequestError names it, the rule and the value."""

from __future__ import annotations

import math
import numbers
import threading
from typing import Any

from .errors import RequestError


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number of any type, NumPy's too.

    >>> import numpy as np
    >>> whole("threads", np.uint8(2), 0, 256)
    2
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:
        raise RequestError(f"{name}: must be a whole number, {least} to {most}, got {value!r}")
    return int(value)


def seconds(name: str, value: Any) -> float | None:
    """A time to wait, None for ever; one that no clock can wait for is the longest that one can."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not float(value) >= 0:
        raise RequestError(f"{name}: must be seconds, at least 0, got {value!r}")
    return min(float(value), math.floor(threading.TIMEOUT_MAX))
