"""Where to look, in the ways to say it: names, numbers, edges.

Pure. No coordinate passes through a float unless the caller gave one.

>>> read_view("-0.75, 0.1, 3e-5").view
{'re': '-0.75', 'im': '0.1', 'width': '3e-5'}
>>> read_view("-2:1,-1.5:1.5").view
{'re': '-0.5', 'im': '0', 'width': '3', 'height': '3.0'}
"""

from __future__ import annotations

import decimal
import difflib
import json
import numbers
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _checks, _limits
from ._wire import read_object
from .errors import FileError, NotFoundError, RequestError
from .views import VIEWS

Number = str | float | int | decimal.Decimal
ViewLike = (str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | npt.NDArray[Any]
            | None)

RANGE_WIDTH_PX = 1920  # of a picture of which edges alone are known
_DECIMAL = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?")
_EXACT = decimal.Context(prec=3 * 10000 + 2 * _limits.DECIMAL_CHARS, Emin=-99999, Emax=99999,
                         traps=[decimal.Inexact, decimal.InvalidOperation])


@dataclass(frozen=True, slots=True)
class Place:
    """What a view brings along: a view of a request, and other parts of one."""

    view: dict[str, Any] | None = None
    rest: dict[str, Any] = field(default_factory=dict)
    shape: float = 0.0  # height over width, where edges say so; else 0


def number_text(name: str, value: object) -> str:
    """A coordinate as a request has it. RequestError where it is none."""
    if isinstance(value, decimal.Decimal):
        text = str(value)
    elif isinstance(value, numbers.Integral):
        is_short = int(value).bit_length() < 4 * _limits.DECIMAL_CHARS
        text = str(int(value)) if is_short else ""
    elif isinstance(value, numbers.Real):
        text = repr(float(value))
    else:
        text = value.strip() if isinstance(value, str) else ""
    if not _DECIMAL.fullmatch(text) or len(text) > _limits.DECIMAL_CHARS:
        raise RequestError(f"{name}: must be a decimal number of at most {_limits.DECIMAL_CHARS} "
                           f"characters, got {_short(value)}")
    return text


def read_view(view: ViewLike) -> Place:
    """``"seahorse"``, ``"RE,IM,WIDTH"``, ``"XMIN:XMAX,YMIN:YMAX"``, ``"@request.json"``, a sequence
    ``(re, im, width)``, a mapping with ``re``, ``im``, ``width`` and perhaps ``height`` and
    ``rotate``, or a whole request document. RequestError, NotFoundError, FileError."""
    if view is None:
        return Place()
    if isinstance(view, str):
        return _read_text(view)
    if isinstance(view, os.PathLike):
        return Place(rest=_read_file(Path(_checks.path("view", view))))
    if isinstance(view, np.ndarray):
        view = view.tolist()
    if isinstance(view, Mapping):
        if "brot" in view:
            return Place(rest=dict(view))
        words = {str(key): value if key == "rotate" else number_text(f"view.{key}", value)
                 for key, value in view.items()}
        return Place(words)
    if isinstance(view, Sequence) and len(view) == 3:
        names = ("re", "im", "width")
        return Place({key: number_text(f"view.{key}", value) for key, value in zip(names, view)})
    raise RequestError("view: must be a text, (re, im, width) or a mapping with these, got "
                       f"{_short(view)}")


def read_formula(text: str) -> dict[str, Any]:
    """``formula`` and ``parameters`` of a request, of ``"julia:-0.8,0.156"`` and the like."""
    if not isinstance(text, str):
        raise RequestError(f"formula: must be a text, got {_short(text)}")
    name, colon, rest = text.partition(":")
    if not colon:
        return {"formula": name}
    if name == "multibrot":
        if not re.fullmatch(r"\s*[0-9]{1,9}\s*", rest):
            raise RequestError(f"formula: POWER: must be 3..6, got {_short(rest)}")
        return {"formula": name, "parameters": {"power": int(rest)}}
    parts = rest.split(",")
    if name != "julia" or len(parts) != 2:
        raise RequestError("formula: must be mandelbrot, julia:RE,IM, multibrot:POWER, "
                           f"burning-ship or tricorn, got {_short(text)}")
    return {"formula": name, "parameters": {"re": number_text("formula: RE", parts[0]),
                                            "im": number_text("formula: IM", parts[1])}}


def _read_text(text: str) -> Place:
    if text.startswith("@"):
        return Place(rest=_read_file(Path(_checks.path("view", text[1:]))))
    if ":" in text:
        return _read_edges(text)
    parts = text.split(",")
    if len(parts) == 3:
        return Place({key: number_text(f"view: {key.upper()}", part)
                      for key, part in zip(("re", "im", "width"), parts)})
    if len(parts) > 1:
        raise RequestError(f"view: must be RE,IM,WIDTH, got {_short(text)}")
    found = VIEWS.get(text)
    if found is None:
        near = difflib.get_close_matches(text[:_limits.NAME_CHARS], VIEWS, 1)
        hint = f", did you mean \"{near[0]}\"?" if near else ""
        raise NotFoundError(f"view: no preset is named {_short(text)}{hint}")
    view: dict[str, Any] = {"re": found.re, "im": found.im, "width": found.width}
    if found.rotate:
        view["rotate"] = found.rotate
    return Place(view, {"iterations": found.iterations, **read_formula(found.formula)})


def _read_edges(text: str) -> Place:
    axes = [axis.split(":") for axis in text.split(",")]
    if len(axes) != 2 or any(len(axis) != 2 for axis in axes):
        raise RequestError(f"view: must be XMIN:XMAX,YMIN:YMAX, got {_short(text)}")
    read = []
    for letter, axis in zip("XY", axes):
        words = [number_text(f"view: {letter}{end}", word)
                 for end, word in zip(("MIN", "MAX"), axis)]
        try:
            low, high = (_EXACT.create_decimal(word) for word in words)
            middle = _EXACT.multiply(_EXACT.add(low, high), decimal.Decimal("0.5"))
            extent = _EXACT.subtract(high, low)
        except decimal.DecimalException:
            raise RequestError(f"view: the {letter.lower()} range: must have fewer digits, got "
                               f"{_short(text)}") from None
        if extent <= 0:
            raise RequestError(f"view: {letter}MAX: must be over {letter}MIN, got {_short(text)}")
        read.append((_EXACT.normalize(middle) if middle else decimal.Decimal(0), extent))
    (re_, width), (im, height) = read
    return Place({"re": str(re_), "im": str(im), "width": str(width), "height": str(height)},
                 shape=float(height) / float(width) if float(width) else 0.0)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_limits.REQUEST_BYTES + 1)
    except OSError as error:
        raise FileError(f"view: {path} cannot be read: {error.strerror}", "no_input") from None
    if len(text) > _limits.REQUEST_BYTES:
        raise RequestError(f"view: {path} must have at most {_limits.REQUEST_BYTES} bytes to be a "
                           "request in JSON; other kinds of files are read by brot.local")
    try:
        return read_object(text)
    except ValueError as error:
        raise RequestError(f"view: {path} must be a request in JSON, and is {error}; other kinds "
                           "of files are read by brot.local") from None


def _short(value: object) -> str:
    text = json.dumps(value) if isinstance(value, str) else _checks.shown(value)
    return text if len(text) <= 60 else text[:57] + "..."
