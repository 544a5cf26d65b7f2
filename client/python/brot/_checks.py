"""What callers give besides a request, checked: an error names it, the rule and the value."""

from __future__ import annotations

import math
import numbers
import os
import threading
from typing import Any

from .errors import RequestError


def shown(value: object) -> str:
    """A value as an error says it: never long, whatever it is."""
    try:
        found = repr(value)
    except Exception:  # pylint: disable=broad-except
        found = f"a {type(value).__name__}"  # a number of too many digits
    return found if len(found) <= 60 else found[:57] + "..."


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number of any type, NumPy's too. RequestError.

    >>> import numpy as np
    >>> whole("threads", np.uint8(2), 0, 256)
    2
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:
        raise RequestError(f"{name}: must be a whole number, {least} to {most}, got {shown(value)}")
    return int(value)


def seconds(name: str, value: Any) -> float | None:
    """A time to wait, None for ever; one that no clock can wait for is the longest that one can.
    RequestError."""
    if value is None:
        return None
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not value >= 0:
        raise RequestError(f"{name}: must be seconds, at least 0, got {shown(value)}")
    return float(min(value, math.floor(threading.TIMEOUT_MAX)))


def text(name: str, value: Any) -> str:
    """A text that JSON and paths can hold. RequestError."""
    if not isinstance(value, str) or "\0" in value or not is_utf8(value):
        raise RequestError(f"{name}: must be a text of UTF-8 without NUL, got {shown(value)}")
    return value


def is_utf8(value: str) -> bool:
    return not any(0xd800 <= ord(character) < 0xe000 for character in value)


def path(name: str, value: Any) -> str:
    """A path of a file, as a text, bytes or os.PathLike. RequestError."""
    try:
        found = os.fsdecode(value)
    except TypeError:
        found = "\0"
    if "\0" in found:
        raise RequestError(f"{name}: must be a path, got {shown(value)}")
    return found


def callback(name: str, value: Any) -> None:
    """TypeError where it cannot be called."""
    if not callable(value):
        raise TypeError(f"{name}: must be callable, got {shown(value)}")
