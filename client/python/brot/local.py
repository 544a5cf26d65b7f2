"""Rendering in this process, or in processes of its own, without a service: needs libbrot.

>>> import brot.local
>>> counts = brot.local.render("seahorse", (64, 48), format="iterations", threads=2)
>>> counts.shape, counts.dtype
((48, 64), dtype('uint32'))

The bytes are those that any service gives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _formats, _lazy, _native
from ._formats import Array, Format, Result
from ._places import ViewLike
from ._processes import Processes, processes
from .errors import RequestError
from .image import Image
from .request import Request

__all__ = ["Processes", "dask", "image", "kernel", "processes", "render", "request"]


def request(view: ViewLike | Request = None, size: Sequence[int] | None = None,
            **words: Any) -> Request:
    """The request with every default spelled out, checked as a broker would. view may be, besides
    what :class:`brot.Request` takes, the file of a picture with a request in it, or of a place:
    .kfr, .toml, .par, .xpf. RequestError, NotFoundError, FileError."""
    return Request.from_document(_open(view, size, words).document())


def render(view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
           threads: int = 0, progress: Callable[[float], object] | None = None,
           out: Array | None = None, **words: Any) -> Result:
    """Renders in this process, with the GIL released, and returns what
    :meth:`brot.Service.render` does, of any format, kind and colour.

    threads: how many render, 0 for one a core; with 1 the caller's alone. progress: called in the
    caller's thread some ten times a second with how much is done, 0 to 1; False cancels. out: an
    array of the right shape and type for a format of one plane, whose rows are in one piece, to be
    filled and returned; it may be half written where this fails.

    RequestError (a ValueError), NotFoundError, Cancelled, FailedError. A KeyboardInterrupt ends it.
    """
    return _render(view, size, threads, progress, words, out).array


def image(view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
          threads: int = 0, progress: Callable[[float], object] | None = None,
          **words: Any) -> Image:
    """As render(), with the request: a :class:`brot.Image`, which a notebook shows."""
    return _render(view, size, threads, progress, words)


def dask(view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
         rows: int | None = None, **words: Any) -> Any:
    """What render() returns as a ``dask.array.Array`` (of format raw a dict of these) of which
    nothing is rendered yet: a chunk is when it is computed, alone, by one thread, so that dask runs
    as many side by side as it has threads or processes.

        counts = brot.local.dask("seahorse", (100_000, 100_000), format="iterations")
        counts[50_000:50_010].max().compute()            # renders one chunk, or two

    rows: of a chunk, which has the whole width; without it about a quarter of a million pixels.
    Any scheduler of dask does. A KeyboardInterrupt is heard between chunks.

    RequestError (a ValueError), also for Buddhabrots and colours that need the whole image
    (histogram, relief), of which no row can be had alone; NotFoundError.
    """
    return _lazy.rendered(request(view, size, **words), rows)


def kernel() -> str | None:
    """The name of the kernel that renders here, the fastest that this CPU has: ``"avx2"``."""
    return _native.kernel()


def _open(view: ViewLike | Request, size: Sequence[int] | None,
          words: dict[str, Any]) -> _native.Handle:
    if isinstance(view, os.PathLike):
        view = f"@{os.fsdecode(view)}"
    if isinstance(view, str) and view.startswith("@"):
        view = Request.from_document(_native.Handle(view, None).document())
    return _native.open_request(Request.of(view, size, words))


def _render(view: ViewLike | Request, size: Sequence[int] | None, threads: int,
            progress: Callable[[float], object] | None, words: dict[str, Any],
            out: Array | None = None) -> Image:
    handle = _open(view, size, words)
    asked = Request.from_document(handle.document())
    format_ = _formats.by_name(asked.format)
    width, height = asked.size
    arrays = format_.empty(height, width) if out is None else [_fitting(out, format_, asked.size)]
    _native.render(handle, arrays, threads, progress)
    if out is None:
        _formats.freeze(arrays)
    return Image(format_.assemble(arrays), asked, planes=_formats.named(format_, arrays))


def _fitting(out: Array, format_: Format, size: tuple[int, int]) -> Array:
    """The same array, if it can be filled: RequestError."""
    width, height = size
    plane = format_.planes[0]
    shape = plane.shape(height, width)
    if len(format_.planes) != 1:
        raise RequestError(f"out: must not be given for format {format_.name}, of "
                           f"{len(format_.planes)} planes")
    if (not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != plane.dtype
            or not out.flags.writeable or not out.flags.aligned
            or not out[:1].flags.c_contiguous):
        raise RequestError(f"out: must be a writeable, aligned array {shape} of {plane.dtype}, "
                           "each of whose rows is in one piece")
    row_bytes = width * plane.pixel_bytes
    if height > 1 and out.strides[0] < row_bytes:
        raise RequestError(f"out: must have rows that lie behind one another, {row_bytes} bytes "
                           f"apart or more, got {out.strides[0]}")
    return out
