"""What to draw, how large and in which format: the request of PROTOCOL.md, section 3.

>>> import brot
>>> request = brot.Request("seahorse", (640, 480), format="iterations")
>>> request.size, request.format, request.document["iterations"]
((640, 480), 'iterations', 10000)
"""

from __future__ import annotations

import copy
import json
import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal, DecimalException
from typing import Any

import numpy as np

from . import _formats, _limits
from ._checks import shown, text, whole
from ._places import RANGE_WIDTH_PX, Place, ViewLike, number_text, read_formula, read_view
from .errors import RequestError

DEFAULT_SIZE = (1920, 1080)
WHOLE_MODES = ("histogram", "relief")  #: of colours that need the whole image

_HOMES = {  # the whole of what a formula makes: re, im, width
    "mandelbrot": ("-0.75", "0", "4"),
    "julia": ("0", "0", "4"),
    "multibrot": ("0", "0", "5"),
    "burning-ship": ("-0.5", "-0.5", "5"),
    "tricorn": ("-0.25", "0", "6"),
}


class Request:
    """A request. It does not change, and any thread may use it.

    view
        a name of :data:`brot.VIEWS`, ``"RE,IM,WIDTH"``, ``"XMIN:XMAX,YMIN:YMAX"``, ``(re, im,
        width)``, a mapping with these (and ``height``, ``rotate``), a whole request document, a
        Request, ``"@request.json"`` or that path; or None for the whole of the formula. Coordinates
        may be texts, which keep all their digits, or numbers. Everything else given here goes
        before what a view brings along.
    size
        width and height in pixels; 1920 x 1080 where nobody says.
    iterations
        how long to iterate at most; grows with the zoom where nobody says.
    format
        ``rgb8``, ``rgb16``: colours; ``iterations``, ``smooth``, ``distance``, ``phase``, ``raw``,
        ``density``, ``density32``, ``nebula``, ``nebula32``: numbers.
    samples, adaptive, precision, shortcuts
        as in section 3 of PROTOCOL.md; samples x samples points a pixel.
    formula
        ``"mandelbrot"``, ``"julia:RE,IM"``, ``"multibrot:POWER"``, ``"burning-ship"``,
        ``"tricorn"``.
    colour, palette, mode
        a mapping with keys of the request's ``colour``; the palette by name or as a mapping with
        ``cyclic`` and ``stops``; the mode.
    kind, points, seed, first, sampling, orbits, bands, tone
        ``"buddhabrot"`` and what it has; ``tone`` is a mapping or the name of a curve.

    RequestError (a ValueError) names the field, the rule and the value that broke it; what only the
    renderer can check is refused by that.
    """

    __slots__ = ("_document",)
    _document: dict[str, Any]

    def __init__(self, view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
                 iterations: int | None = None, format: str | None = None,
                 samples: int | None = None, formula: str | None = None,
                 colour: Mapping[str, Any] | None = None,
                 palette: str | Mapping[str, Any] | None = None, mode: str | None = None,
                 kind: str | None = None, points: float | None = None, seed: int | None = None,
                 first: int | None = None, sampling: str | None = None, orbits: str | None = None,
                 bands: Sequence[Sequence[int]] | None = None,
                 tone: str | Mapping[str, Any] | None = None, precision: str | None = None,
                 shortcuts: bool | None = None, adaptive: int | None = None) -> None:
        place = Place(rest=view._document) if isinstance(view, Request) else read_view(view)
        document: dict[str, Any] = {"brot": 1, **copy.deepcopy(place.rest)}
        if place.view is not None:
            document["view"] = dict(place.view)
        if formula is not None:
            given = read_formula(formula)
            if given != {"formula": document.get("formula", "mandelbrot")}:
                document.pop("parameters", None)
                document.update(given)
        numbers_ = {"iterations": iterations, "samples": samples, "adaptive": adaptive}
        document.update({key: _int(key, value) for key, value in numbers_.items()
                         if value is not None})
        words = {"kind": kind, "precision": precision, "shortcuts": shortcuts, "format": format}
        document.update({key: value for key, value in words.items() if value is not None})
        _lay(document, "colour", colour)
        _lay(document, "colour", _given({"palette": palette, "mode": mode}))
        _lay(document, "buddha", _given({
            "points": None if points is None else _int("points", points), "seed": seed,
            "first": first, "sampling": sampling, "orbits": orbits, "bands": bands}))
        _lay(document, "tone", {"curve": tone} if isinstance(tone, str) else tone)
        if _formats.by_name(document.get("format", "rgb8")).is_picture is False and not samples:
            document["samples"] = 1
        document["size"] = _size(size, document, place)
        if "view" not in document:
            document["view"] = _home(document)
        self._document = _checked(document)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Request:
        """Of a whole document, as a broker has it: taken as it is, but for size and format."""
        made = cls.__new__(cls)
        if not isinstance(document, Mapping):
            raise RequestError(f"request: must be a document, got {shown(document)}")
        made._document = _checked({**document, "size": _size(None, document, Place())})
        _formats.by_name(made._document.get("format", "rgb8"))
        return made

    @classmethod
    def of(cls, view: ViewLike | Request, size: Sequence[int] | None,
           words: Mapping[str, Any]) -> Request:
        """The same as Request(view, size, **words): where view is one already, and nothing else is
        given, that one."""
        if isinstance(view, Request) and size is None and not words:
            return view
        return cls(view, size, **words)

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document, the caller's own copy."""
        return copy.deepcopy(self._document)

    def json(self) -> str:
        """The document as a text."""
        try:
            return json.dumps(self._document, separators=(",", ":"), allow_nan=False)
        except ValueError as error:
            raise RequestError(f"request: cannot be said in JSON: {error}") from None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        width, height = self._document["size"]
        return width, height

    @property
    def format(self) -> str:
        """The planes of the image, by the name that they have together."""
        name: str = self._document.get("format", "rgb8")
        return name

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, lower and upper edge in the complex plane, as matplotlib's ``imshow()``
        takes them; of a view that is not turned."""
        re_, im, width, height = self._window()
        try:
            return (float(re_ - width / 2), float(re_ + width / 2), float(im - height / 2),
                    float(im + height / 2))
        except DecimalException:
            raise RequestError("view: must be of numbers that can be reckoned with, got "
                               f"{shown(self._document['view'])}") from None

    def _window(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Centre, width and height of the view. RequestError."""
        view = self._document["view"]
        width_px, height_px = self.size
        try:
            re_, im, width = (Decimal(str(view[key])) for key in ("re", "im", "width"))
            height = (Decimal(str(view["height"])) if "height" in view else
                      width * height_px / width_px)
        except DecimalException:
            raise RequestError("view: must be of numbers that can be reckoned with, got "
                               f"{shown(view)}") from None
        return re_, im, width, height

    def numbers(self) -> Request | None:
        """The request for the numbers that this picture is coloured by, where that needs the whole
        image and so a broker refuses it; else None."""
        document, colour = self.document, self._document.get("colour", {})
        if self.format not in ("rgb8", "rgb16"):
            return None
        if document.get("kind", "escape") == "buddhabrot":
            bands = document.get("buddha", {}).get("bands", [None])
            document["format"] = "nebula" if len(bands) == 3 else "density"
        elif colour.get("mode", "smooth") in WHOLE_MODES:
            samples = document.get("samples", 1)
            is_plain = colour.get("inside", "plain") == "plain"
            document["format"] = "smooth" if is_plain else "raw"
            document["size"] = [side * samples for side in self.size]
            document["samples"], document["adaptive"] = 1, 0
            document["colour"] = {**colour, "mode": "smooth"}
        else:
            return None
        return Request.from_document(document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and self._document == other._document

    def __hash__(self) -> int:
        return hash(json.dumps(self._document, sort_keys=True))

    def __repr__(self) -> str:
        width, height = self.size
        return f"<brot.Request {width}x{height} {self.format} of {self._document['view']}>"


def _given(words: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in words.items() if value is not None}


def _lay(document: dict[str, Any], key: str, over: Mapping[str, Any] | None) -> None:
    for part in (document.get(key, {}), {} if over is None else over):
        if not isinstance(part, Mapping):
            raise RequestError(f"{key}: must be a mapping, got {shown(part)}")
    if over:
        document[key] = {**document.get(key, {}), **over}


def _plain(field: str, value: Any, depth: int = 0) -> Any:
    """As JSON has it: Python's own numbers, lists and dicts for those of others."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str):
        return text(field, value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, numbers.Integral):
        return whole(field, value, -(2**63), 2**63 - 1)
    if isinstance(value, numbers.Real):
        return float(value)
    if depth < _limits.JSON_DEPTH and isinstance(value, Mapping):
        return {str(key): _plain(field, part, depth + 1) for key, part in value.items()}
    if depth < _limits.JSON_DEPTH and isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(field, part, depth + 1) for part in value]
    raise RequestError(f"{field}: must be what JSON has a word for, got {shown(value)}")


def _checked(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as plain JSON, of whose parts those that this package reads are of their kinds.
    What they say is checked by the renderer."""
    plain: dict[str, Any] = {str(key): _plain(str(key), value) for key, value in document.items()}
    for key in ("view", "colour", "buddha", "tone", "parameters"):
        if not isinstance(plain.get(key, {}), dict):
            raise RequestError(f"{key}: must be a mapping, got {shown(plain[key])}")
    view = plain.get("view", {})
    for key in ("re", "im", "width") + (("height",) if "height" in view else ()):
        number_text(f"view.{key}", view.get(key))
    if "rotate" in view and not isinstance(view["rotate"], int | float):
        raise RequestError(f"view.rotate: must be degrees, got {shown(view['rotate'])}")
    if "samples" in plain:
        plain["samples"] = _int("samples", plain["samples"])
    if not isinstance(plain.get("buddha", {}).get("bands", []), list):
        raise RequestError(f"bands: must be a list of ranges, got {shown(plain['buddha']['bands'])}")
    return plain


def _int(name: str, value: object) -> int:
    is_whole = isinstance(value, numbers.Integral) or (isinstance(value, float | np.floating)
                                                       and value.is_integer())
    if not is_whole or isinstance(value, bool):
        raise RequestError(f"{name}: must be a whole number, got {shown(value)}")
    return int(value)  # type: ignore[call-overload,no-any-return]


def _size(size: Sequence[int] | None, document: Mapping[str, Any], place: Place) -> list[int]:
    given = size if size is not None else document.get("size")
    if given is None and place.shape:
        height = RANGE_WIDTH_PX * place.shape
        if not 0.5 <= height < _limits.SIZE_PX:
            raise RequestError("size: must be given with a view that is "
                               f"{1 / place.shape:.3g} times as wide as high")
        given = (RANGE_WIDTH_PX, int(height + 0.5))
    if given is None:
        given = DEFAULT_SIZE
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        raise RequestError(f"size: must be (width, height) in pixels, got {shown(given)}")
    sides = [_int("size", side) for side in given]
    if not all(1 <= side <= _limits.SIZE_PX for side in sides):
        raise RequestError(f"size: each side must be 1 to {_limits.SIZE_PX} pixels, got {shown(given)}")
    return sides


def _home(document: Mapping[str, Any]) -> dict[str, Any]:
    width_px, height_px = document["size"]
    if document.get("kind") == "buddhabrot":
        # Upright, that is with the negative reals on top, it is some 3 high and 2.6 wide.
        width = min(max(2.8, 3.2 * width_px / height_px), 1024.0)
        return {"re": "-0.4", "im": "0", "width": f"{width:.3f}", "rotate": 90}
    formula = document.get("formula", "mandelbrot")
    if formula not in _HOMES:
        raise RequestError(f"formula: must be one of {', '.join(_HOMES)}, got {shown(formula)}")
    return dict(zip(("re", "im", "width"), _HOMES[formula]))
