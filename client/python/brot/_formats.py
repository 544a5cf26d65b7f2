"""The formats of PROTOCOL.md, section 6: their planes, and the arrays that they become.

>>> import numpy as np
>>> whole, fraction = np.array([[3, 2**32 - 1]], "u4"), np.array([[0.5, 0]], "f4")
>>> FORMATS["smooth"].assemble([whole, fraction])
array([[3.5, inf]])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._checks import shown
from .errors import RequestError

Array = npt.NDArray[Any]
Result = Array | dict[str, Array]

INSIDE = np.uint32(2**32 - 1)  #: in plane ``whole``


@dataclass(frozen=True, slots=True)
class Plane:
    """One array of an image. ``code`` is its type in an image's header."""

    name: str
    code: int
    dtype: str
    channels: int

    @property
    def pixel_bytes(self) -> int:
        return np.dtype(self.dtype).itemsize * self.channels

    def shape(self, rows: int, width: int) -> tuple[int, ...]:
        return (rows, width) if self.channels == 1 else (rows, width, self.channels)


PLANES: dict[str, Plane] = {plane.name: plane for plane in (
    Plane("rgb8", 1, "<u1", 3),
    Plane("iterations", 2, "<u4", 1),
    Plane("whole", 3, "<u4", 1),
    Plane("fraction", 4, "<f4", 1),
    Plane("rgb16", 5, "<u2", 3),
    Plane("distance", 6, "<f4", 2),
    Plane("phase", 7, "<f4", 1),
    Plane("period", 8, "<u4", 1),
    Plane("interior", 9, "<f4", 1),
    Plane("density", 10, "<u8", 1),
    Plane("density32", 11, "<u4", 1),
)}


@dataclass(frozen=True, slots=True)
class Format:
    """A list of planes under a name."""

    name: str
    planes: tuple[Plane, ...]

    @property
    def is_picture(self) -> bool:
        """Whether its values are colours."""
        return self.name in ("rgb8", "rgb16")

    def row_bytes(self, width: int) -> int:
        """Of a row in all planes."""
        return width * sum(plane.pixel_bytes for plane in self.planes)

    def empty(self, rows: int, width: int) -> list[Array]:
        """An array for each plane, not cleared."""
        try:
            return [np.empty(plane.shape(rows, width), plane.dtype) for plane in self.planes]
        except (MemoryError, ValueError):
            raise RequestError(f"size: {width} x {rows} pixels of format {self.name} do not fit "
                               "this process") from None

    def assemble(self, arrays: Sequence[Array]) -> Result:
        """What a caller gets, of an array for each plane (h, w) or (h, w, channels): the array
        itself where there is one plane; f64 (h, w) of ``smooth``, infinity inside; (h, w, 3) of
        ``nebula`` and ``nebula32``; of ``raw`` a dict of all planes by their names."""
        if len(arrays) == 1:
            return arrays[0]
        if self.name == "raw":
            return {plane.name: array for plane, array in zip(self.planes, arrays)}
        if self.name == "smooth":
            whole, fraction = arrays
            value = np.add(whole, fraction, dtype=np.float64)
            value[whole == INSIDE] = np.inf
        else:
            value = np.stack(arrays, axis=-1)
        value.flags.writeable = False
        return value


def _format(name: str, *planes: str) -> Format:
    return Format(name, tuple(PLANES[plane] for plane in planes or (name,)))


FORMATS: dict[str, Format] = {made.name: made for made in (
    _format("rgb8"),
    _format("rgb16"),
    _format("iterations"),
    _format("smooth", "whole", "fraction"),
    _format("distance"),
    _format("phase"),
    _format("raw", "iterations", "whole", "fraction", "distance", "phase", "period", "interior"),
    _format("density"),
    _format("density32"),
    _format("nebula", "density", "density", "density"),
    _format("nebula32", "density32", "density32", "density32"),
)}


def freeze(arrays: Sequence[Array]) -> None:
    """Nobody writes to them any more."""
    for array in arrays:
        array.flags.writeable = False


def by_name(name: object) -> Format:
    """RequestError where there is no such format."""
    found = FORMATS.get(name) if isinstance(name, str) else None
    if found is None:
        raise RequestError(f"format: must be one of {', '.join(FORMATS)}, got {shown(name)}")
    return found


def named(format_: Format, arrays: Sequence[Array]) -> dict[str, Array]:
    """The planes by their names; the second and third of the same name have a 1 and 2 behind."""
    found: dict[str, Array] = {}
    for index, (plane, array) in enumerate(zip(format_.planes, arrays)):
        found[f"{plane.name}{index}" if plane.name in found else plane.name] = array
    return found
