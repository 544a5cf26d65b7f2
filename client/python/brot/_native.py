"""libbrot, by ctypes: include/brot/*.h of the same source tree.

The library is the one beside this package, or the one that ``LIBBROT`` names, or the system's. All
calls give up the GIL.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_bool, c_char, c_char_p, c_double,
                    c_int, c_size_t, c_uint32, c_uint64, c_void_p)
from pathlib import Path
from typing import Any

import numpy as np

from . import _formats
from ._checks import callback, shown, whole
from ._formats import Array, Plane, Result
from .errors import Error, RequestError, from_code, from_number
from .request import Request

NAME = "libbrot.so.0"
PLANES_MAX = 7
THREADS_MAX = 256
DPI_MAX = 100_000
_RESERVED = 8  # BROT_RESERVED
PART_PX = 1 << 16  # of a call that colours, or surveys: each of these makes a histogram


class _Error(Structure):
    _fields_ = [("code", c_int), ("text", c_char * 256)]


class _Array(Structure):
    _fields_ = [("data", c_void_p), ("stride_bytes", c_size_t)]


_OnProgress = CFUNCTYPE(c_bool, c_double, c_void_p)


class _Local(Structure):
    _fields_ = [("threads", c_uint32), ("on_progress", _OnProgress), ("context", c_void_p),
                ("first_row", c_uint32), ("rows", c_uint32), ("first_sample", c_uint64),
                ("samples", c_uint64), ("reserved", c_uint64 * _RESERVED)]


class _File(Structure):
    _fields_ = [("dpi", c_uint32), ("compress", c_int), ("threads", c_uint32),
                ("reserved", c_uint64 * _RESERVED)]


class _Numbers(Structure):
    _fields_ = [("width_px", c_uint32), ("height_px", c_uint32), ("iterations", c_void_p),
                ("whole", c_void_p), ("fraction", c_void_p), ("distance", c_void_p),
                ("phase", c_void_p), ("period", c_void_p), ("interior", c_void_p),
                ("density", c_void_p * 3), ("density32", c_void_p * 3),
                ("reserved", c_void_p * _RESERVED)]


_PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "brot_request_new": (c_int, [c_char_p, c_char_p, POINTER(c_void_p), POINTER(_Error)]),
    "brot_request_free": (None, [c_void_p]),
    "brot_request_json": (c_char_p, [c_void_p]),
    "brot_request_rows": (c_uint32, [c_void_p]),
    "brot_render": (c_int, [c_void_p, POINTER(_Array), POINTER(_Local), POINTER(_Error)]),
    "brot_kernel": (c_char_p, []),
    "brot_colour_new": (c_int, [c_char_p, c_size_t, POINTER(c_void_p), POINTER(_Error)]),
    "brot_colour_free": (None, [c_void_p]),
    "brot_colour_check": (c_int, [c_void_p, POINTER(_Numbers), POINTER(_Error)]),
    "brot_colour_needs_survey": (c_bool, [c_void_p]),
    "brot_colour_survey": (None, [c_void_p, POINTER(_Numbers), c_uint32, c_uint32]),
    "brot_colour_rows8": (None, [c_void_p, POINTER(_Numbers), c_uint32, c_uint32, c_void_p,
                                 c_size_t]),
    "brot_colour_rows16": (None, [c_void_p, POINTER(_Numbers), c_uint32, c_uint32, c_void_p,
                                  c_size_t]),
    "brot_write": (c_int, [c_char_p, c_void_p, POINTER(_Array), POINTER(_File), POINTER(_Error)]),
    "brot_encode_png": (c_int, [c_void_p, POINTER(_Array), POINTER(_File), POINTER(c_void_p),
                                POINTER(c_size_t), POINTER(_Error)]),
    "brot_free": (None, [c_void_p]),
}


@functools.cache
def library() -> ctypes.CDLL:
    """The library. NotFoundError where there is none, or one of another interface."""
    beside = Path(__file__).with_name(NAME)
    path = str(beside) if beside.exists() else os.environ.get("LIBBROT") or NAME
    try:
        found = ctypes.CDLL(path)
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise from_code("not_found", f"libbrot cannot be loaded: {error}; install it, or set "
                        "LIBBROT to its file") from None
    return found


def is_there() -> bool:
    try:
        library()
    except Error:
        return False
    return True


def _check(code: int, error: _Error) -> None:
    if code:
        raise from_number(code, error.text.decode("utf-8", "replace"))


class Handle:
    """A ``struct brot_request``, which lives as long as this does: keep it while its pointer is
    used."""

    def __init__(self, view: str | None, document: str | None) -> None:
        self._library = library()
        self.pointer = c_void_p()
        error = _Error()
        for name, text in (("view", view), ("request", document)):
            if text is not None and "\0" in text:
                raise RequestError(f"{name}: must have no NUL in it")
        _check(self._library.brot_request_new(
            None if view is None else os.fsencode(view),
            None if document is None else document.encode(), byref(self.pointer), byref(error)),
            error)

    def document(self) -> dict[str, Any]:
        """The whole document, every default spelled out."""
        found: dict[str, Any] = json.loads(self._library.brot_request_json(self.pointer))
        return found

    def rows(self) -> int:
        """How many, from the top on, have to be rendered: the others are their mirror images."""
        rows: int = self._library.brot_request_rows(self.pointer)
        return rows

    def __del__(self) -> None:
        if getattr(self, "pointer", None):
            self._library.brot_request_free(self.pointer)


def open_request(request: Request) -> Handle:
    """RequestError names what libbrot does not take."""
    return Handle(None, request.json())


def kernel() -> str | None:
    """The kernel that renders here: "avx2"."""
    name = library().brot_kernel()
    return name.decode() if name is not None else None


def _arrays(arrays: Sequence[Array]) -> Any:
    made = (_Array * max(PLANES_MAX, len(arrays)))()
    for slot, array in zip(made, arrays):
        slot.data = array.ctypes.data
        slot.stride_bytes = array.strides[0] if array.shape[0] > 1 else 0
    return made


# Rendering


class _Watch:
    """What libbrot asks in the thread that renders: whether to go on.

    A KeyboardInterrupt is raised where Python looks for signals, which in the callback is before
    its first line: only the hook for exceptions that nobody can catch hears of that one.
    """

    def __init__(self, progress: Callable[[float], object] | None) -> None:
        self._progress = progress
        self.raised: BaseException | None = None
        self.callback = _OnProgress(self._ask)

    def _ask(self, done: float, _: int | None) -> bool:
        try:
            return self.raised is None and (self._progress is None
                                            or self._progress(done) is not False)
        except BaseException as error:  # pylint: disable=broad-except
            self.raised = error
            return False

    def __enter__(self) -> _Watch:
        self._hook = sys.unraisablehook
        if threading.current_thread() is threading.main_thread():
            sys.unraisablehook = self._unraisable
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            sys.unraisablehook = self._hook

    def _unraisable(self, found: sys.UnraisableHookArgs) -> None:
        if issubclass(found.exc_type, KeyboardInterrupt):
            self.raised = KeyboardInterrupt()
        else:
            self._hook(found)


def render(handle: Handle, arrays: Sequence[Array], threads: int = 0,
           progress: Callable[[float], object] | None = None, *,
           rows: tuple[int, int] = (0, 0), samples: tuple[int, int] = (0, 0)) -> None:
    """Renders into an array for each plane, whose rows are in one piece. rows: the first one and
    how many, of which alone arrays consist, samples: the same of those that are counted; 0: all.
    What progress raises, a KeyboardInterrupt included, ends it and is raised."""
    if progress is not None:
        callback("progress", progress)
    threads, error = whole("threads", threads, 0, THREADS_MAX), _Error()
    with _Watch(progress) as watch:
        local = _Local(threads, watch.callback, None, *rows, *samples)
        code = library().brot_render(handle.pointer, _arrays(arrays), byref(local), byref(error))
    if code and watch.raised is not None:
        raise watch.raised
    _check(code, error)


# Colours

_PLANE_FIELDS = ("iterations", "whole", "fraction", "distance", "phase", "period",
                 "interior")


def colour(picture: Request, arrays: Sequence[Array]) -> Result:
    """Colours the planes that ``picture.numbers()`` asks for."""
    numbers = picture.numbers()
    assert numbers is not None
    return colour_planes(picture, _formats.named(_formats.by_name(numbers.format), arrays))


def _numbers(planes: Mapping[str, Array]) -> tuple[_Numbers, list[Array]]:
    kept = []
    height, width = np.shape(next(iter(planes.values()), ()))[:2] or (0, 0)
    numbers = _Numbers(width, height)
    for name, array in planes.items():
        match = re.fullmatch(r"(density32|density)([12]?)", name)
        plane = _formats.PLANES.get(match[1] if match is not None else name)
        if plane is None:
            continue
        kept.append(_contiguous(plane, array, height, width))
        if match is not None:
            getattr(numbers, match[1])[int(match[2] or 0)] = kept[-1].ctypes.data
        elif name in _PLANE_FIELDS:
            setattr(numbers, name, kept[-1].ctypes.data)
    return numbers, kept


def _contiguous(plane: Plane, array: Array, height: int, width: int) -> Array:
    """The same values in one piece: what libbrot reads must be there. RequestError."""
    shape = plane.shape(height, width)
    if not isinstance(array, np.ndarray) or (
            array.shape != shape or array.dtype != plane.dtype):
        raise RequestError(f"planes: {plane.name} must be an array {shape} of {plane.dtype}, got "
                           f"{shown(array)}")
    return np.require(array, requirements=("C", "A"))


def _planes(request: Request, arrays: Sequence[Array]) -> list[Array]:
    """The planes of a request's format, likewise."""
    planes, (width, height) = _formats.by_name(request.format).planes, request.size
    if len(arrays) != len(planes):
        raise RequestError(f"planes: an image of {request.format} has {len(planes)}, got "
                           f"{len(arrays)}")
    return [_contiguous(plane, array, height, width) for plane, array in zip(planes, arrays)]


class _Painter:
    """A ``struct brot_colour`` and all that it reads and writes. Whoever paints holds it: a thread
    may still do so when its caller has gone, after a second Ctrl-C."""

    def __init__(self, picture: Request, planes: Mapping[str, Array]) -> None:
        self._library, self._colour = library(), c_void_p()
        self._numbers, self._kept = _numbers(planes)
        document = json.dumps(open_request(picture).document()).encode()
        error = _Error()
        _check(self._library.brot_colour_new(document, len(document), byref(self._colour),
                                             byref(error)), error)
        _check(self._library.brot_colour_check(self._colour, byref(self._numbers), byref(error)),
               error)
        width, height = picture.size
        is_deep = picture.format == "rgb16"
        self.rgb = np.empty((height, width, 3), np.uint16 if is_deep else np.uint8)
        self._paint = (self._library.brot_colour_rows16 if is_deep
                       else self._library.brot_colour_rows8)

    def surveys(self) -> list[Callable[[], object]]:
        """What is to be done before paints(), in any order and number at a time."""
        if not self._library.brot_colour_needs_survey(self._colour):
            return []
        height, width = self._kept[0].shape[:2]
        return [functools.partial(self._survey, y, rows) for y, rows in _parts(height, width)]

    def paints(self) -> list[Callable[[], object]]:
        """Likewise: they fill ``rgb``."""
        height, width = self.rgb.shape[:2]
        return [functools.partial(self._rows, y, rows) for y, rows in _parts(height, width)]

    def _survey(self, y: int, rows: int) -> None:
        self._library.brot_colour_survey(self._colour, byref(self._numbers), y, rows)

    def _rows(self, y: int, rows: int) -> None:
        stride = self.rgb.strides[0]
        self._paint(self._colour, byref(self._numbers), y, rows, self.rgb.ctypes.data + y * stride,
                    stride)

    def __del__(self) -> None:
        if getattr(self, "_colour", None):
            self._library.brot_colour_free(self._colour)


def _parts(height: int, width: int) -> list[tuple[int, int]]:
    step = max(1, PART_PX // width)
    return [(y, min(step, height - y)) for y in range(0, height, step)]


def colour_planes(picture: Request, planes: Mapping[str, Array]) -> Array:
    """The colours (h, w, 3) of numbers, on all cores: the bytes of a render with that request."""
    painter = _Painter(picture, planes)
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "brot-colour")
    try:
        for calls in (painter.surveys(), painter.paints()):
            for future in [pool.submit(call) for call in calls]:
                future.result()
    finally:
        pool.shutdown(cancel_futures=True)
    painter.rgb.flags.writeable = False
    return painter.rgb


# Files


def _options(dpi: int, compress: int | None) -> _File:
    dpi = whole("dpi", dpi, 0, DPI_MAX)
    if compress is None:
        return _File(dpi, 0, 0)
    return _File(dpi, whole("compress", compress, 0, 9) or -1, 0)


def write(path: Path, request: Request, arrays: Sequence[Array], dpi: int = 0,
          compress: int | None = None) -> None:
    """Writes a file of the kind that its suffix names."""
    error, kept = _Error(), _planes(request, arrays)
    handle, options = open_request(request), _options(dpi, compress)
    _check(library().brot_write(os.fsencode(path), handle.pointer, _arrays(kept), byref(options),
                                byref(error)), error)


def encode_png(request: Request, rgb: Array) -> bytes:
    """The bytes of a PNG file, with the request in it."""
    found, error = library(), _Error()
    handle, kept = open_request(request), _planes(request, [rgb])
    memory, size = c_void_p(), c_size_t()
    _check(found.brot_encode_png(handle.pointer, _arrays(kept), None, byref(memory),
                                 byref(size), byref(error)), error)
    try:
        return ctypes.string_at(memory, size.value)
    finally:
        found.brot_free(memory)
